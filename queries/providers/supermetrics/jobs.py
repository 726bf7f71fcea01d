"""How a query is doing: six documented states, one that the official command line tool knows, and those to come."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from queries.providers.base import JobState, JobStatus, Progress, ProviderWarning, Queue
from queries.providers.errors import ProviderError, QueryError, clean_text
from queries.providers.supermetrics.envelopes import SUCCESS, Envelope, non_negative_int
from queries.providers.supermetrics.failures import (
    Step,
    error_for_detail,
    is_request_error,
)

# Supermetrics docs, "Query status": results stay for an hour after the query's end.
RETENTION = timedelta(hours=1)

# Supermetrics docs, "Query status"; PROCESS_EXITED: its command line tool.
_STATES = {
    "SCHEDULED": JobState.WAITING,
    "QUEUED": JobState.WAITING,
    "RUNNING": JobState.RUNNING,
    SUCCESS: JobState.SUCCEEDED,
    "FAILURE": JobState.FAILED,
    "PROCESS_EXITED": JobState.FAILED,
    "STOPPED": JobState.CANCELLED,
}
_FAILED = {
    "PROCESS_EXITED": "The query's process at Supermetrics ended before the query did.",
    "STOPPED": "The query was stopped at Supermetrics.",
}
_KEY_IN_LINK = re.compile(r"(api_key(?:=|%22(?:%3A|:)(?:%20|\+)*%22))[^&%\"\s]*", re.I)
_MAX_DEPTH = 6


def job_state(envelope: Envelope) -> JobState:
    """Translate the state's word. One we do not know is UNKNOWN, which is no end."""
    return _STATES.get(envelope.state, JobState.UNKNOWN)


def parse_job_status(envelope: Envelope, now: datetime) -> JobStatus:
    """Read a status answer. Raises an error that concerns the question and not the query.

    Assumption: the hour of a result begins when we first see its end, as Supermetrics does not say when that was.
    """
    if envelope.error is not None:
        return _failed_in_words(envelope)
    state = job_state(envelope)
    ended = state is JobState.SUCCEEDED
    return JobStatus(
        state=state,
        native=envelope.state,
        error=job_error(envelope) if state is JobState.FAILED else None,
        warnings=(*_unknown_state(state, envelope.state), *result_warnings(envelope)),
        statistics=result_statistics(envelope),
        expires_at=now + RETENTION if ended else None,
        progress=_progress(envelope.meta_object("progress")),
        queue=_queue(envelope.meta_object("workflow")),
        total_rows=envelope.total_rows if ended else None,
        raw={"meta": without_api_keys(envelope.meta)},
    )


def job_error(envelope: Envelope) -> ProviderError:
    """Return the error of a query that ended without a result."""
    if envelope.error is not None:
        return error_for_detail(Step.STATUS, envelope.error)
    message = _FAILED.get(
        envelope.state, "Supermetrics failed to run the query and gave no reason."
    )
    return QueryError(
        message,
        provider_code=envelope.state,
        request_id=envelope.request_id,
        remedy="Run the query again; if it fails again, ask for less.",
    )


def result_statistics(envelope: Envelope) -> dict[str, Any]:
    """Return what is told of a result: how long it took, how large it is, where it comes from."""
    told = {
        name: value
        for name, value in envelope.meta_object("result").items()
        if name in {"run_seconds", "total_rows", "total_columns", "data_sampled", "cache_used", "cache_time"}
    }  # fmt: skip
    return {
        name: clean_text(value) if isinstance(value, str) else value
        for name, value in told.items()
        if isinstance(value, str | int | float)
    }


def result_warnings(envelope: Envelope) -> tuple[ProviderWarning, ...]:
    """Return what the reader of a result should know."""
    if envelope.meta_object("result").get("data_sampled") is not True:
        return ()
    return (
        ProviderWarning(
            "data_sampled",
            "The data source has sampled its data: the numbers are estimates.",
            remedy="Choose fewer days or fewer fields for exact numbers.",
        ),
    )


def without_api_keys(value: Any, depth: int = 0) -> Any:
    """Return an answer's members without any key: in links of pages there may be one."""
    if isinstance(value, str):
        return _KEY_IN_LINK.sub(r"\1***", value)
    if depth >= _MAX_DEPTH:
        return None if isinstance(value, dict | list) else value
    if isinstance(value, Mapping):
        return {
            name: without_api_keys(item, depth + 1)
            for name, item in value.items()
            if name != "api_key"
        }
    if isinstance(value, list):
        return [without_api_keys(item, depth + 1) for item in value]
    return value


def _failed_in_words(envelope: Envelope) -> JobStatus:
    # Supermetrics docs, "Asynchronous queries": a failed query is answered by "status, error, or results".
    error = job_error(envelope)
    if is_request_error(error):
        raise error
    return JobStatus(
        JobState.FAILED,
        native=envelope.state or "error",
        error=error,
        raw={"meta": without_api_keys(envelope.meta), "error": {"code": error.provider_code, "message": error.message}},
    )  # fmt: skip


def _progress(told: Mapping[str, Any]) -> Progress | None:
    done, total = (
        non_negative_int(told.get("queries_ready")),
        non_negative_int(told.get("queries_total")),
    )
    return None if done is None or not total else Progress(min(done, total), total)


def _queue(told: Mapping[str, Any]) -> Queue | None:
    """Return what the licence's queue holds (Supermetrics docs, "Query status": tasks of all its queries)."""
    waiting, running = (
        non_negative_int(told.get("tasks_scheduled")),
        non_negative_int(told.get("tasks_running")),
    )
    return None if waiting is None or running is None else Queue(waiting, running)


def _unknown_state(state: JobState, word: str) -> tuple[ProviderWarning, ...]:
    if state is not JobState.UNKNOWN:
        return ()
    return (
        ProviderWarning(
            "unknown_state",
            f'Supermetrics reports a state we do not know, "{word}"; still asking.',
        ),
    )
