"""Who may ask, how often in an hour, and how many queries in a day."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sandbox.config import READ_ACCOUNTS, ApiKey
from sandbox.supermetrics.errors import ApiError
from sandbox.supermetrics.options import SupermetricsOptions
from sandbox.web import Request, Response

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


@dataclass
class _Window:
    start: datetime
    count: int = 0


class Access:
    """Checks requests against the keys and counts them."""

    def __init__(
        self, keys: Mapping[str, ApiKey], options: SupermetricsOptions
    ) -> None:
        self._keys = keys
        self._options = options
        self._lock = threading.Lock()
        self._hours: dict[str, _Window] = {}
        self._days: dict[str, _Window] = {}

    def authenticate(self, request: Request, key: str, now: datetime) -> str:
        """A name for the key, fit to be stored. 401 without a good one, 429 when the hour's requests are used up."""
        key = request.bearer or key
        if not key:
            raise ApiError(401, "API_KEY_REQUIRED", "API key is required")
        if key not in self._keys:
            raise ApiError(401, "API_KEY_INVALID", "API key is invalid")
        name = _name(key)
        window, most = (
            self._count(self._hours, name, now, _HOUR),
            self._options.requests_per_hour,
        )
        if most and window.count > most:
            seconds = (window.start + _HOUR - now).total_seconds()
            raise ApiError(
                429,
                "TOO_MANY_REQUESTS",
                "Rate limit exceeded",
                retry_after=max(1, math.ceil(seconds)),
            )
        return name

    def require_lists(self, request: Request, key: str) -> None:
        """403 for a key that may run queries and nothing else."""
        found = self._keys[request.bearer or key]
        if READ_ACCOUNTS not in found.permissions:
            raise ApiError(
                403,
                "ACCESS_DENIED_PERMISSIONS",
                f"The key lacks the permission {READ_ACCOUNTS}",
            )

    def count_query(self, owner: str, now: datetime) -> None:
        """429 when the licence's queries of the day are used up; no ``Retry-After`` then."""
        most = self._options.queries_per_day
        if most and self._count(self._days, owner, now, _DAY).count > most:
            raise ApiError(
                429,
                "LICENSE_DAILY_QUERY_LIMIT_EXCEEDED",
                f"Your license allows {most} queries a day",
            )

    def with_rate_limit_headers(self, answer: Response, request: Request) -> Response:
        """The answer with the rate limit's headers, which all but those of status 500 have."""
        most = self._options.requests_per_hour
        window = self._hours.get(_name(request.bearer))
        left = most if window is None else max(0, most - window.count)
        figures = (
            ("X-RateLimit-Limit", str(most)),
            ("X-RateLimit-Remaining", str(left)),
            ("Access-Control-Allow-Origin", "*"),
        )
        return replace(answer, headers=(*answer.headers, *figures))

    def _count(
        self, windows: dict[str, _Window], name: str, now: datetime, length: timedelta
    ) -> _Window:
        with self._lock:
            window = windows.get(name)
            if window is None or now - window.start >= length:
                window = windows[name] = _Window(now)
            window.count += 1
            return replace(window)


def _name(key: str) -> str:
    """A name for a key that does not give it away."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]
