"""Submit: the one step that cannot always be repeated, so it is announced before it is made."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from queries.models import Run, Status
from queries.providers.base import Provider, Submitted
from queries.providers.errors import ProviderError
from queries.providers.registry import provider_class
from queries.runs.engine import backoff, error_texts
from queries.runs.engine.run_updates import merged, noted, spec_of, warning_dicts
from queries.runs.engine.steps import Outcome, Step, finish, go_on, try_again

MOST_SUBMITS = 3
# Where a repeat is harmless, it is worth a quarter of an hour (`times.backoff`).
MOST_REPEATS = 20
MOST_REFUSALS = 20
MAYBE_TAKEN = "The provider may have taken the query all the same; if so, that job ends there unseen."
TWICE = (
    "Submitted {times}: it is not known whether the provider took the query before, because "
    "no answer arrived. If it did, that job runs there to its end, unseen, and counts "
    "against the quota."
)
TIMES = {2: "twice", 3: "three times"}


def announce(run: Run) -> dict[str, Any]:
    """The changes to commit before the request leaves: from here on it may be received."""
    changes = {"submitting_since": timezone.now(), "submits": run.submits + 1}
    if run.submitting_since is None or repeats_harmlessly(run):
        return changes
    words = TWICE.format(times=TIMES.get(run.submits + 1, f"{run.submits + 1} times"))
    return {**changes, "notes": noted(run, words)}


def exhausted(run: Run) -> bool:
    """Whether the query has been sent often enough without an answer."""
    most = MOST_REPEATS if repeats_harmlessly(run) else MOST_SUBMITS
    return run.submitting_since is not None and run.submits >= most


def repeats_harmlessly(run: Run) -> bool:
    """Whether the provider recognises a repeated submit."""
    return provider_class(run.provider).capabilities.idempotent_submit


def call(provider: Provider, run: Run) -> Submitted:
    """Send the query. The run's own id is the idempotency key, where the provider takes one."""
    return provider.submit(spec_of(run), str(run.pk))


def answered(run: Run, submitted: Submitted) -> Outcome:
    """The provider took the job."""
    now = timezone.now()
    return go_on(
        backoff.poll_delay(now - now),
        status=Status.RUNNING,
        job_id=submitted.job_id[:200],
        submitted_at=now,
        started_at=now,
        submitting_since=None,
        warnings=merged(run.warnings, warning_dicts(submitted.warnings)),
    )


def failed(run: Run, error: ProviderError) -> Outcome:
    """The provider refused, or we do not know whether it took the job."""
    if error.may_have_been_received:
        if not error.retryable:
            return finish(run, Status.FAILED, error, MAYBE_TAKEN)
        if exhausted(run):
            return finish(run, Status.FAILED, error_texts.submit_unknown(run.submits))
        return try_again(run, error)
    # It was certainly not taken: this attempt does not count.
    if error.retryable and run.failures < MOST_REFUSALS:
        return try_again(run, error, submitting_since=None, submits=run.submits - 1)
    return finish(run, Status.FAILED, error)


SUBMIT = Step(call, answered, failed)
