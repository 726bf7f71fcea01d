"""Submit: the one step that cannot always be repeated, so it is announced before it is made."""

from __future__ import annotations

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
# Where a repeat is harmless, it is worth a quarter of an hour (`times.backoff`).
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
    """The changes to commit before the request leaves: from here on it may be received."""
    changes = {"submitting_since": timezone.now(), "submits": run.submits + 1}
    if run.submitting_since is None or is_idempotent(run):
        return changes
    words = RESUBMITTED_NOTE.format(
        times=COUNT_WORDS.get(run.submits + 1, f"{run.submits + 1} times")
    )
    return {**changes, "notes": notes_with(run, words)}


def submits_exhausted(run: Run) -> bool:
    """Whether the query has been sent often enough without an answer."""
    most = MAX_IDEMPOTENT_SUBMITS if is_idempotent(run) else MAX_SUBMITS
    return run.submitting_since is not None and run.submits >= most


def is_idempotent(run: Run) -> bool:
    """Whether the provider recognises a repeated submit."""
    return provider_class(run.provider).capabilities.idempotent_submit


def call(provider: Provider, run: Run) -> Submitted:
    """Send the query. The run's own id is the idempotency key, where the provider takes one."""
    return provider.submit(query_spec(run), str(run.pk))


def on_success(run: Run, submitted: Submitted) -> Outcome:
    """The provider took the job."""
    now = timezone.now()
    return reschedule_outcome(
        backoff.poll_delay(now - now),
        status=Status.RUNNING,
        job_id=submitted.job_id[:200],
        submitted_at=now,
        started_at=now,
        submitting_since=None,
        warnings=merged_warnings(run.warnings, warning_dicts(submitted.warnings)),
    )


def on_error(run: Run, error: ProviderError) -> Outcome:
    """The provider refused, or we do not know whether it took the job."""
    if error.may_have_been_received:
        if not error.retryable:
            return final_outcome(run, Status.FAILED, error, MAYBE_ACCEPTED_NOTE)
        if submits_exhausted(run):
            return final_outcome(
                run, Status.FAILED, error_texts.submit_unknown(run.submits)
            )
        return retry_outcome(run, error)
    # It was certainly not taken: this attempt does not count.
    if error.retryable and run.failures < MAX_REJECTIONS:
        return retry_outcome(run, error, submitting_since=None, submits=run.submits - 1)
    return final_outcome(run, Status.FAILED, error)


SUBMIT = Step(call, on_success, on_error)
