"""Waiting for one's turn at a provider, in the open: the run says until when and for what."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from queries.connections import rate_limit
from queries.models import Connection, Run
from queries.providers.registry import provider_class
from queries.runs.engine.lease_keeper import Held
from queries.runs.engine.leases import commit
from queries.runs.engine.run_updates import NOT_WAITING

FOR_A_TURN = "a free place in the provider's rate limit"
FOR_THE_PROVIDER = "the provider, which asked us to come back later"
REFUSED = "The provider said “too many requests”; it was tried again after a while."
FOR_RECOVERY = "the provider, which cannot be reached at the moment"
FOR_AN_EARLIER_TRY = "the provider, which is still busy with an earlier attempt"
# A wait is cut into pieces, so that a bucket that fills sooner is noticed.
LONGEST_NAP = 5.0


def waiting(seconds: float, what: str) -> dict[str, object]:
    """The changes that show a wait on the run."""
    until = timezone.now() + timedelta(seconds=seconds)
    return {"waiting_until": until, "waiting_for": what}


def take_turn(one: Held, connection: Connection) -> bool:
    """Wait for a token and take it; False if we have to let go before that."""
    while wait := seconds_to_turn(connection):
        commit(one.run, **waiting(wait, FOR_A_TURN))
        if not one.sleep(min(wait, LONGEST_NAP)):
            return False
    commit(one.run, **NOT_WAITING)
    return one.reason is None


def wait_as_asked(one: Held, seconds: float) -> bool:
    """Wait because the provider said so; False if we have to let go before the end."""
    commit(one.run, **waiting(seconds, FOR_THE_PROVIDER))
    return one.sleep(seconds)


def seconds_to_turn(connection: Connection) -> float:
    """Take a place in the rate limit: 0.0 if there was one, else how long to wait."""
    limit = provider_class(connection.provider).rate_limit
    return rate_limit.take(connection, limit)


def seconds_blocked(run: Run) -> float:
    """How long the provider still wants to be left alone; 0.0 if it does not. Takes no place."""
    return rate_limit.take(run.connection, None) if run.connection else 0.0


def keep_away(run: Run, seconds: float) -> None:
    """The provider wants to be left alone: by everybody who holds this key."""
    if run.connection is not None:
        rate_limit.block(run.connection, seconds)
