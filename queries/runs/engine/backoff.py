"""How long to wait: between polls, after failures. Pure; jitter keeps hundreds of runs apart."""

from __future__ import annotations

import random
from datetime import timedelta

# (up to this age of the job, poll every so many seconds)
POLL_SCHEDULE = ((5, 1.0), (20, 2.0), (300, 5.0))
MAX_POLL_SECONDS = 15.0
INITIAL_BACKOFF = 1.0
MAX_BACKOFF = 60.0
MAX_DOUBLINGS = 16  # a float ends at 1024 of them, and a provider may be away for days
MAX_RETRY_AFTER = 900.0

_random = random.SystemRandom()


def poll_delay(age: timedelta) -> float:
    """Seconds until the next status call for a job of that age."""
    seconds = age.total_seconds()
    delay = next(
        (every for until, every in POLL_SCHEDULE if seconds < until), MAX_POLL_SECONDS
    )
    return delay * _random.uniform(0.9, 1.1)


def backoff_seconds(failures: int, retry_after: float | None = None) -> float:
    """Seconds to wait after the n-th failure in a row; what the provider asked for is honoured."""
    own = min(
        INITIAL_BACKOFF * 2.0 ** min(max(failures - 1, 0), MAX_DOUBLINGS),
        MAX_BACKOFF,
    )
    asked = min(retry_after or 0.0, MAX_RETRY_AFTER)
    return max(own * _random.uniform(0.7, 1.0), asked)
