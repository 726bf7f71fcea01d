"""Ranges as SQL: low and high inclusive, either may be open; exact for integers of any size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from queries.results import parse_value
from queries.results.binding import (
    NEVER,
    Bind,
    physical_columns,
    severity_rank,
    time_sql,
)
from queries.results.cells import SEVERITIES
from queries.results.columns import Column
from queries.results.errors import ConditionError

_INT64: Final = (-(2**63), 2**63 - 1)
_NUMBERS: Final = "iwgf"
Numbers = tuple[int | float | None, int | float | None]


def range_sql(column: Column, values: Sequence[str], bind: Bind) -> str:
    """Return the test for cells from `values[0]` to `values[1]`. Raises ConditionError when no type can be compared."""
    tests = [
        test
        for letter, name in physical_columns(column)
        for test in _tests(letter, name, column, values, bind)
    ]
    if not tests and column.types:
        raise ConditionError(column.name, _why(column))
    return " OR ".join(tests) or NEVER


def _tests(
    letter: str, name: str, column: Column, values: Sequence[str], bind: Bind
) -> list[str]:
    """Return the test of one physical column, or none if the bounds do not apply to its type."""
    numbers = _bounds(values, parse_value.parse_bound)
    if letter in _NUMBERS:
        return [] if numbers is None else [_NUMERIC[letter](name, numbers, bind)]
    if letter == "t":
        return _times(name, values, bind)
    if letter == "s" and column.kind == "severity":
        return _severities(name, values, bind)
    if letter == "s":
        return [_texts(name, values, numbers, bind)]
    return []


def _bounds(
    values: Sequence[str], read: Callable[[str], int | float | None]
) -> Numbers | None:
    """Return both bounds as numbers, None for open; nothing when one is not a number."""
    found = [read(text) if text else None for text in values]
    understood = all(
        not text or bound is not None for text, bound in zip(values, found, strict=True)
    )
    return (found[0], found[1]) if understood else None


def _integers(name: str, bounds: Numbers, bind: Bind) -> str:
    low, high = bounds
    least = _INT64[0] if low is None else math.ceil(low)
    most = _INT64[1] if high is None else math.floor(high)
    if least > _INT64[1] or most < _INT64[0]:
        return NEVER
    return (
        f"{name} BETWEEN {bind(max(least, _INT64[0]))} AND {bind(min(most, _INT64[1]))}"
    )


def _doubles(name: str, bounds: Numbers, bind: Bind) -> str:
    low, high = bounds
    tests = [f"NOT isnan({name})"]
    if low is not None:
        tests.append(f"{name} >= {bind(parse_value.double_from(low))}")
    if high is not None:
        tests.append(f"{name} <= {bind(parse_value.double_to(high))}")
    return f"({' AND '.join(tests)})"


def _giants(name: str, bounds: Numbers, bind: Bind) -> str:
    """Compare integers beyond 64 bits as digits: the longer is the larger, then text order decides."""
    low, high = bounds
    tests = [f"{name} IS NOT NULL"]
    if low is not None:
        tests.append(_above(name, math.ceil(low), bind))
    if high is not None:
        floor = math.floor(high)
        tests.append(
            f"(NOT {_above(name, floor, bind)} OR {name} = {bind(str(floor))})"
        )
    return f"({' AND '.join(tests)})"


def _above(name: str, least: int, bind: Bind) -> str:
    """Return the test whether the digits are at least this number."""
    digits = bind(str(least))
    negative, longer = f"starts_with({name}, '-')", f"length({name}) - length({digits})"
    if least < 0:
        return (
            f"(NOT {negative} OR {longer} < 0 OR ({longer} = 0 AND {name} <= {digits}))"
        )
    return (
        f"(NOT {negative} AND ({longer} > 0 OR ({longer} = 0 AND {name} >= {digits})))"
    )


_NUMERIC: Final = {"i": _integers, "w": _integers, "f": _doubles, "g": _giants}


def _times(name: str, values: Sequence[str], bind: Bind) -> list[str]:
    """Compare times; a bound stands for all of its last unit: up to "2025-06-30" includes that day."""
    moments = [parse_value.parse_time(text) if text else None for text in values]
    if any(text and not time for text, time in zip(values, moments, strict=True)):
        return []
    low, high = moments
    tests = [
        *([f"{name} >= {time_sql(low.start, bind)}"] if low else []),
        *([f"{name} < {time_sql(high.stop, bind)}"] if high else []),
    ]
    return [f"({' AND '.join(tests)})"]


def _severities(name: str, values: Sequence[str], bind: Bind) -> list[str]:
    ranks = _bounds(values, parse_value.rank)
    if ranks is None:
        return []
    low, high = ranks
    return [
        f"{severity_rank(name)} BETWEEN {bind(1 if low is None else low)}"
        f" AND {bind(len(SEVERITIES) if high is None else high)}"
    ]


def _texts(
    name: str, values: Sequence[str], numbers: Numbers | None, bind: Bind
) -> str:
    """Compare texts: between numbers as numbers, others by code point."""
    if numbers is not None:
        value = f"TRY_CAST({name} AS DOUBLE)"
        return f"(isfinite({value}) AND {_doubles(value, numbers, bind)})"
    low, high = values
    tests = [
        *([f"{name} >= {bind(low)}"] if low else []),
        *([f"{name} <= {bind(high)}"] if high else []),
    ]
    return f"({' AND '.join(tests)})"


def _why(column: Column) -> str:
    wanted = {
        "timestamp": "give times such as 2025-06-19 or 2025-06-19T00:44:47Z",
        "severity": f"give severities: {', '.join(SEVERITIES)}",
    }
    if set(column.types) & set(_NUMBERS):
        return "give numbers"
    return wanted.get(column.kind, "there is no order in such values")
