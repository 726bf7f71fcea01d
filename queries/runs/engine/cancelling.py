"""Cancelling a background run: asked here, then asked there, then confirmed by the provider."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from queries.models import Run, Status
from queries.providers.base import Provider
from queries.providers.errors import ConflictError, NotFoundError, ProviderError
from queries.providers.registry import provider_class
from queries.runs.engine.polling import CONFIRM_EVERY, GONE_AFTER_CANCEL, POLL
from queries.runs.engine.steps import Outcome, Step, finish, go_on, try_again

CONFIRM_WITHIN = timedelta(seconds=30)
MOST_FAILURES = 4
UNCONFIRMED = "The provider did not confirm the cancel; we stopped watching."
UNABLE = "{label} cannot cancel jobs: it may still be running there, and we stopped watching."
MAYBE_SUBMITTED = (
    "Cancelled while the query was being submitted; if the provider took it, that job runs "
    "there to its end, unseen."
)
NOT_ACCEPTED = "The provider did not accept the cancel ({why}); the job may still be running there."


def next_step(run: Run) -> Step | Outcome:
    """What is to be done about a run that somebody asked to cancel."""
    if not run.job_id:
        note = MAYBE_SUBMITTED if run.submitting_since else ""
        return finish(run, Status.CANCELLED, note=note)
    kind = provider_class(run.provider)
    if not kind.capabilities.cancel or run.connection is None:
        note = UNABLE.format(label=kind.label) if run.connection else UNCONFIRMED
        return finish(run, Status.CANCELLED, note=note)
    if run.cancel_sent_at is None:
        return CANCEL
    if timezone.now() - run.cancel_sent_at > CONFIRM_WITHIN:
        return finish(run, Status.CANCELLED, note=UNCONFIRMED)
    return POLL


def call(provider: Provider, run: Run) -> None:
    """Ask the provider to cancel the job."""
    provider.cancel(run.job_id)


def answered(run: Run, _nothing: None) -> Outcome:
    """The provider heard; only a later status tells whether it did so."""
    return go_on(CONFIRM_EVERY, cancel_sent_at=timezone.now())


def failed(run: Run, error: ProviderError) -> Outcome:
    """The provider did not take the cancel."""
    if isinstance(error, NotFoundError):
        confirmed = {"cancel_confirmed_at": timezone.now()}
        return finish(run, Status.CANCELLED, note=GONE_AFTER_CANCEL, facts=confirmed)
    if isinstance(error, ConflictError):
        # It has ended, or is ending: the status says which.
        return answered(run, None)
    if error.retryable and run.failures < MOST_FAILURES:
        return try_again(run, error)
    return finish(run, Status.CANCELLED, note=NOT_ACCEPTED.format(why=error.message))


CANCEL = Step(call, answered, failed)
