"""Who may ask: keys, permissions, and how often."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from sandbox.config import ApiKey
from sandbox.coralogix.errors import ApiError
from sandbox.rate import RateLimiter
from sandbox.web import Request


class Access:
    """Checks requests against the keys and the rate limit of one sandbox."""

    def __init__(self, keys: Mapping[str, ApiKey], per_minute: int) -> None:
        self._keys = keys
        self._limiter = RateLimiter(per_minute)

    def authenticate(self, request: Request) -> ApiKey:
        """The key the request carries; 401 when there is none or it is unknown."""
        if not request.bearer:
            raise ApiError(
                401,
                "The request has no API key: send it as Authorization: Bearer <key>.",
            )
        if request.bearer not in self._keys:
            raise ApiError(401, "The API key is not valid.")
        return self._keys[request.bearer]

    def require(self, key: ApiKey, permission: str) -> None:
        """403 naming the permission the key lacks."""
        if permission not in key.permissions:
            raise ApiError(403, f"The API key lacks the permission {permission}.")

    def check_rate_limit(self, request: Request, now: datetime) -> None:
        """429 when the key has asked too often. Assumption: the bucket belongs to the key; the documents do not say."""
        seconds = self._limiter.acquire(request.bearer, now)
        if seconds > 0:
            raise ApiError(
                429,
                "Too many requests: the limit of queries per minute is reached.",
                retry_after=math.ceil(seconds),
            )
