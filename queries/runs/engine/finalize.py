"""What becomes of a run when its stream has ended, one way or another. Direct or background."""

from __future__ import annotations

from queries.models import Mode, Run, Status
from queries.providers.errors import LimitExceededError, ProviderError
from queries.runs.engine import error_texts
from queries.runs.engine.lease_keeper import Held, Reason
from queries.runs.engine.leases import LeaseLostError, held
from queries.runs.engine.receiver import Received, compacted
from queries.runs.engine.run_updates import end, ending, mark_connection, noted

HUNG_UP = "Cancelled by closing the connection; the provider does not confirm that."
STOPPED_FETCHING = (
    "The job had already ended at the provider; we stopped fetching its rows."
)


def settle(one: Held, received: Received) -> bool:
    """End the run that ``one`` holds; False if it was not ours to end any more."""
    run = one.run
    if one.reason is Reason.LOST or not _refresh(run):
        return False
    if received.result_set:
        dropped = received.result_set.columns_dropped
        run.notes = noted(run, error_texts.columns_left_out(dropped))
    error = one.error(received.error)
    status = _status(one, received, error)
    try:
        if status is Status.SUCCEEDED and received.result_set:
            compacted(one, received.result_set)
    except LeaseLostError:
        return False
    shown = error if status is Status.FAILED else None
    note = _note(one) if status is Status.CANCELLED else ""
    mark_connection(run.connection, error)
    keep = received.result_set if status is Status.SUCCEEDED else None
    return end(run, ending(run, status, shown, note), keep)


def _refresh(run: Run) -> bool:
    """Notes and warnings may have grown since the run was claimed; only ours counts."""
    fresh = held(run).first()
    if fresh is None:
        return False
    run.notes, run.warnings = fresh.notes, fresh.warnings
    return True


def _status(one: Held, received: Received, error: ProviderError | None) -> Status:
    if one.reason is Reason.CANCELLED:
        return Status.CANCELLED
    # Our own cap on rows or bytes cuts a result; it does not make the rows received wrong.
    capped = isinstance(error, LimitExceededError) and received.rows > 0
    return Status.SUCCEEDED if error is None or capped else Status.FAILED


def _note(one: Held) -> str:
    if one.run.mode == Mode.BACKGROUND:
        return STOPPED_FETCHING
    # A refine calls nobody.
    called = one.has_called and one.run.mode == Mode.DIRECT
    return HUNG_UP if called else ""
