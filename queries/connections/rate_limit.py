"""Rate limits across all processes: one token bucket per provider and key.

A used token becomes free when the provider's window has passed, so no window ever sees more calls
than allowed. A provider that still answers "too many requests" blocks the bucket for all users of
the key. Callers wait themselves, and show the wait on the run.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import timezone

from queries.models import Connection, RateBucket
from queries.providers.base import RateLimit

# Calls reach the provider with varying delay: two that left 60.0 s apart may arrive 59.8 s apart.
WINDOW_MARGIN_SECONDS = 1.0
MAX_ATTEMPTS = 5
CONTENTION_WAIT_SECONDS = 0.2


def bucket_key(connection: Connection) -> str:
    """Return the bucket's name: connections with the same key share one."""
    return f"{connection.provider}:{connection.key_fingerprint}"


def acquire(connection: Connection, limit: RateLimit | None) -> float:
    """Take a token; return 0.0, or the seconds to wait before the next try."""
    return acquire_from_bucket(bucket_key(connection), limit)


def acquire_from_bucket(key: str, limit: RateLimit | None) -> float:
    """Take a token from the bucket of that name, as `acquire` does."""
    for _ in range(MAX_ATTEMPTS):
        bucket, _made = RateBucket.objects.get_or_create(key=key)
        now = timezone.now()
        wait = seconds_to_wait(bucket, limit, now)
        if wait or limit is None:
            return wait
        back = now.timestamp() + limit.seconds + WINDOW_MARGIN_SECONDS
        changes = {"taken": [*_out(bucket, now), back], "updated_at": now}
        same = RateBucket.objects.filter(key=key, version=bucket.version)
        if same.update(version=F("version") + 1, **changes):
            return 0.0
    return CONTENTION_WAIT_SECONDS


def block(connection: Connection, seconds: float) -> None:
    """Refuse tokens for ``seconds``, because the provider demands it."""
    key = bucket_key(connection)
    RateBucket.objects.get_or_create(key=key)
    until = timezone.now() + timedelta(seconds=seconds)
    sooner = Q(blocked_until=None) | Q(blocked_until__lt=until)
    RateBucket.objects.filter(sooner, key=key).update(
        blocked_until=until, version=F("version") + 1
    )


def blocked_until(connection: Connection) -> datetime | None:
    """Return until when the provider refuses calls; None if it does not."""
    blocked = RateBucket.objects.filter(blocked_until__gt=timezone.now())
    found = blocked.filter(key=bucket_key(connection)).first()
    return found.blocked_until if found else None


def seconds_to_wait(
    bucket: RateBucket, limit: RateLimit | None, now: datetime
) -> float:
    """Return how long until the bucket has a token; 0.0 if it has one."""
    blocked = (bucket.blocked_until or now) - now
    if blocked > timedelta(0):
        return blocked.total_seconds()
    out = _out(bucket, now)
    if limit is None or len(out) < limit.calls:
        return 0.0
    return out[-limit.calls] - now.timestamp()


def _out(bucket: RateBucket, now: datetime) -> list[float]:
    """Return when the used tokens become free, the next one first."""
    return sorted(back for back in bucket.taken if back > now.timestamp())
