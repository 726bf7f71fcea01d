"""Waits for rate limits, shown on the run with time and reason."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from queries.connections import rate_limit
from queries.models import Connection, Run
from queries.providers.registry import provider_class
from queries.runs.engine.lease_keeper import LeasedRun
from queries.runs.engine.leases import commit
from queries.runs.engine.run_updates import NOT_WAITING

WAITING_FOR_RATE_LIMIT = "the provider's rate limit"
WAITING_FOR_RETRY_AFTER = "the provider, which asked us to come back later"
RATE_LIMITED_NOTE = (
    "The provider said “too many requests”; it was tried again after a while."
)
WAITING_FOR_RECOVERY = "the provider, which cannot be reached at the moment"
WAITING_FOR_EARLIER_ATTEMPT = (
    "the provider, which is still busy with an earlier attempt"
)
# Sleep in short steps, so that a token that is free sooner is noticed.
MAX_SLEEP_SECONDS = 5.0


def waiting_values(seconds: float, what: str) -> dict[str, object]:
    """Return the column values that show a wait on the run."""
    until = timezone.now() + timedelta(seconds=seconds)
    return {"waiting_until": until, "waiting_for": what}


def wait_for_token(leased: LeasedRun, connection: Connection) -> bool:
    """Wait for a rate-limit token and take it; return False if the run has to stop first."""
    while wait := try_take_token(connection):
        commit(leased.run, **waiting_values(wait, WAITING_FOR_RATE_LIMIT))
        if not leased.sleep(min(wait, MAX_SLEEP_SECONDS)):
            return False
    commit(leased.run, **NOT_WAITING)
    return leased.stop_reason is None


def wait_for_retry_after(leased: LeasedRun, seconds: float) -> bool:
    """Wait as the provider demands; return False if the run has to stop first."""
    commit(leased.run, **waiting_values(seconds, WAITING_FOR_RETRY_AFTER))
    return leased.sleep(seconds)


def try_take_token(connection: Connection) -> float:
    """Take a rate-limit token; return 0.0, or the seconds to wait if there is none."""
    limit = provider_class(connection.provider).rate_limit
    return rate_limit.acquire(connection, limit)


def seconds_blocked(run: Run) -> float:
    """Return for how long the provider still refuses calls; takes no token."""
    return rate_limit.acquire(run.connection, None) if run.connection else 0.0


def block_connection(run: Run, seconds: float) -> None:
    """Record that the provider refuses calls, for all users of the same key."""
    if run.connection is not None:
        rate_limit.block(run.connection, seconds)
