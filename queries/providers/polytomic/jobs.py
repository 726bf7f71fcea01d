"""How a query is doing: one word, and more members once it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from queries.providers.answers import error_code_and_message
from queries.providers.base import JobState, JobStatus, ProviderWarning
from queries.providers.errors import (
    ProviderError,
    QueryError,
    ResultsExpiredError,
    UnexpectedResponseError,
    clean_text,
)
from queries.providers.polytomic.wire import Page

_STATES = {
    "created": JobState.WAITING,
    "running": JobState.RUNNING,
    "done": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    # The Python client: "started, but its durable result was lost or has expired"; an end.
    "unknown": JobState.FAILED,
    # Assumption: a query may end as cancelled (by an administrator, say), though no such word is documented.
    "cancelled": JobState.CANCELLED,
    "canceled": JobState.CANCELLED,
}
_LOST = "unknown"
_MIN_YEAR = 2000
_MAX_COLUMN_NAMES = 200


def parse_job_status(page: Page) -> JobStatus:
    """Read an answer about a query. Raises UnexpectedResponseError if it has no state.

    A state we do not know is UNKNOWN, which is no end; Polytomic's own word "unknown" is one.
    """
    about = page.about
    native = provider_state(about)
    if not native:
        raise UnexpectedResponseError(
            "Polytomic's answer does not say how the query is doing.",
            may_have_been_received=True,
        )
    state = _STATES.get(native.lower(), JobState.UNKNOWN)
    return JobStatus(
        state=state,
        native=native,
        error=_error(native.lower(), page) if state is JobState.FAILED else None,
        warnings=_unknown_state(state, native),
        statistics=response_statistics(page),
        expires_at=reported_expiry(about),
        total_rows=reported_row_count(about),
        raw=dict(about)
        | ({"fields": first_column_names(about)} if "fields" in about else {}),
    )


def provider_state(about: Mapping[str, Any]) -> str:
    """Give Polytomic's own word for the state, or ""."""
    word = about.get("status")
    return clean_text(word, limit=60) if isinstance(word, str) else ""


def reported_row_count(about: Mapping[str, Any]) -> int | None:
    """Return the number of rows, if told."""
    count = about.get("count")
    told = isinstance(count, int) and not isinstance(count, bool) and count >= 0
    return count if told else None


def reported_expiry(about: Mapping[str, Any]) -> datetime | None:
    """Return the moment the result expires, if told. The zero of Go's clock (the year 1) says nothing."""
    text = about.get("expires")
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.year < _MIN_YEAR:
        return None
    # Assumption: a moment without a zone is in UTC; the documented example ends in Z.
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def column_names(about: Mapping[str, Any]) -> list[str]:
    """Return the names of the columns in their order, if told."""
    fields = about.get("fields")
    names = fields if isinstance(fields, list) else []
    return [name for name in names if isinstance(name, str)]


def first_column_names(about: Mapping[str, Any]) -> list[str]:
    """Return the names of the first columns, to be kept beside a run."""
    return column_names(about)[:_MAX_COLUMN_NAMES]


def response_statistics(page: Page) -> dict[str, Any]:
    """Return what is worth keeping of an answer: the version that the interface answered as."""
    return {"api_version": page.version} if page.version else {}


def _error(word: str, page: Page) -> ProviderError:
    text = clean_text(error_code_and_message(page.about.get("error"))[1])
    if word == _LOST:
        return ResultsExpiredError(
            "Polytomic started the query but has lost its result, or the result has expired."
            + (f" Polytomic says: {text}" if text else ""),
            code="lost",
            title="The result is lost",
            provider_code=word,
            request_id=page.request_id,
        )
    return QueryError(
        f"Polytomic failed to run the query: {text or 'no reason given'}",
        provider_code=word,
        request_id=page.request_id,
    )


def _unknown_state(state: JobState, native: str) -> tuple[ProviderWarning, ...]:
    if state is not JobState.UNKNOWN:
        return ()
    return (
        ProviderWarning(
            "unknown_state",
            f'Polytomic reports a state we do not know, "{native}"; still asking.',
        ),
    )
