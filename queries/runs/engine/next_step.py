"""Which step comes next for a run that the pump has claimed. Pure."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from queries.engine import cancelling, failures, submitting
from queries.engine.polling import POLL
from queries.engine.steps import Outcome, Step, finish
from queries.engine.submitting import SUBMIT
from queries.models import Run, Status
from queries.providers.errors import ProviderError

# Claimed so often without ever moving on: whatever happens, it takes the worker with it.
MOST_CLAIMS = 50


def next_step(run: Run) -> Step | Outcome:
    """The remote call to make now, or how the run ends without one."""
    if run.cancel_asked_at:
        return cancelling.next_step(run)
    if hopeless := _hopeless(run):
        return finish(run, Status.FAILED, hopeless)
    return POLL if run.job_id else SUBMIT


def _hopeless(run: Run) -> ProviderError | None:
    """Why there is no point in going on."""
    if run.claims > MOST_CLAIMS:
        return failures.internal()
    if run.connection is None:
        return failures.connection_gone()
    if run.gives_up_at and timezone.now() >= run.gives_up_at:
        return failures.gave_up(settings.BACKGROUND_SECONDS)
    if not run.job_id and submitting.exhausted(run):
        return failures.submit_unknown(run.submits)
    return None
