"""The steps of a background run: one HTTP call each, and what its outcome changes.

Pure decisions: a step's ``call`` runs in a thread without database access; ``on_success`` and
``on_error`` turn its result into an `Outcome`, which the scheduler commits if the lease still holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from queries.models import Run, Status
from queries.providers.base import Provider
from queries.providers.errors import ConflictError, ProviderError, RateLimitError
from queries.runs.engine import backoff
from queries.runs.engine.leases import RELEASED_VALUES
from queries.runs.engine.rate_waits import (
    RATE_LIMITED_NOTE,
    WAITING_FOR_EARLIER_ATTEMPT,
    WAITING_FOR_RECOVERY,
    WAITING_FOR_RETRY_AFTER,
    waiting_values,
)
from queries.runs.engine.run_updates import NOT_WAITING, final_values, notes_with


@dataclass(frozen=True)
class Outcome:
    """The result of a step: column values of the run, and whether its rows can be fetched now."""

    changes: dict[str, Any] = field(default_factory=dict)
    ready_to_fetch: bool = False
    block_seconds: float = 0.0  # seconds for which the provider refuses calls

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return "finished_at" in self.changes


@dataclass(frozen=True)
class Step:
    """One HTTP call of a background run."""

    call: Callable[[Provider, Run], Any]
    on_success: Callable[[Run, Any], Outcome]
    on_error: Callable[[Run, ProviderError], Outcome]


def reschedule_outcome(seconds: float, **changes: Any) -> Outcome:
    """Return the outcome that continues the run in ``seconds``."""
    later = timezone.now() + timedelta(seconds=seconds)
    return Outcome(
        {
            **RELEASED_VALUES,
            **NOT_WAITING,
            "claims": 0,
            "failures": 0,
            "next_at": later,
            **changes,
        }
    )


def retry_outcome(run: Run, error: ProviderError, **changes: Any) -> Outcome:
    """Return the outcome that repeats the step later, with growing delays."""
    failures = run.failures + 1
    seconds = backoff.backoff_seconds(failures, error.retry_after)
    refused = isinstance(error, RateLimitError)
    changes |= waiting_values(seconds, _waited_for(error))
    if refused:
        changes["notes"] = notes_with(run, RATE_LIMITED_NOTE)
    outcome = reschedule_outcome(seconds, failures=failures, **changes)
    return Outcome(outcome.changes, block_seconds=seconds if refused else 0.0)


def _waited_for(error: ProviderError) -> str:
    if isinstance(error, RateLimitError):
        return WAITING_FOR_RETRY_AFTER
    return (
        WAITING_FOR_EARLIER_ATTEMPT
        if isinstance(error, ConflictError)
        else WAITING_FOR_RECOVERY
    )


def final_outcome(
    run: Run,
    status: Status,
    error: ProviderError | None = None,
    note: str = "",
    values: Mapping[str, Any] | None = None,
) -> Outcome:
    """Return the outcome that ends the run."""
    return Outcome({**final_values(run, status, error, note), **(values or {})})
