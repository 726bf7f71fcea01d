"""Waiting for one's turn at a provider, in the open: the run says until when and for what."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from queries import rate_limit
from queries.engine.keeper import Held
from queries.engine.leases import commit
from queries.engine.record import NOT_WAITING
from queries.models import Run
from queries.providers.base import Provider
from queries.providers.errors import ProviderError

FOR_A_TURN = "a free place in the provider's rate limit"
FOR_THE_PROVIDER = "the provider, which asked us to come back later"
FOR_RECOVERY = "the provider, which cannot be reached at the moment"
# A wait is cut into pieces, so that a bucket that fills sooner is noticed.
LONGEST_NAP = 5.0


def waiting(seconds: float, what: str) -> dict[str, object]:
    """The changes that show a wait on the run."""
    until = timezone.now() + timedelta(seconds=seconds)
    return {"waiting_until": until, "waiting_for": what}


def take_turn(one: Held, kind: type[Provider]) -> bool:
    """Wait for a token and take it; False if we have to let go before that."""
    while wait := _seconds(one.run, kind):
        commit(one.run, **waiting(wait, FOR_A_TURN))
        if not one.sleep(min(wait, LONGEST_NAP)):
            return False
    commit(one.run, **NOT_WAITING)
    return one.reason is None


def wait_as_asked(one: Held, seconds: float) -> bool:
    """Wait because the provider said so; False if we have to let go before the end."""
    commit(one.run, **waiting(seconds, FOR_THE_PROVIDER))
    return one.sleep(seconds)


def note_refusal(run: Run, error: ProviderError, seconds: float) -> str:
    """Keep everybody else away for as long as the provider asked; gives the words for the run."""
    if run.connection is not None:
        rate_limit.block(run.connection, seconds)
    return f"The provider said “too many requests”; waited {seconds:.0f} s and tried again."


def _seconds(run: Run, kind: type[Provider]) -> float:
    if run.connection is None:
        return 0.0
    return rate_limit.take(run.connection, kind.rate_limit)
