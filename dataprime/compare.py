"""Comparisons: what may be compared with what, and how."""

from __future__ import annotations

from dataprime.errors import DataPrimeError, Position
from dataprime.expressions import SEVERITIES
from dataprime.functions.arrays import array_contains
from dataprime.functions.signature import cast_hint
from dataprime.table import Kind
from dataprime.values import NULL, Value, as_json, as_text, coerce

_SQL_OPS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_EXACT = 2**53
_WORDS = ", ".join(SEVERITIES)


def compare(op: str, left: Value, right: Value, at: Position) -> Value:
    """Return `left op right` as a bool.

    Raises DataPrimeError when two known kinds can never be equal.
    """
    if Kind.NULL in (left.kind, right.kind):
        return _with_null(op, left if right.kind is Kind.NULL else right)
    if Kind.SEVERITY in (left.kind, right.kind):
        _check_severity(left, right, at)
    if left.kind is Kind.ANY and right.kind is Kind.ANY:
        return _both_any(op, left, right)
    pair = _aligned(left, right)
    if pair is None:
        raise _mismatch(left, right, at)
    if left.kind in (Kind.ARRAY, Kind.OBJECT) or right.kind in (
        Kind.ARRAY,
        Kind.OBJECT,
    ):
        return _structures(op, left, right, at)
    return Value(Kind.BOOL, f"({pair[0]} {_SQL_OPS[op]} {pair[1]})")


def _with_null(op: str, other: Value) -> Value:
    if op not in ("==", "!="):
        return Value(Kind.BOOL, "CAST(NULL AS BOOLEAN)")
    test = "IS NULL" if op == "==" else "IS NOT NULL"
    sql = as_text(other) if other.kind is Kind.ANY else other.sql
    return Value(Kind.BOOL, f"(({sql}) {test})")


def _aligned(left: Value, right: Value) -> tuple[str, str] | None:
    if left.kind is Kind.ANY:
        swapped = _aligned(right, left)
        return (swapped[1], swapped[0]) if swapped else None
    other = coerce(right, left.kind)
    if other is None:
        return None
    if left.kind is Kind.NUMBER and other.text is not None and _is_big(left):
        # A double cannot tell two 19-digit integers apart.
        return left.sql, f"TRY_CAST({other.text} AS HUGEINT)"
    return left.sql, other.sql


def _is_big(value: Value) -> bool:
    return isinstance(value.constant, int) and abs(value.constant) > _EXACT


def _both_any(op: str, left: Value, right: Value) -> Value:
    """Compare two values of unknown type: as numbers if both are, else as texts."""
    sql = _SQL_OPS[op]
    numbers = [coerce(value, Kind.NUMBER) for value in (left, right)]
    one, two = (number.sql if number else "NULL" for number in numbers)
    texts = f"{as_text(left)} {sql} {as_text(right)}"
    return Value(Kind.BOOL, f"coalesce({one} {sql} {two}, {texts})")


def _structures(op: str, left: Value, right: Value, at: Position) -> Value:
    if op not in ("==", "!="):
        raise DataPrimeError("arrays and objects have no order", *at)
    one, two = (f"CAST({as_json(value)} AS VARCHAR)" for value in (left, right))
    return Value(Kind.BOOL, f"({one} {_SQL_OPS[op]} {two})")


def _check_severity(left: Value, right: Value, at: Position) -> None:
    other = right if left.kind is Kind.SEVERITY else left
    if other.kind is Kind.SEVERITY:
        return
    if isinstance(other.constant, str):
        word = other.constant.upper()
        bare = word if word in SEVERITIES else "ERROR"
        raise DataPrimeError(
            f"severity is compared with a bare word, not a text: write {bare} without "
            f"quotes (one of {_WORDS})",
            *at,
        )
    if isinstance(other.constant, int) and 1 <= other.constant <= len(SEVERITIES):
        word = SEVERITIES[other.constant - 1]
        raise DataPrimeError(
            f"severity is compared with a bare word, not a number: write {word} "
            f"(one of {_WORDS})",
            *at,
        )
    raise DataPrimeError(
        f"type mismatch: a severity is compared with a value of type {other.kind}: use "
        f"one of {_WORDS}, or cast both sides with ':string'",
        *at,
    )


def _mismatch(left: Value, right: Value, at: Position) -> DataPrimeError:
    known = right if left.constant is not None else left
    other = left if known is right else right
    hint = cast_hint(other.kind)
    if other.kind is Kind.STRING and known.kind is Kind.TIMESTAMP:
        hint = ": write a time as @'2024-01-31T13:45:00Z'"
    if Kind.REGEXP in (known.kind, other.kind):
        hint = ": use $d.key.matches(/pattern/)"
    return DataPrimeError(
        f"type mismatch: {known.kind.with_article} is compared with {other.kind.with_article}{hint}",
        *at,
    )


def is_member(needle: Value, candidates: list[Value], at: Position) -> Value:
    """Return `needle in [candidates]`."""
    if not candidates:
        return Value(Kind.BOOL, "false")
    for candidate in candidates:
        compare("==", needle, candidate, at)
    kinds = {candidate.kind for candidate in candidates}
    listable = kinds in ({Kind.STRING}, {Kind.NUMBER}) and not any(
        map(_is_big, candidates)
    )
    if listable and needle.kind in (Kind.ANY, *kinds):
        options = ", ".join(candidate.sql for candidate in candidates)
        found = coerce(needle, candidates[0].kind) or needle
        return Value(Kind.BOOL, f"({found.sql} IN ({options}))")
    tests = (compare("==", needle, candidate, at).sql for candidate in candidates)
    return Value(Kind.BOOL, f"({' OR '.join(tests)})")


def is_array_member(needle: Value, array: Value, at: Position) -> Value:
    """Return `needle in array`."""
    found = coerce(array, Kind.ARRAY)
    if found is None:
        raise DataPrimeError(f"'in' needs an array, not {array.kind.with_article}", *at)
    return array_contains(found, needle)


def unify_kinds(values: list[Value], at: Position) -> list[Value]:
    """Return values of one kind, for expressions that pick one of several.

    Values of several kinds become values of unknown type.
    """
    kinds = {value.kind for value in values} - {Kind.NULL}
    kind = kinds.pop() if len(kinds) == 1 else Kind.ANY
    if any(value.kind is Kind.REGEXP for value in values):
        raise DataPrimeError("a regular expression is not a value here", *at)
    found = [coerce(value, kind) for value in values]
    return [value or NULL for value in found]


def order_columns(value: Value) -> list[str]:
    """Return what to sort by: numbers as numbers and before texts."""
    if value.kind is Kind.ANY:
        number = coerce(value, Kind.NUMBER)
        return [number.sql if number else "NULL", as_text(value)]
    if value.kind in (Kind.ARRAY, Kind.OBJECT):
        return [as_text(value)]
    if value.text is not None and value.kind is Kind.NUMBER:
        return [value.sql, f"TRY_CAST({value.text} AS HUGEINT)"]
    return [value.sql]
