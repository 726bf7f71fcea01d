"""Cancel a background run: requested here, sent to the provider, confirmed by the provider."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from queries.models import Run, Status
from queries.providers.base import Provider
from queries.providers.errors import ConflictError, NotFoundError, ProviderError
from queries.providers.registry import provider_class
from queries.runs.engine.polling import (
    CANCEL_POLL_SECONDS,
    DELETED_AFTER_CANCEL_NOTE,
    POLL,
)
from queries.runs.engine.steps import (
    Outcome,
    Step,
    final_outcome,
    reschedule_outcome,
    retry_outcome,
)

CONFIRM_TIMEOUT = timedelta(seconds=30)
MAX_FAILURES = 4
UNCONFIRMED_NOTE = "The provider did not confirm the cancel; we stopped watching."
CANCEL_UNSUPPORTED_NOTE = "{label} cannot cancel jobs: it may still be running there, and we stopped watching."
MAYBE_SUBMITTED_NOTE = (
    "Cancelled while the query was being submitted; if the provider took it, that job runs "
    "there to its end, unseen."
)
CANCEL_REJECTED_NOTE = "The provider did not accept the cancel ({why}); the job may still be running there."


def next_cancel_step(run: Run) -> Step | Outcome:
    """Return the next step of a run whose cancel was requested."""
    if not run.job_id:
        note = MAYBE_SUBMITTED_NOTE if run.submitting_since else ""
        return final_outcome(run, Status.CANCELLED, note=note)
    kind = provider_class(run.provider)
    if not kind.capabilities.cancel or run.connection is None:
        note = (
            CANCEL_UNSUPPORTED_NOTE.format(label=kind.label)
            if run.connection
            else UNCONFIRMED_NOTE
        )
        return final_outcome(run, Status.CANCELLED, note=note)
    if run.cancel_sent_at is None:
        return CANCEL
    if timezone.now() - run.cancel_sent_at > CONFIRM_TIMEOUT:
        return final_outcome(run, Status.CANCELLED, note=UNCONFIRMED_NOTE)
    return POLL


def call(provider: Provider, run: Run) -> None:
    """Ask the provider to cancel the job."""
    provider.cancel(run.job_id)


def on_success(run: Run, _nothing: None) -> Outcome:
    """Handle an accepted cancel; only a later status shows whether the job stopped."""
    return reschedule_outcome(CANCEL_POLL_SECONDS, cancel_sent_at=timezone.now())


def on_error(run: Run, error: ProviderError) -> Outcome:
    """Handle a cancel that the provider did not accept."""
    if isinstance(error, NotFoundError):
        confirmed = {"cancel_confirmed_at": timezone.now()}
        return final_outcome(
            run, Status.CANCELLED, note=DELETED_AFTER_CANCEL_NOTE, values=confirmed
        )
    if isinstance(error, ConflictError):
        # The job has ended or is ending: the next status shows which.
        return on_success(run, None)
    if error.retryable and run.failures < MAX_FAILURES:
        return retry_outcome(run, error)
    return final_outcome(
        run, Status.CANCELLED, note=CANCEL_REJECTED_NOTE.format(why=error.message)
    )


CANCEL = Step(call, on_success, on_error)
