"""Parse typed texts as the values of cells: numbers, times, severities.

Exact: an integer of any size stays that integer, and a bound between two doubles is moved to the
double on its right side.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from queries.results.cells import SEVERITIES
from queries.results.times import timestamps

_NUMBER: Final = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d{1,9})?", re.IGNORECASE)
_NOT_FINITE: Final = re.compile(r"[-+]?(nan|inf|infinity)", re.IGNORECASE)
_MAX_DIGITS: Final = 4_300  # Python's limit for converting digits to an integer
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?)?.*"
)
_DAY, _HOUR, _MINUTE, _SECOND = 86_400, 3_600, 60, 1
_INT64: Final = range(-(2**63), 2**63)


def parse_number(text: str) -> int | float | None:
    """Return an integer wherever the text is one ("5", "5.0", "5e3"), else a double; None if neither."""
    text = text.strip()
    if _NOT_FINITE.fullmatch(text):
        return float(text)
    if not _NUMBER.fullmatch(text):
        return None
    exact = Decimal(text)
    if exact.adjusted() < _MAX_DIGITS and exact == exact.to_integral_value():
        return int(exact)
    return float(exact)


def parse_bound(text: str) -> int | float | None:
    """Return a number to compare with; None if the text is not one."""
    found = parse_number(text)
    if isinstance(found, int):  # of any size, also beyond what a double can be
        return found
    return found if found is not None and math.isfinite(found) else None


def parse_double(text: str) -> float | None:
    """Return the double that the text stands for; None if there is none.

    Digits alone must be exactly it: the next integer beyond 2^53 is another number. With a point or an
    exponent the nearest is meant, as doubles are written.
    """
    value = parse_number(text)
    if value is None or not text.strip().lstrip("+-").isdecimal():
        return None if value is None else _nearest(text)
    nearest = _nearest(text)
    return nearest if nearest == value else None


def _nearest(text: str) -> float | None:
    nearest = float(text)
    huge = math.isinf(nearest) and not _NOT_FINITE.fullmatch(text.strip())
    return None if huge else nearest


def double_from(value: int | float) -> float:
    """Return the least double that is not below the value."""
    return -double_to(-value)


def double_to(value: int | float) -> float:
    """Return the greatest double that is not above the value."""
    try:
        nearest = float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    return math.nextafter(nearest, -math.inf) if nearest > value else nearest


def is_small(value: int | float | None) -> bool:
    """Return whether the value is an integer of 64 bits."""
    return isinstance(value, int) and value in _INT64


def parse_time(text: str) -> range | None:
    """Return the nanoseconds since 1970 that the text stands for: all of its last unit; None if it is not a time.

    "2025-06-19" is that day, "2025-06-19 00:44" that minute. UTC unless the text has a zone.
    Two times with "/" between (an ISO 8601 interval) are everything from the first through the second.
    """
    first, divider, last = text.strip().partition("/")
    if divider:
        low, high = parse_time(first), parse_time(last)
        return range(low.start, high.stop) if low and high else None
    text = first
    parts = _TIME.fullmatch(text)
    if not parts:
        return None
    start = timestamps([text])[0].value
    return None if start is None else range(start, start + _unit(parts))


def _unit(parts: re.Match[str]) -> int:
    """Return the nanoseconds of the last given unit."""
    hour, minute, second, fraction = parts.groups()
    if fraction:
        return int(10 ** (9 - len(fraction)))
    units = ((second, _SECOND), (minute, _MINUTE), (hour, _HOUR))
    return next((unit for given, unit in units if given), _DAY) * 10**9


def rank(text: str) -> int | None:
    """Return the rank of a severity, by word or number, from 1; None for other texts."""
    words = [word.lower() for word in SEVERITIES]
    key = text.strip().lower()
    if key in words:
        return words.index(key) + 1
    weight = parse_number(key)
    return weight if isinstance(weight, int) and 0 < weight <= len(words) else None


def parse_severity(text: str) -> str:
    """Return a severity as it is stored and shown; any other text as it is."""
    weight = rank(text)
    return text if weight is None else SEVERITIES[weight - 1]
