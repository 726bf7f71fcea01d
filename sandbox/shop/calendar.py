"""When the shop is busy and when it is in trouble.

Everything hangs on the calendar, not on the moment of creation: the same hour always has the same lines, so making the
rows anew never changes an answer already given. The three troubles take turns day by day, each
beginning at an earlier hour than the one before ends, so any 24 hours hold some of one.
"""

from __future__ import annotations

from datetime import datetime, time
from enum import Enum

# Visits by hour of the day (UTC), of a shop whose customers live in Europe. The mean is 1.
_RHYTHM = (0.30, 0.20, 0.15, 0.15, 0.20, 0.35, 0.65, 0.95, 1.15, 1.25, 1.30, 1.40,
           1.45, 1.35, 1.25, 1.25, 1.35, 1.55, 1.75, 1.90, 1.75, 1.30, 0.80, 0.50)  # fmt: skip
_MEAN = sum(_RHYTHM) / len(_RHYTHM)
_SATURDAY = 5


class Incident(Enum):
    """What can go wrong, and from when to when on its day (UTC)."""

    GATEWAY_OUTAGE = (time(14, 40), time(15, 25))
    SLOW_DATABASE = (time(13, 0), time(16, 0))
    BAD_DEPLOY = (time(15, 5), time(15, 25))


_TURNS = tuple(Incident)


def traffic_factor(hour: datetime) -> float:
    """How busy this hour is; 1.0 is an average hour of an average week."""
    weekend = 1.15 if hour.weekday() >= _SATURDAY else 0.94
    return _RHYTHM[hour.hour] / _MEAN * weekend


def incident_at(moment: datetime) -> Incident | None:
    """The trouble the shop is in at that moment, if any."""
    trouble = _TURNS[moment.toordinal() % len(_TURNS)]
    start, end = trouble.value
    return trouble if start <= moment.time() < end else None
