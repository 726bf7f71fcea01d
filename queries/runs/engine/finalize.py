"""End a run after its stream has ended, direct or background."""

from __future__ import annotations

from queries.models import Mode, Run, Status
from queries.providers.errors import LimitExceededError, ProviderError
from queries.runs.engine import error_texts
from queries.runs.engine.lease_keeper import LeasedRun, StopReason
from queries.runs.engine.leases import LeaseLostError, leased_row
from queries.runs.engine.receiver import ReceiveResult, compact_parts
from queries.runs.engine.run_updates import (
    final_values,
    finish_run,
    mark_connection_failing,
    notes_with,
)

CONNECTION_CLOSED_NOTE = (
    "Cancelled by closing the connection; the provider does not confirm that."
)
FETCH_STOPPED_NOTE = (
    "The job had already ended at the provider; we stopped fetching its rows."
)


def finalize_run(leased: LeasedRun, received: ReceiveResult) -> bool:
    """End a leased run; return False if the lease was lost."""
    run = leased.run
    if leased.stop_reason is StopReason.LEASE_LOST or not _refresh(run):
        return False
    if received.result_set:
        dropped = received.result_set.columns_dropped
        run.notes = notes_with(run, error_texts.dropped_columns_note(dropped))
    error = leased.stop_error(received.error)
    status = _status(leased, received, error)
    try:
        if status is Status.SUCCEEDED and received.result_set:
            compact_parts(leased, received.result_set)
    except LeaseLostError:
        return False
    shown = error if status is Status.FAILED else None
    note = _note(leased) if status is Status.CANCELLED else ""
    mark_connection_failing(run.connection, error)
    keep = received.result_set if status is Status.SUCCEEDED else None
    return finish_run(run, final_values(run, status, shown, note), keep)


def _refresh(run: Run) -> bool:
    """Reload notes and warnings, which may have grown since the run was claimed."""
    fresh = leased_row(run).first()
    if fresh is None:
        return False
    run.notes, run.warnings = fresh.notes, fresh.warnings
    return True


def _status(
    leased: LeasedRun, received: ReceiveResult, error: ProviderError | None
) -> Status:
    if leased.stop_reason is StopReason.CANCELLED:
        return Status.CANCELLED
    # Our own limit of rows or bytes truncates a result; the received rows are still right.
    capped = isinstance(error, LimitExceededError) and received.row_count > 0
    return Status.SUCCEEDED if error is None or capped else Status.FAILED


def _note(leased: LeasedRun) -> str:
    if leased.run.mode == Mode.BACKGROUND:
        return FETCH_STOPPED_NOTE
    # A refine makes no HTTP call.
    called = leased.has_called and leased.run.mode == Mode.DIRECT
    return CONNECTION_CLOSED_NOTE if called else ""
