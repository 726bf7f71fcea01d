"""What a job's status means for its run."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from queries.models import Run, Status
from queries.providers.base import JobState, JobStatus, Provider
from queries.providers.errors import (
    NotFoundError,
    ProviderError,
    QueryError,
    UnexpectedResponseError,
)
from queries.runs.engine import backoff
from queries.runs.engine.job_statistics import status_statistics
from queries.runs.engine.run_updates import notes_with, status_values
from queries.runs.engine.steps import (
    Outcome,
    Step,
    final_outcome,
    reschedule_outcome,
    retry_outcome,
)

CANCEL_POLL_SECONDS = 1.0
MAX_UNEXPECTED_RESPONSES = 10
CANCELLED_AT_PROVIDER_NOTE = "The job was cancelled at the provider, not from here."
FINISHED_BEFORE_CANCEL_NOTE = (
    "The query had already ended at the provider when the cancel arrived; "
    "its rows were not fetched."
)
DELETED_AFTER_CANCEL_NOTE = "The provider no longer knows the job: it is gone."
UNKNOWN_STATE_NOTE = (
    "The provider reports a state we do not know (“{native}”); still watching."
)


def call(provider: Provider, run: Run) -> JobStatus:
    """Request the job's status."""
    return provider.status(run.job_id)


def on_success(run: Run, status: JobStatus) -> Outcome:
    """Handle a status response."""
    facts = status_values(run, status)
    facts["statistics"] |= status_statistics(status)
    if status.state.is_final:
        ended = _ended_after_cancel if run.cancel_asked_at else _ended
        return ended(run, status, facts)
    if status.state is JobState.UNKNOWN:
        facts["notes"] = notes_with(
            run, UNKNOWN_STATE_NOTE.format(native=facts["native_status"])
        )
    age = timezone.now() - (run.submitted_at or run.created_at)
    delay = CANCEL_POLL_SECONDS if run.cancel_asked_at else backoff.poll_delay(age)
    return reschedule_outcome(delay, polls=run.polls + 1, **facts)


def on_error(run: Run, error: ProviderError) -> Outcome:
    """Handle a failed status call."""
    if isinstance(error, NotFoundError) and run.cancel_asked_at:
        # Assumption: a cancelled job may be deleted at once (a Coralogix client saw that).
        confirmed = {"cancel_confirmed_at": timezone.now()}
        return final_outcome(
            run, Status.CANCELLED, note=DELETED_AFTER_CANCEL_NOTE, values=confirmed
        )
    odd = (
        isinstance(error, UnexpectedResponseError)
        and run.failures < MAX_UNEXPECTED_RESPONSES
    )
    if error.retryable or odd:
        return retry_outcome(run, error)
    return final_outcome(run, Status.FAILED, error)


def _ended(run: Run, status: JobStatus, facts: dict[str, Any]) -> Outcome:
    if status.state is JobState.SUCCEEDED:
        ready = reschedule_outcome(0, status=Status.FETCHING, **facts)
        return Outcome(ready.changes, ready_to_fetch=True)
    if status.state is JobState.CANCELLED:
        return final_outcome(
            run, Status.CANCELLED, note=CANCELLED_AT_PROVIDER_NOTE, values=facts
        )
    error = status.error or QueryError("The provider gave no reason.")
    return final_outcome(run, Status.FAILED, error, values=facts)


def _ended_after_cancel(run: Run, status: JobStatus, facts: dict[str, Any]) -> Outcome:
    if status.state is JobState.CANCELLED:
        facts["cancel_confirmed_at"] = timezone.now()
        return final_outcome(run, Status.CANCELLED, values=facts)
    note = FINISHED_BEFORE_CANCEL_NOTE
    if status.state is JobState.FAILED:
        note = f"The job failed before it could be cancelled: {status.error or 'no reason given'}"
    return final_outcome(run, Status.CANCELLED, note=note, values=facts)


POLL = Step(call, on_success, on_error)
