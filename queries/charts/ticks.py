"""Axis ticks: their positions and labels."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import MAXYEAR, UTC, datetime, timedelta, tzinfo
from math import ceil, floor, log10

MAX_Y_TICKS = 4
MAX_X_TICKS = 6
"""Ticks: more would touch each other on a phone."""

_BIGGEST, _LEAST = 1e15, 1e-200
_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
# Steps of a time axis in seconds; from a day on they follow the calendar.
_CLOCK = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_DAY = 86400
_MONTH = 30 * _DAY


def short_number(value: float) -> str:
    """Format a number for an axis or a bar: ``950``, ``1.2k``, ``3.4M``, ``0.25``."""
    if abs(value) >= _BIGGEST:
        return f"{value:.2e}"
    for size, letter in _UNITS:
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.4g}"


def number_ticks(low: float, high: float) -> list[float]:
    """Return round numbers that enclose low and high, from 0 if both have the same sign."""
    low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= _LEAST:
        high = 1.0
    rough = (high - low) / MAX_Y_TICKS
    size = 10.0 ** floor(log10(rough))
    step = next(n * size for n in (1, 2, 2.5, 5, 10) if n * size >= rough * 0.999)
    first, last = floor(low / step), ceil(high / step - 1e-9)
    return [n * step for n in range(first, last + 1)]


def time_ticks(start: datetime, end: datetime, zone: tzinfo) -> list[tuple[float, str]]:
    """Return round times in ``zone`` between two others: (position from 0 to 1, text)."""
    span = (end - start).total_seconds()
    if span <= 0:
        return []
    found = []
    for moment, words in _moments(start.astimezone(zone), end, span):
        place = (moment - start).total_seconds() / span
        if 0 <= place <= 1:
            found.append((place, words))
    return found


def _moments(
    start: datetime, end: datetime, span: float
) -> Iterator[tuple[datetime, str]]:
    rough = span / MAX_X_TICKS
    if rough <= _CLOCK[-1]:
        yield from _clock(start, end, next(n for n in _CLOCK if n >= rough))
    elif rough <= _DAYS[-1] * _DAY:
        yield from _days(start, end, next(n for n in _DAYS if n * _DAY >= rough))
    else:
        fits = (n for n in _MONTHS if n * _MONTH >= rough)
        yield from _months(start, end, next(fits, _MONTHS[-1]))


def _clock(start: datetime, end: datetime, step: int) -> Iterator[tuple[datetime, str]]:
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = start.hour * 3600 + start.minute * 60 + start.second
    moment = midnight + timedelta(seconds=passed - passed % step)
    while moment <= end:
        yield moment, _clock_words(moment, step)
        # On the clock of the zone, so that ticks stay round when summer time ends.
        moment += timedelta(seconds=step)


def _clock_words(moment: datetime, step: int) -> str:
    if not (moment.hour or moment.minute or moment.second):
        return _day_words(moment)
    return f"{moment:%H:%M:%S}" if step < _CLOCK[4] else f"{moment:%H:%M}"


def _days(start: datetime, end: datetime, step: int) -> Iterator[tuple[datetime, str]]:
    moment = start.replace(hour=0, minute=0, second=0, microsecond=0)
    while moment <= end:
        yield moment, _day_words(moment)
        moment += timedelta(days=step)


def _months(
    start: datetime, end: datetime, step: int
) -> Iterator[tuple[datetime, str]]:
    zone = start.tzinfo or UTC
    number = start.year * 12 + start.month - 1
    number -= number % step
    while (year := number // 12) < MAXYEAR:
        moment = datetime(max(year, 1), number % 12 + 1, 1, tzinfo=zone)
        if moment > end:
            return
        yield moment, f"{moment:%Y}" if step >= _MONTHS[3] else f"{moment:%b %Y}"
        number += step


def _day_words(moment: datetime) -> str:
    return f"{moment.day} {moment:%b}"
