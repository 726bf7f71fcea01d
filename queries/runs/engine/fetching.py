"""Fetching: the rows of a job that succeeded, as one stream, under a generation of its own.

A fetch that is killed is repeated from the first row under a new generation; readers only ever
see one generation, and a run is published with one UPDATE at the end.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from queries.connections.services import open_provider
from queries.models import Mode, Run, Status, lease_free
from queries.models.runs import RunQuerySet
from queries.providers.errors import (
    ConflictError,
    ProviderError,
    RateLimitError,
)
from queries.providers.registry import provider_class
from queries.runs.engine import access, backoff, error_texts, queue, worker_limits
from queries.runs.engine.finalize import settle
from queries.runs.engine.lease_keeper import Held, keeper
from queries.runs.engine.leases import FREED, LeaseLostError, claim, commit
from queries.runs.engine.rate_waits import (
    FOR_RECOVERY,
    FOR_THE_PROVIDER,
    keep_away,
    seconds_blocked,
    waiting,
)
from queries.runs.engine.receiver import Received, Receiver, policy
from queries.runs.engine.run_updates import best_attempt, forget_attempts

MOST_FAILURES = 5
MOST_CLAIMS = 60
WHEN_FULL = timedelta(seconds=2)

log = structlog.get_logger(__name__)


def fetchable() -> RunQuerySet:
    """Background runs whose rows are to be fetched."""
    return Run.objects.filter(mode=Mode.BACKGROUND, status=Status.FETCHING)


def fetch(pk: str) -> str:
    """Fetch the rows of one run, if nobody does; returns what happened in one word."""
    mine = fetchable().filter(pk=pk)
    if worker_limits.full():
        mine.filter(lease_free(timezone.now())).update(
            next_at=timezone.now() + WHEN_FULL
        )
        return "full"
    claimed = claim(mine)
    if not claimed:
        return "busy"
    run = Run.objects.select_related("connection", "owner").get(pk=pk)
    run.lease_token = claimed[0].lease_token
    try:
        return _fetch(run)
    finally:
        ring_next()


def ring_next(most: int = 1) -> int:
    """Ring for runs that wait to be fetched, those that wait longest first."""
    now = timezone.now()
    waiting_runs = fetchable().filter(lease_free(now), next_at__lte=now)
    rung = 0
    for run in waiting_runs.order_by("next_at")[:most]:
        # Only whoever moves next_at rings: a second ring for the same run helps nobody.
        same = waiting_runs.filter(pk=run.pk, next_at=run.next_at)
        with transaction.atomic():
            if same.update(next_at=now + queue.LOST_AFTER):
                queue.ring(queue.FETCH, str(run.pk))
                rung += 1
    return rung


def _fetch(run: Run) -> str:
    forget_attempts(run, keep=best_attempt(run))
    try:
        if blocked := _blocked(run):
            # Not a try: neither the claim nor an earlier failure counts for it.
            _put_off(run, blocked, FOR_THE_PROVIDER, claims=0)
            return "later"
        with keeper.holding(Held(run, until=run.gives_up_at)) as one:
            received = _receive(one)
            if _again(run, received):
                return "later"
            return "settled" if settle(one, received) else "lost"
    except LeaseLostError:
        log.info("fetch_lost", run=str(run.pk))
        return "lost"


def _receive(one: Held) -> Received:
    run = one.run
    kind = provider_class(run.provider)
    try:
        if run.claims > MOST_CLAIMS:
            raise error_texts.internal()
        connection = access.connection_for(run)
        with (
            open_provider(connection, policy()) as provider,
            one.calling(provider),
            provider.rows(run.job_id) as stream,
        ):
            return Receiver(one, stream, kind.column_hints).receive()
    except ProviderError as error:
        return Received(error=error)


def _again(run: Run, received: Received) -> bool:
    """Leave it for another try, if the error may pass; tells whether that was done."""
    error = received.error
    # A job that has just ended may still be "not ready" to the part that hands out its rows.
    passing = isinstance(error, ConflictError) or (
        error is not None and error.retryable
    )
    tries = run.failures + 1
    if error is None or not passing or tries > MOST_FAILURES:
        return False
    seconds = backoff.backoff(tries, error.retry_after)
    refused = isinstance(error, RateLimitError)
    if refused:
        keep_away(run, seconds)
    _put_off(
        run, seconds, FOR_THE_PROVIDER if refused else FOR_RECOVERY, failures=tries
    )
    return True


def _blocked(run: Run) -> float:
    """Seconds for which the provider wants to be left alone; 0.0 if the run has no time for them."""
    over = run.gives_up_at is not None and run.gives_up_at <= timezone.now()
    return 0.0 if over else seconds_blocked(run)


def _put_off(run: Run, seconds: float, what: str, **changes: Any) -> None:
    """Let go of the run and come back for it; the wait is shown."""
    later = timezone.now() + timedelta(seconds=seconds)
    changes |= {**FREED, **waiting(seconds, what), "next_at": later}
    with transaction.atomic():
        if not commit(run, **changes):
            raise LeaseLostError
        queue.ring(queue.FETCH, str(run.pk), at=later)
