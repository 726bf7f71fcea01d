"""Steps of a timeline: round steps on the clock and calendar of a zone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import MAXYEAR, UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Final

_SECONDS: Final = {
    "1s": 1,
    "5s": 5,
    "15s": 15,
    "30s": 30,
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1_800,
    "1h": 3_600,
}
_HOURS: Final = {"3h": 3, "6h": 6, "12h": 12}
_DAYS: Final = {"1d": 1, "1w": 7}
_MONTHS: Final = {"1mo": 1, "3mo": 3, "1y": 12, "5y": 60, "10y": 120, "50y": 600}
_WIDTHS: Final = {
    **_SECONDS,
    **{name: hours * 3_600 for name, hours in _HOURS.items()},
    **{name: days * 86_400 for name, days in _DAYS.items()},
    **{name: months * 2_629_746 for name, months in _MONTHS.items()},
}


def bucket_step(low: datetime, high: datetime, buckets: int) -> str:
    """Return the smallest round step that needs no more than about `buckets` for this span."""
    wanted = (high - low).total_seconds() / max(buckets, 1)
    return next((name for name, width in _WIDTHS.items() if width >= wanted), "50y")


def bucket_edges(
    low: datetime, high: datetime, step: str, zone: tzinfo
) -> list[datetime]:
    """Return where the steps begin, in UTC, from the one that holds `low` to the end of that of `high`.

    Steps of a day and more begin at local midnight, so that those at a change of the clock are
    longer or shorter; steps of hours begin at the local clock's 0, 3, 6 and so on.
    """
    found: list[datetime] = []
    for edge in _from(low, step, zone):
        if found and edge <= found[-1]:
            continue  # an hour that the clock shows twice or leaves out
        found.append(edge)
        if edge > high:
            break
    while len(found) > 1 and found[1] <= low:
        found.pop(0)
    return found


def _from(low: datetime, step: str, zone: tzinfo) -> Iterator[datetime]:
    """Yield edges without end, the first not after `low`."""
    if step in _SECONDS:
        return _short(low, timedelta(seconds=_SECONDS[step]), zone)
    local = low.astimezone(zone).replace(tzinfo=None)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return map(partial(_in_utc, zone=zone), _LOCAL[step](midnight))


def _short(low: datetime, width: timedelta, zone: tzinfo) -> Iterator[datetime]:
    """Yield steps of up to an hour: whole ones since local midnight, all of one length."""
    local = low.astimezone(zone).replace(tzinfo=None)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    first = low.astimezone(UTC) - (local - midnight) % width
    return (first + width * number for number in itertools.count())


def _days_on(midnight: datetime, *, days: int) -> Iterator[datetime]:
    """Return the next day of a step; weeks begin on Monday."""
    first = midnight - timedelta(days=midnight.weekday() if days > 1 else 0)
    return (first + timedelta(days=days * number) for number in itertools.count())


def _hours_on(midnight: datetime, *, hours: int) -> Iterator[datetime]:
    return (midnight + timedelta(hours=hours * number) for number in itertools.count())


def _months_on(midnight: datetime, *, months: int) -> Iterator[datetime]:
    first = midnight.year * 12 + midnight.month - 1
    first -= first % months
    for number in itertools.count(max(first, 12), months):
        if number // 12 > MAXYEAR:
            return
        yield datetime(number // 12, number % 12 + 1, 1)  # noqa: DTZ001 - a local clock


_LOCAL: Final[dict[str, Callable[[datetime], Iterator[datetime]]]] = {
    **{name: partial(_hours_on, hours=hours) for name, hours in _HOURS.items()},
    **{name: partial(_days_on, days=days) for name, days in _DAYS.items()},
    **{name: partial(_months_on, months=months) for name, months in _MONTHS.items()},
}


def _in_utc(local: datetime, zone: tzinfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)
