"""Delays between polls and after failures. Pure functions; jitter spreads hundreds of runs."""

from __future__ import annotations

import random
from datetime import timedelta

# (up to this age of the job, poll every so many seconds)
POLL_SCHEDULE = ((5, 1.0), (20, 2.0), (300, 5.0))
MAX_POLL_SECONDS = 15.0
INITIAL_BACKOFF = 1.0
MAX_BACKOFF = 60.0
MAX_DOUBLINGS = (
    16  # a float overflows at 1024 doublings, and a provider may be down for days
)
MAX_RETRY_AFTER = 900.0

_random = random.SystemRandom()


def poll_delay(age: timedelta) -> float:
    """Return the seconds until the next status call for a job of this age."""
    seconds = age.total_seconds()
    delay = next(
        (every for until, every in POLL_SCHEDULE if seconds < until), MAX_POLL_SECONDS
    )
    return delay * _random.uniform(0.9, 1.1)


def backoff_seconds(failures: int, retry_after: float | None = None) -> float:
    """Return the seconds to wait after the n-th consecutive failure, at least the provider's Retry-After."""
    own = min(
        INITIAL_BACKOFF * 2.0 ** min(max(failures - 1, 0), MAX_DOUBLINGS),
        MAX_BACKOFF,
    )
    asked = min(retry_after or 0.0, MAX_RETRY_AFTER)
    return max(own * _random.uniform(0.7, 1.0), asked)
