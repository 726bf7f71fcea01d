"""Fetch the rows of a finished job as one stream, into a result set of its own.

A killed fetch is repeated from the first row into a new result set. Readers only ever see one of
them, and a run publishes one with a single UPDATE at the end.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from queries.connections.services import open_provider
from queries.models import Mode, Run, Status, unleased
from queries.models.runs import RunQuerySet
from queries.providers.errors import (
    ConflictError,
    ProviderError,
    RateLimitError,
)
from queries.providers.registry import provider_class
from queries.runs.engine import access, backoff, error_texts, queue, worker_limits
from queries.runs.engine.finalize import finalize_run
from queries.runs.engine.lease_keeper import LeasedRun, lease_keeper
from queries.runs.engine.leases import RELEASED_VALUES, LeaseLostError, claim, commit
from queries.runs.engine.rate_waits import (
    WAITING_FOR_RECOVERY,
    WAITING_FOR_RETRY_AFTER,
    block_connection,
    seconds_blocked,
    waiting_values,
)
from queries.runs.engine.receiver import Receiver, ReceiveResult, stream_policy
from queries.runs.engine.run_updates import best_attempt, delete_attempts

MAX_FAILURES = 5
MAX_CLAIMS = 60
CAPACITY_RETRY_DELAY = timedelta(seconds=2)

log = structlog.get_logger(__name__)


def fetchable_runs() -> RunQuerySet:
    """Return the background runs whose rows are to be fetched."""
    return Run.objects.filter(mode=Mode.BACKGROUND, status=Status.FETCHING)


def fetch(pk: str) -> str:
    """Fetch the rows of one run unless another worker does; return the outcome in one word."""
    unleased_runs = fetchable_runs().filter(pk=pk)
    if worker_limits.at_capacity():
        unleased_runs.filter(unleased(timezone.now())).update(
            next_at=timezone.now() + CAPACITY_RETRY_DELAY
        )
        return "full"
    claimed = claim(unleased_runs)
    if not claimed:
        return "busy"
    run = Run.objects.select_related("connection", "owner").get(pk=pk)
    run.lease_token = claimed[0].lease_token
    try:
        return _fetch(run)
    finally:
        enqueue_waiting_fetches()


def enqueue_waiting_fetches(limit: int = 1) -> int:
    """Enqueue fetches of waiting runs, longest waiting first; return how many."""
    now = timezone.now()
    waiting_runs = fetchable_runs().filter(unleased(now), next_at__lte=now)
    enqueued = 0
    for run in waiting_runs.order_by("next_at")[:limit]:
        # Only the process that moves next_at enqueues: a second task for the same run is useless.
        same = waiting_runs.filter(pk=run.pk, next_at=run.next_at)
        with transaction.atomic():
            if same.update(next_at=now + queue.LOST_AFTER):
                queue.enqueue(queue.FETCH, str(run.pk))
                enqueued += 1
    return enqueued


def _fetch(run: Run) -> str:
    delete_attempts(run, keep=best_attempt(run))
    try:
        if blocked := _seconds_blocked(run):
            # Not an attempt: the claim is not counted.
            _reschedule(run, blocked, WAITING_FOR_RETRY_AFTER, claims=0)
            return "later"
        with lease_keeper.tracking(LeasedRun(run, deadline=run.gives_up_at)) as leased:
            received = _receive(leased)
            if _retry_later(run, received):
                return "later"
            return "settled" if finalize_run(leased, received) else "lost"
    except LeaseLostError:
        log.info("fetch_lost", run=str(run.pk))
        return "lost"


def _receive(leased: LeasedRun) -> ReceiveResult:
    run = leased.run
    kind = provider_class(run.provider)
    try:
        if run.claims > MAX_CLAIMS:
            raise error_texts.internal_error()
        connection = access.connection_for(run)
        with (
            open_provider(connection, stream_policy()) as provider,
            leased.abort_on_stop(provider),
            provider.rows(run.job_id) as stream,
        ):
            return Receiver(leased, stream, kind.column_hints).receive()
    except ProviderError as error:
        return ReceiveResult(error=error)


def _retry_later(run: Run, received: ReceiveResult) -> bool:
    """Retry later if the error may be temporary; return whether a retry was scheduled."""
    error = received.error
    # The rows of a job that has just ended may not be ready yet.
    passing = isinstance(error, ConflictError) or (
        error is not None and error.retryable
    )
    tries = run.failures + 1
    if error is None or not passing or tries > MAX_FAILURES:
        return False
    seconds = backoff.backoff_seconds(tries, error.retry_after)
    refused = isinstance(error, RateLimitError)
    if refused:
        block_connection(run, seconds)
    _reschedule(
        run,
        seconds,
        WAITING_FOR_RETRY_AFTER if refused else WAITING_FOR_RECOVERY,
        failures=tries,
    )
    return True


def _seconds_blocked(run: Run) -> float:
    """Return the seconds for which the provider refuses calls; 0.0 if the run has no time to wait."""
    over = run.gives_up_at is not None and run.gives_up_at <= timezone.now()
    return 0.0 if over else seconds_blocked(run)


def _reschedule(run: Run, seconds: float, what: str, **changes: Any) -> None:
    """Release the run and enqueue a later attempt; the wait is shown on the run."""
    later = timezone.now() + timedelta(seconds=seconds)
    changes |= {**RELEASED_VALUES, **waiting_values(seconds, what), "next_at": later}
    with transaction.atomic():
        if not commit(run, **changes):
            raise LeaseLostError
        queue.enqueue(queue.FETCH, str(run.pk), at=later)
