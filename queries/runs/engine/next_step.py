"""Choose the next step of a claimed run. Pure."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from queries.models import Run, Status
from queries.providers.errors import ProviderError
from queries.runs.engine import cancelling, error_texts, submitting
from queries.runs.engine.polling import POLL
from queries.runs.engine.steps import Outcome, Step, final_outcome
from queries.runs.engine.submitting import SUBMIT

# Claimed so often without progress: each attempt crashes the worker.
MAX_CLAIMS = 50


def next_step(run: Run) -> Step | Outcome:
    """Return the HTTP call to make now, or the final outcome without one."""
    if run.cancel_asked_at:
        return cancelling.next_cancel_step(run)
    if hopeless := _hopeless(run):
        return final_outcome(run, Status.FAILED, hopeless)
    return POLL if run.job_id else SUBMIT


def _hopeless(run: Run) -> ProviderError | None:
    """Return why the run cannot succeed any more, if so."""
    if run.claims > MAX_CLAIMS:
        return error_texts.internal_error()
    if run.connection is None:
        return error_texts.connection_deleted()
    if run.gives_up_at and timezone.now() >= run.gives_up_at:
        return error_texts.job_timed_out(settings.BACKGROUND_SECONDS)
    if not run.job_id and submitting.submits_exhausted(run):
        return error_texts.submit_unknown(run.submits)
    return None
