"""Time ranges: the user's choice, and the absolute UTC range that is sent.

A choice is a preset ("last-1h", "today" ...), "absolute" with a start and an end, or "none" for
statements that need no range. It is resolved once, when the run starts, so that the run's page
can always show the requested range.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

ABSOLUTE = "absolute"
NONE = "none"
DEFAULT = "last-1h"

PRESETS: dict[str, tuple[str, timedelta]] = {
    "last-15m": ("Last 15 minutes", timedelta(minutes=15)),
    "last-1h": ("Last hour", timedelta(hours=1)),
    "last-6h": ("Last 6 hours", timedelta(hours=6)),
    "last-24h": ("Last 24 hours", timedelta(hours=24)),
    "last-3d": ("Last 3 days", timedelta(days=3)),
    "last-7d": ("Last 7 days", timedelta(days=7)),
    "last-30d": ("Last 30 days", timedelta(days=30)),
}
DAYS: dict[str, str] = {"today": "Today", "yesterday": "Yesterday"}
CHOICES: tuple[tuple[str, str], ...] = (
    *((slug, label) for slug, (label, _) in PRESETS.items()),
    *DAYS.items(),
    (ABSOLUTE, "Custom range"),
)


@dataclass(frozen=True)
class TimeRange:
    """A half-open range in UTC: ``start`` is inside, ``end`` is not. Both or neither."""

    start: datetime | None
    end: datetime | None


def resolve(
    choice: str,
    *,
    now: datetime,
    zone: tzinfo = UTC,
    start: datetime | None = None,
    end: datetime | None = None,
) -> TimeRange:
    """Return the absolute range of ``choice`` at ``now``; days begin at midnight in ``zone``.

    ``start`` and ``end`` (aware) are used by "absolute" only. Raises ValueError for an
    unknown choice and for an absolute range without both ends.
    """
    if choice == NONE:
        return TimeRange(None, None)
    if choice in PRESETS:
        return TimeRange(now.astimezone(UTC) - PRESETS[choice][1], now.astimezone(UTC))
    if choice in DAYS:
        return _day(choice, now.astimezone(zone))
    if choice == ABSOLUTE and start and end:
        return TimeRange(start.astimezone(UTC), end.astimezone(UTC))
    raise ValueError(f"not a time range: {choice!r}")


def label(choice: str) -> str:
    """Return the label of a choice, e.g. "Last hour"."""
    return dict(CHOICES).get(choice, "No time range")


def _day(choice: str, local_now: datetime) -> TimeRange:
    midnight = local_now.replace(hour=0, minute=0, second=0, microsecond=0)
    if choice == "today":
        return TimeRange(midnight.astimezone(UTC), local_now.astimezone(UTC))
    # Wall-clock arithmetic in the zone: a day with a clock change has 23 or 25 hours.
    return TimeRange(
        (midnight - timedelta(days=1)).astimezone(UTC), midnight.astimezone(UTC)
    )
