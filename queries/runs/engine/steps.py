"""The steps of a background run: which remote call comes next, and what its answer changes.

Pure decisions: a step's ``call`` runs in a thread and knows no database; ``answered`` and
``failed`` turn its outcome into an `Outcome`, which the pump commits if the lease still holds.
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
from queries.runs.engine.leases import FREED
from queries.runs.engine.rate_waits import (
    FOR_AN_EARLIER_TRY,
    FOR_RECOVERY,
    FOR_THE_PROVIDER,
    REFUSED,
    waiting,
)
from queries.runs.engine.run_updates import NOT_WAITING, ending, noted


@dataclass(frozen=True)
class Outcome:
    """What a step came to: columns of the run, and whether its rows can be fetched now."""

    changes: dict[str, Any] = field(default_factory=dict)
    fetch: bool = False
    blocked: float = 0.0  # seconds the provider wants to be left alone

    @property
    def ends(self) -> bool:
        """Whether the run has ended."""
        return "finished_at" in self.changes


@dataclass(frozen=True)
class Step:
    """One remote call of a run's life."""

    call: Callable[[Provider, Run], Any]
    answered: Callable[[Run, Any], Outcome]
    failed: Callable[[Run, ProviderError], Outcome]


def go_on(seconds: float, **changes: Any) -> Outcome:
    """The run goes on: look at it again in ``seconds``."""
    later = timezone.now() + timedelta(seconds=seconds)
    return Outcome(
        {
            **FREED,
            **NOT_WAITING,
            "claims": 0,
            "failures": 0,
            "next_at": later,
            **changes,
        }
    )


def try_again(run: Run, error: ProviderError, **changes: Any) -> Outcome:
    """The provider is in trouble: the same step later, and later still the next time."""
    failures = run.failures + 1
    seconds = backoff.backoff(failures, error.retry_after)
    refused = isinstance(error, RateLimitError)
    changes |= waiting(seconds, _waited_for(error))
    if refused:
        changes["notes"] = noted(run, REFUSED)
    outcome = go_on(seconds, failures=failures, **changes)
    return Outcome(outcome.changes, blocked=seconds if refused else 0.0)


def _waited_for(error: ProviderError) -> str:
    if isinstance(error, RateLimitError):
        return FOR_THE_PROVIDER
    return FOR_AN_EARLIER_TRY if isinstance(error, ConflictError) else FOR_RECOVERY


def finish(
    run: Run,
    status: Status,
    error: ProviderError | None = None,
    note: str = "",
    facts: Mapping[str, Any] | None = None,
) -> Outcome:
    """The run ends."""
    return Outcome({**ending(run, status, error, note), **(facts or {})})
