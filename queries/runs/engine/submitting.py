"""Submit: the one step that cannot always be repeated, so its intent is committed first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from queries.models import Run, Status
from queries.providers.base import Provider, Submitted
from queries.providers.errors import ProviderError
from queries.providers.registry import provider_class
from queries.runs.engine import backoff, error_texts
from queries.runs.engine.run_updates import (
    merged_warnings,
    notes_with,
    query_spec,
    warning_dicts,
)
from queries.runs.engine.steps import (
    Outcome,
    Step,
    final_outcome,
    reschedule_outcome,
    retry_outcome,
)

MAX_SUBMITS = 3
# A harmless repeat is tried for a quarter of an hour (`backoff.backoff_seconds`).
MAX_IDEMPOTENT_SUBMITS = 20
MAX_REJECTIONS = 20
MAYBE_ACCEPTED_NOTE = "The provider may have taken the query all the same; if so, that job ends there unseen."
RESUBMITTED_NOTE = (
    "Submitted {times}: it is not known whether the provider took the query before, because "
    "no answer arrived. If it did, that job runs there to its end, unseen, and counts "
    "against the quota."
)
COUNT_WORDS = {2: "twice", 3: "three times"}


def submit_values(run: Run) -> dict[str, Any]:
    """Return the column values to commit before the request is sent: from then on it may be received."""
    changes = {"submitting_since": timezone.now(), "submits": run.submits + 1}
    if run.submitting_since is None or is_idempotent(run):
        return changes
    words = RESUBMITTED_NOTE.format(
        times=COUNT_WORDS.get(run.submits + 1, f"{run.submits + 1} times")
    )
    return {**changes, "notes": notes_with(run, words)}


def submits_exhausted(run: Run) -> bool:
    """Return whether the query was sent often enough without a response."""
    most = MAX_IDEMPOTENT_SUBMITS if is_idempotent(run) else MAX_SUBMITS
    return run.submitting_since is not None and run.submits >= most


def is_idempotent(run: Run) -> bool:
    """Return whether the provider recognises a repeated submit."""
    return provider_class(run.provider).capabilities.idempotent_submit


def call(provider: Provider, run: Run) -> Submitted:
    """Send the query. The run's id is the idempotency key where the provider takes one."""
    return provider.submit(query_spec(run), str(run.pk))


def on_success(run: Run, submitted: Submitted) -> Outcome:
    """Handle an accepted job."""
    now = timezone.now()
    return reschedule_outcome(
        backoff.poll_delay(timedelta(0)),
        status=Status.RUNNING,
        job_id=submitted.job_id[:200],
        submitted_at=now,
        started_at=now,
        submitting_since=None,
        warnings=merged_warnings(run.warnings, warning_dicts(submitted.warnings)),
    )


def on_error(run: Run, error: ProviderError) -> Outcome:
    """Handle a refused submit, or one whose outcome is unknown."""
    if error.may_have_been_received:
        if not error.retryable:
            return final_outcome(run, Status.FAILED, error, MAYBE_ACCEPTED_NOTE)
        if submits_exhausted(run):
            return final_outcome(
                run, Status.FAILED, error_texts.submit_unknown(run.submits)
            )
        return retry_outcome(run, error)
    # The submit was certainly not accepted: it does not count.
    if error.retryable and run.failures < MAX_REJECTIONS:
        return retry_outcome(run, error, submitting_since=None, submits=run.submits - 1)
    return final_outcome(run, Status.FAILED, error)


SUBMIT = Step(call, on_success, on_error)
