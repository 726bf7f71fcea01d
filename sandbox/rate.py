"""How many queries a key may start in a minute."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta

_WINDOW = timedelta(minutes=1)


class RateLimiter:
    """A sliding window of one minute for each key; ``per_minute`` 0 lets everything through."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._lock = threading.Lock()
        self._seen: dict[str, deque[datetime]] = {}

    def acquire(self, key: str, now: datetime) -> float:
        """Count one query; 0 when it may run, else the seconds until the next one may (it is then not counted)."""
        with self._lock:
            seen = self._seen.setdefault(key, deque())
            while seen and now - seen[0] >= _WINDOW:
                seen.popleft()
            if self._per_minute and len(seen) >= self._per_minute:
                return (seen[0] + _WINDOW - now).total_seconds()
            seen.append(now)
            return 0.0
