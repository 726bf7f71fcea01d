"""Polling: what a job's status means for its run."""

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
from queries.runs.engine.job_statistics import job_facts
from queries.runs.engine.run_updates import noted, status_facts
from queries.runs.engine.steps import Outcome, Step, finish, go_on, try_again

CONFIRM_EVERY = 1.0
MOST_ODD_ANSWERS = 10
CANCELLED_THERE = "The job was cancelled at the provider, not from here."
FINISHED_FIRST = (
    "The query had already ended at the provider when the cancel arrived; "
    "its rows were not fetched."
)
GONE_AFTER_CANCEL = "The provider no longer knows the job: it is gone."
UNKNOWN_STATE = (
    "The provider reports a state we do not know (“{native}”); still watching."
)


def call(provider: Provider, run: Run) -> JobStatus:
    """Ask how the job is doing."""
    return provider.status(run.job_id)


def answered(run: Run, status: JobStatus) -> Outcome:
    """The provider told where the job stands."""
    facts = status_facts(run, status)
    facts["statistics"] |= job_facts(status)
    if status.state.is_final:
        ended = _ended_after_cancel if run.cancel_asked_at else _ended
        return ended(run, status, facts)
    if status.state is JobState.UNKNOWN:
        facts["notes"] = noted(run, UNKNOWN_STATE.format(native=facts["native_status"]))
    age = timezone.now() - (run.submitted_at or run.created_at)
    delay = CONFIRM_EVERY if run.cancel_asked_at else backoff.poll_delay(age)
    return go_on(delay, polls=run.polls + 1, **facts)


def failed(run: Run, error: ProviderError) -> Outcome:
    """The provider could not or would not tell."""
    if isinstance(error, NotFoundError) and run.cancel_asked_at:
        # Assumption: a cancelled job may be deleted at once (a Coralogix client saw that).
        confirmed = {"cancel_confirmed_at": timezone.now()}
        return finish(run, Status.CANCELLED, note=GONE_AFTER_CANCEL, facts=confirmed)
    odd = isinstance(error, UnexpectedResponseError) and run.failures < MOST_ODD_ANSWERS
    if error.retryable or odd:
        return try_again(run, error)
    return finish(run, Status.FAILED, error)


def _ended(run: Run, status: JobStatus, facts: dict[str, Any]) -> Outcome:
    if status.state is JobState.SUCCEEDED:
        ready = go_on(0, status=Status.FETCHING, **facts)
        return Outcome(ready.changes, fetch=True)
    if status.state is JobState.CANCELLED:
        return finish(run, Status.CANCELLED, note=CANCELLED_THERE, facts=facts)
    error = status.error or QueryError("The provider gave no reason.")
    return finish(run, Status.FAILED, error, facts=facts)


def _ended_after_cancel(run: Run, status: JobStatus, facts: dict[str, Any]) -> Outcome:
    if status.state is JobState.CANCELLED:
        facts["cancel_confirmed_at"] = timezone.now()
        return finish(run, Status.CANCELLED, facts=facts)
    note = FINISHED_FIRST
    if status.state is JobState.FAILED:
        note = f"The job failed before it could be cancelled: {status.error or 'no reason given'}"
    return finish(run, Status.CANCELLED, note=note, facts=facts)


POLL = Step(call, answered, failed)
