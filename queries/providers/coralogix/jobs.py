"""How a background query is doing: Coralogix' answer has no status word but one member that says it all.

Waiting and running: Coralogix docs, "Get background query status". The forms of failure: IBM Cloud Logs' published
interface of the same engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from queries.providers.base import JobState, JobStatus, ProviderWarning
from queries.providers.coralogix.fields import MAX_BACKGROUND_ROWS
from queries.providers.coralogix.notices import parse_warnings
from queries.providers.coralogix.scalars import parse_timestamp
from queries.providers.coralogix.stream import parse_statistics
from queries.providers.errors import ProviderError, QueryError, clean_text

_BESIDE = frozenset({"submittedAt", "metadata", "warnings", "queryId"})
_NARROWER = "Narrow the query: a shorter time range, a filter, or an aggregation."
# Coralogix docs, "Background query limitations": the two codes whose texts could be read.
_REASONS = {
    "MAX_RESULTS": (
        "max results",
        f"A background query returns {MAX_BACKGROUND_ROWS:,} rows at most.",
    ),
    "SCANNED_BYTES_LIMIT": (
        "scanned bytes limit",
        "The query read more bytes than Coralogix allows.",
    ),
}


def parse_job_status(answer: Mapping[str, Any]) -> JobStatus:
    """Read a status answer. What we do not know is UNKNOWN, which is no end."""
    state, native, error = _state_of(answer)
    ended = _mapping(answer.get("terminated"))
    running = _mapping(answer.get("running"))
    return JobStatus(
        state=state,
        native=native,
        error=error,
        warnings=(
            *parse_warnings(answer.get("warnings", [])),
            *_unknown_state(state, native),
        ),
        statistics=_statistics(answer.get("metadata")),
        submitted_at=parse_timestamp(answer.get("submittedAt")),
        started_at=parse_timestamp(
            ended.get("runningSince") or running.get("runningSince")
        ),
        ended_at=parse_timestamp(ended.get("terminatedAt")),
        raw=answer,
    )


def _state_of(answer: Mapping[str, Any]) -> tuple[JobState, str, ProviderError | None]:
    if "terminated" in answer:
        return _ending_of(_mapping(answer["terminated"]))
    if "waitingForExecution" in answer:
        return JobState.WAITING, "waitingForExecution", None
    unknown = next(
        (name for name in answer if name not in _BESIDE and name != "running"), None
    )
    if "running" in answer or unknown is None:
        return (
            JobState.RUNNING,
            "running",
            None,
        )  # documented: no "terminated" means that it still runs
    return JobState.UNKNOWN, clean_text(unknown, limit=100), None


def _ending_of(ended: Mapping[str, Any]) -> tuple[JobState, str, ProviderError | None]:
    error = ended.get("error")
    if "success" in ended:
        return JobState.SUCCEEDED, "terminated.success", None
    if "cancelled" in ended:
        return JobState.CANCELLED, "terminated.cancelled", None
    if "error" not in ended:
        unknown = next(
            (name for name in ended if name not in {"runningSince", "terminatedAt"}), ""
        )
        return (
            JobState.UNKNOWN,
            clean_text(f"terminated.{unknown}".rstrip("."), limit=100),
            None,
        )
    how = clean_text(next(iter(_mapping(error)), ""), limit=100)
    native = f"terminated.error.{how}".rstrip(".")
    if how == "cancelled":
        return JobState.CANCELLED, native, None
    return JobState.FAILED, native, _failure(how, error)


def _failure(how: str, error: object) -> QueryError:
    if how == "timedOut":
        return QueryError(
            "Coralogix stopped the query: it ran longer than a background query may.",
            code="query_timed_out",
            provider_code=how,
            remedy=_NARROWER,
        )
    details = _mapping(error).get(how, error)
    reason = _mapping(details).get(
        "reason", details if isinstance(details, str) else ""
    )
    text = clean_text(str(reason))
    for code, (sign, ours) in _REASONS.items():
        if sign in text.lower() or code in text:
            return QueryError(
                f"{ours} Coralogix says: {text}", provider_code=code, remedy=_NARROWER
            )
    return QueryError(
        f"Coralogix failed to run the query: {text or 'no reason given'}",
        provider_code=how,
    )


def _unknown_state(state: JobState, native: str) -> tuple[ProviderWarning, ...]:
    if state is not JobState.UNKNOWN:
        return ()
    return (
        ProviderWarning(
            "unknown_state",
            f'Coralogix reports a state we do not know, "{native}"; still asking.',
        ),
    )


def _statistics(metadata: object) -> dict[str, Any]:
    # Assumption: more than one entry means parts of the same query, so that bytes add up.
    entries = metadata if isinstance(metadata, list) else []
    found = [parse_statistics(_mapping(entry).get("statistics")) for entry in entries]
    merged = {name: value for statistics in found for name, value in statistics.items()}
    scanned = [
        item["bytes_scanned"]
        for item in found
        if isinstance(item.get("bytes_scanned"), int)
    ]
    return merged | ({"bytes_scanned": sum(scanned)} if scanned else {})


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
