"""Arithmetic on numbers, timestamps and intervals."""

from __future__ import annotations

from dataprime.errors import DataPrimeError, Position
from dataprime.functions.moments import positive_or_null, round_to
from dataprime.functions.signature import cast_hint
from dataprime.table import Kind
from dataprime.values import Value, coerce

NUMBER, TIMESTAMP, INTERVAL = Kind.NUMBER, Kind.TIMESTAMP, Kind.INTERVAL
# TRY: what does not fit, and a division by zero, is null (Coralogix docs, expressions).
_TIME = {
    ("+", TIMESTAMP, INTERVAL): (TIMESTAMP, "TRY({} + {})"),
    ("+", INTERVAL, TIMESTAMP): (TIMESTAMP, "TRY({} + {})"),
    ("-", TIMESTAMP, INTERVAL): (TIMESTAMP, "TRY({} - {})"),
    ("-", TIMESTAMP, TIMESTAMP): (INTERVAL, "TRY({} - {})"),
    ("+", INTERVAL, INTERVAL): (INTERVAL, "TRY({} + {})"),
    ("-", INTERVAL, INTERVAL): (INTERVAL, "TRY({} - {})"),
    ("*", INTERVAL, NUMBER): (INTERVAL, "TRY(CAST(trunc({} * {}) AS BIGINT))"),
    ("*", NUMBER, INTERVAL): (INTERVAL, "TRY(CAST(trunc({} * {}) AS BIGINT))"),
    ("/", INTERVAL, NUMBER): (
        INTERVAL,
        "TRY(CAST(trunc({} / nullif({}, 0)) AS BIGINT))",
    ),
    ("/", INTERVAL, INTERVAL): (NUMBER, "({} / nullif({}, 0))"),
    ("%", INTERVAL, INTERVAL): (INTERVAL, "TRY({} % nullif({}, 0))"),
}
_NUMBERS = {
    "+": "TRY({} + {})",
    "-": "TRY({} - {})",
    "*": "TRY({} * {})",
    "/": "(CAST({} AS DOUBLE) / nullif({}, 0))",
    "%": "TRY({} % nullif({}, 0))",
}


def arithmetic(op: str, left: Value, right: Value, at: Position) -> Value:
    """Return `left op right`. Raises DataPrimeError for kinds that do not go together."""
    if op == "/" and (left.kind is TIMESTAMP or _is_time(left, right)):
        return _rounded(coerce(left, TIMESTAMP) or left, right, at)
    left, right = _partner(op, left, right.kind), _partner(op, right, left.kind)
    timed = _TIME.get((op, left.kind, right.kind))
    if timed:
        kind, template = timed
        return Value(kind, template.format(left.sql, right.sql))
    return Value(
        NUMBER,
        _NUMBERS[op].format(_number(left, op, at).sql, _number(right, op, at).sql),
    )


def _partner(op: str, value: Value, other: Kind) -> Value:
    """Return a value of unknown type as what its partner makes likely.

    Assumption: next to a timestamp, `-` takes a time and `+` a duration; an interval is
    multiplied and divided by a number, else it goes with a duration. A cast says
    otherwise.
    """
    if value.kind is not Kind.ANY or other not in (TIMESTAMP, INTERVAL):
        return value
    likely = TIMESTAMP if op == "-" and other is TIMESTAMP else INTERVAL
    return coerce(value, NUMBER if op in "*/" else likely) or value


def _is_time(left: Value, right: Value) -> bool:
    """Return whether `left / right` rounds a time: `$d.at / 5m`."""
    return left.kind is Kind.ANY and right.kind is INTERVAL


def _rounded(left: Value, right: Value, at: Position) -> Value:
    interval = coerce(right, INTERVAL)
    if interval is None:
        raise DataPrimeError(
            "a timestamp is divided by an interval, as in $m.timestamp / 5m", *at
        )
    return Value(TIMESTAMP, round_to(left.sql, positive_or_null(interval)))


def _number(value: Value, op: str, at: Position) -> Value:
    found = coerce(value, NUMBER)
    if found is None:
        hint = (
            "use concat() to join texts"
            if op == "+" and value.kind is Kind.STRING
            else ""
        )
        advice = f": {hint}" if hint else cast_hint(NUMBER)
        raise DataPrimeError(
            f"type mismatch: '{op}' does not take {value.kind.with_article}{advice}",
            *at,
        )
    return found


def negate(value: Value, at: Position) -> Value:
    """Return `-value`."""
    if value.kind is INTERVAL:
        return Value(INTERVAL, f"TRY(-({value.sql}))")
    number = _number(value, "-", at)
    if isinstance(number.constant, int | float):
        return Value(NUMBER, f"(-{number.sql})", constant=-number.constant)
    return Value(NUMBER, f"TRY(-({number.sql}))")
