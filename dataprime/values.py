"""Values while compiling: a kind, its SQL, and how kinds turn into each other.

The SQL type behind each kind: number: any numeric; string: VARCHAR; bool: BOOLEAN;
timestamp and interval: BIGINT nanoseconds; array: JSON[]; object and any: JSON;
severity: integer 1..6. A value that cannot be converted is NULL, as the language wants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dataprime.sql import let
from dataprime.table import Field, Kind
from dataprime.times import UNITS

Constant = str | int | float | bool | None

# Largest integer a double holds exactly.
_EXACT = 2**53
_ISO = "'%Y-%m-%dT%H:%M:%S.%n'"
_WORDS = "['Debug', 'Verbose', 'Info', 'Warning', 'Error', 'Critical']"
_INTERVAL = (
    "'(-)?(?:([0-9]{1,18})d)?(?:([0-9]{1,18})h)?(?:([0-9]{1,18})m)?"
    "(?:([0-9]{1,18})s)?(?:([0-9]{1,18})ms)?(?:([0-9]{1,18})us)?(?:([0-9]{1,18})ns)?'"
)
_INTEGER = "'-?(?:0|[1-9][0-9]{0,37})'"
_SQL_TYPES = {
    Kind.NUMBER: "DOUBLE",
    Kind.STRING: "VARCHAR",
    Kind.BOOL: "BOOLEAN",
    Kind.TIMESTAMP: "BIGINT",
    Kind.INTERVAL: "BIGINT",
    Kind.ARRAY: "JSON[]",
    Kind.SEVERITY: "INTEGER",
}
# Names a cast may use (Coralogix docs, understanding types).
CAST_NAMES = {
    **{kind.value: kind for kind in _SQL_TYPES if kind is not Kind.SEVERITY},
    "num": Kind.NUMBER,
    "str": Kind.STRING,
    "boolean": Kind.BOOL,
    "object": Kind.OBJECT,
}


@dataclass(frozen=True)
class Value:
    """A compiled expression.

    text      ANY: the scalar as VARCHAR, cheaper than through JSON.
              NUMBER: the text it was read from, which keeps long integers exact.
    constant  the literal, where it is one
    """

    kind: Kind
    sql: str
    text: str | None = None
    constant: Constant = None


NULL = Value(Kind.NULL, "NULL")


def field_value(field: Field) -> Value:
    """Return the value of a typed column."""
    kind = Kind(field.kind)
    if kind is Kind.TIMESTAMP:
        # Outside 1677..2262 there are no nanoseconds: null, as for any failure. TRY
        # alone does not help: DuckDB also converts the column's statistics.
        return Value(kind, f"epoch_ns(TRY_CAST({field.sql} AS TIMESTAMP_NS))")
    if kind is Kind.ARRAY:
        return Value(kind, f"TRY_CAST({field.sql} AS JSON[])")
    return Value(kind, f"({field.sql})")


def any_json(sql: str) -> Value:
    """Return a value whose type each row decides."""
    return Value(Kind.ANY, sql, f"({sql} ->> '$')")


def typed_null(kind: Kind) -> str:
    """Return NULL with the SQL type of a kind."""
    return f"CAST(NULL AS {_SQL_TYPES.get(kind, 'JSON')})"


def as_json(value: Value) -> str:
    """Return the JSON a value is shown as; SQL NULL for null.

    Timestamps are integer nanoseconds since the epoch, intervals `1h30m`.
    """
    if value.kind in (Kind.ANY, Kind.OBJECT):
        return value.sql
    if value.kind is Kind.NUMBER:
        return _number_json(value)
    if value.kind is Kind.NULL:
        return typed_null(Kind.ANY)
    if value.kind in (Kind.INTERVAL, Kind.SEVERITY):
        return f"to_json({as_text(value)})"
    return f"to_json({value.sql})"


def _number_json(value: Value) -> str:
    shown = _number(value.sql, lambda sql: f"to_json({sql})")
    if value.text is None:
        return shown
    exact = f"regexp_full_match({value.text}, {_INTEGER})"
    return f"CASE WHEN {exact} THEN CAST({value.text} AS JSON) ELSE {shown} END"


def _number(sql: str, form: Callable[[str], str]) -> str:
    # 500.0 is shown as 500; NaN and infinities do not exist in JSON: null.
    def body(it: str) -> str:
        double = f"CAST({it} AS DOUBLE)"
        whole = f"{double} BETWEEN -{_EXACT} AND {_EXACT} AND {it} = trunc({it})"
        return (
            f"CASE WHEN {whole} THEN {form(f'CAST({it} AS BIGINT)')} "
            f"WHEN isfinite({double}) THEN {form(it)} END"
        )

    return let(sql, body)


def as_text(value: Value) -> str:
    """Return a value as VARCHAR."""
    return _TEXTS[value.kind](value)


def _number_text(value: Value) -> str:
    shown = _number(value.sql, lambda sql: f"CAST({sql} AS VARCHAR)")
    if value.text is None:
        return shown
    exact = f"regexp_full_match({value.text}, {_INTEGER})"
    return f"CASE WHEN {exact} THEN {value.text} ELSE {shown} END"


def iso_text(sql: str) -> str:
    """Return nanoseconds since the epoch as ISO 8601 with nine digits, no zone."""
    return f"TRY(strftime(make_timestamp_ns({sql}), {_ISO}))"


def _interval_text(sql: str) -> str:
    def body(it: str) -> str:
        parts, bound = [], None
        for unit, size in UNITS.items():
            if unit == "w":
                continue
            # HUGEINT: the smallest BIGINT has no positive counterpart.
            size_of = f"abs(CAST({it} AS HUGEINT))"
            left = size_of if bound is None else f"({size_of} % {bound})"
            count = f"{left} // {size}"
            parts.append(
                f"CASE WHEN {count} > 0 THEN ({count}) || '{unit}' ELSE '' END"
            )
            bound = size
        sign = f"CASE WHEN {it} < 0 THEN '-' ELSE '' END"
        return (
            f"CASE WHEN {it} = 0 THEN '0ns' WHEN {it} IS NOT NULL "
            f"THEN {' || '.join([sign, *parts])} END"
        )

    return let(sql, body)


def _array_text(value: Value) -> str:
    return f"CAST(to_json({value.sql}) AS VARCHAR)"


_TEXTS: dict[Kind, Callable[[Value], str]] = {
    Kind.STRING: lambda value: value.sql,
    Kind.REGEXP: lambda value: value.sql,
    Kind.NUMBER: _number_text,
    Kind.BOOL: lambda value: f"CAST({value.sql} AS VARCHAR)",
    Kind.TIMESTAMP: lambda value: f"({iso_text(value.sql)} || 'Z')",
    Kind.INTERVAL: lambda value: _interval_text(value.sql),
    Kind.SEVERITY: lambda value: f"list_extract({_WORDS}, {value.sql})",
    Kind.ARRAY: _array_text,
    Kind.OBJECT: lambda value: f"CAST({value.sql} AS VARCHAR)",
    Kind.ANY: lambda value: value.text or f"({value.sql} ->> '$')",
    Kind.NULL: lambda _: typed_null(Kind.STRING),
}


def coerce(value: Value, kind: Kind) -> Value | None:
    """Return the value as a kind when the language converts it by itself, else None.

    Only a value of unknown type is converted, and only if the row holds that type: the
    text "200" is not a number until it is cast.
    """
    if value.kind is kind:
        return value
    if kind is Kind.ANY:
        return any_json(as_json(value))
    if value.kind is Kind.NULL:
        return Value(kind, typed_null(kind))
    if value.kind is Kind.ANY:
        return _FROM_ANY[kind](value) if kind in _FROM_ANY else None
    return None


def _raw(value: Value) -> str:
    return f"CAST({value.sql} AS VARCHAR)"


def _strict_number(value: Value) -> Value:
    # A JSON string keeps its quotes here, so it does not become a number.
    raw = _raw(value)
    return Value(Kind.NUMBER, f"TRY_CAST({raw} AS DOUBLE)", raw)


def _strict_bool(value: Value) -> Value:
    sql = f"CASE {_raw(value)} WHEN 'true' THEN true WHEN 'false' THEN false END"
    return Value(Kind.BOOL, sql)


def _any_timestamp(value: Value) -> Value:
    text = as_text(value)
    number = f"TRY_CAST({text} AS BIGINT)"
    return Value(
        Kind.TIMESTAMP, f"coalesce({_epoch(number)}, {timestamp_from_text(text)})"
    )


def _any_interval(value: Value) -> Value:
    text = as_text(value)
    number = f"TRY_CAST({text} AS BIGINT)"
    return Value(Kind.INTERVAL, f"coalesce({number}, {interval_from_text(text)})")


_FROM_ANY: dict[Kind, Callable[[Value], Value]] = {
    Kind.NUMBER: _strict_number,
    Kind.STRING: lambda value: Value(Kind.STRING, as_text(value)),
    Kind.BOOL: _strict_bool,
    Kind.TIMESTAMP: _any_timestamp,
    Kind.INTERVAL: _any_interval,
    Kind.ARRAY: lambda value: Value(Kind.ARRAY, f"TRY_CAST({value.sql} AS JSON[])"),
    Kind.OBJECT: lambda value: Value(
        Kind.OBJECT,
        f"CASE WHEN json_type({value.sql}) = 'OBJECT' THEN {value.sql} END",
    ),
}


def cast(value: Value, kind: Kind) -> Value | None:
    """Return `value:kind`, or None when there is no such conversion."""
    if kind is Kind.STRING:
        return Value(kind, as_text(value), constant=_constant_text(value))
    if value.kind in (Kind.ANY, Kind.STRING) and kind in _LENIENT:
        return _LENIENT[kind](as_text(value), value)
    whole = _between_numbers(value, kind)
    if whole is not None:
        return Value(kind, whole)
    converted = coerce(value, kind)
    return replace(converted, constant=None) if converted else None


def _between_numbers(value: Value, kind: Kind) -> str | None:
    """Return a number as a time or duration, or the other way around."""
    if kind is Kind.NUMBER and value.kind in _NUMERIC:
        return f"CAST({value.sql} AS BIGINT)"
    if kind is Kind.TIMESTAMP and value.kind is Kind.NUMBER:
        return _epoch(f"TRY_CAST({value.sql} AS BIGINT)")
    if kind is Kind.INTERVAL and value.kind is Kind.NUMBER:
        return f"TRY_CAST({value.sql} AS BIGINT)"
    return None


_NUMERIC = (Kind.BOOL, Kind.TIMESTAMP, Kind.INTERVAL, Kind.SEVERITY)


def _constant_text(value: Value) -> str | None:
    return value.constant if isinstance(value.constant, str) else None


def _lenient_number(text: str, _: Value) -> Value:
    # 'inf' and 'nan' are words, not numbers: every number ends in a digit or a dot.
    def body(it: str) -> str:
        return f"CASE WHEN right({it}, 1) <= '9' THEN TRY_CAST({it} AS DOUBLE) END"

    return Value(Kind.NUMBER, let(text, body), text)


def _lenient_bool(text: str, _: Value) -> Value:
    sql = f"CASE lower({text}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    return Value(Kind.BOOL, sql)


def _lenient_time(text: str, value: Value) -> Value:
    if value.kind is Kind.ANY:
        return _any_timestamp(value)
    return Value(Kind.TIMESTAMP, timestamp_from_text(text))


def _lenient_interval(text: str, value: Value) -> Value:
    if value.kind is Kind.ANY:
        return _any_interval(value)
    return Value(Kind.INTERVAL, interval_from_text(text))


_LENIENT: dict[Kind, Callable[[str, Value], Value]] = {
    Kind.NUMBER: _lenient_number,
    Kind.BOOL: _lenient_bool,
    Kind.TIMESTAMP: _lenient_time,
    Kind.INTERVAL: _lenient_interval,
}


def timestamp_from_text(text: str) -> str:
    """Return nanoseconds since the epoch of an ISO 8601 text."""
    return f"TRY(epoch_ns(TRY_CAST({text} AS TIMESTAMP_NS)))"


def _epoch(sql: str) -> str:
    # Assumption: a number used as a time is seconds, milli-, micro- or nanoseconds by
    # its size, as the examples of roundTime and parseTimestamp in the docs show.
    def body(it: str) -> str:
        steps = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))
        cases = " ".join(
            f"WHEN abs({it}) < {limit} THEN {it} * {factor}" for limit, factor in steps
        )
        return f"CASE WHEN {it} = -9223372036854775808 THEN NULL {cases} ELSE {it} END"

    return let(sql, body)


def interval_from_text(text: str) -> str:
    """Return nanoseconds of a text such as `1d2h` (Coralogix docs, parseInterval)."""

    def body(it: str) -> str:
        units = [size for unit, size in UNITS.items() if unit != "w"]
        terms = (
            f"coalesce(TRY_CAST(regexp_extract({it}, {_INTERVAL}, {n}) AS BIGINT), 0)"
            f" * {size}"
            for n, size in enumerate(units, start=2)
        )
        total = f"TRY({' + '.join(terms)})"
        sign = f"CASE WHEN starts_with({it}, '-') THEN -1 ELSE 1 END"
        valid = f"regexp_full_match({it}, {_INTERVAL}) AND {it} NOT IN ('', '-')"
        return f"CASE WHEN {valid} THEN {sign} * {total} END"

    return let(text, body)
