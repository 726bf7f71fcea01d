"""What becomes of a run when its stream has ended, one way or another. Direct or background."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from queries.engine import failures
from queries.engine.keeper import Held, Reason
from queries.engine.leases import LeaseLostError, held
from queries.engine.receiving import Received, compacted
from queries.engine.record import end, ending, mark_connection
from queries.models import Mode, Run, Status
from queries.providers.errors import LimitExceededError, ProviderError

HUNG_UP = "Cancelled by closing the connection; the provider does not confirm that."


def settle(one: Held, received: Received) -> bool:
    """End the run that ``one`` holds; False if it was not ours to end any more."""
    run = one.run
    if one.reason is Reason.LOST or not _refresh(run):
        return False
    error = _why(one, received)
    status = _status(one, received, error)
    try:
        if status is Status.SUCCEEDED and received.result_set:
            compacted(one, received.result_set)
    except LeaseLostError:
        return False
    changes = ending(run, status, None if status is not Status.FAILED else error)
    changes |= _cancelled(run, status)
    mark_connection(run.connection, error)
    keep = received.result_set if status is Status.SUCCEEDED else None
    return end(run, changes, keep)


def _refresh(run: Run) -> bool:
    """Notes and warnings may have grown since the run was claimed; only ours counts."""
    fresh = held(run).first()
    if fresh is None:
        return False
    run.notes, run.warnings = fresh.notes, fresh.warnings
    run.cancel_asked_at = fresh.cancel_asked_at
    return True


def _why(one: Held, received: Received) -> ProviderError | None:
    """The error to show: ours, if it was we who hung up."""
    if one.reason is Reason.LATE:
        return failures.too_long(time_limit(one.run))
    if one.reason is Reason.STOPPING:
        return failures.interrupted()
    return received.error


def _status(one: Held, received: Received, error: ProviderError | None) -> Status:
    if one.reason is Reason.CANCELLED:
        return Status.CANCELLED
    # Our own cap on rows or bytes cuts a result; it does not make the rows received wrong.
    capped = isinstance(error, LimitExceededError) and received.rows > 0
    return Status.SUCCEEDED if error is None or capped else Status.FAILED


def _cancelled(run: Run, status: Status) -> dict[str, Any]:
    if status is not Status.CANCELLED or run.mode != Mode.DIRECT:
        return {}
    return {"notes": [*run.notes, HUNG_UP]}


def time_limit(run: Run) -> float:
    """Seconds a run may take in all."""
    if run.mode == Mode.DIRECT:
        return float(settings.DIRECT_SECONDS)
    return float(settings.BACKGROUND_SECONDS)
