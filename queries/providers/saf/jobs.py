"""How a task is doing. Neither the members nor the words of a status are documented: every likely form is read.

The emulator's form is {"id", "status", "query", "user", "startTime", ...}; the others are those of OpenSearch's
asynchronous search and of common usage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from queries.providers.base import (
    JobState,
    JobStatus,
    Progress,
    ProviderWarning,
    RemoteJob,
)
from queries.providers.errors import QueryError, UnexpectedResponseError, clean_text
from queries.providers.saf.failures import SHORT_LABEL, saf_error_code_and_message
from queries.providers.saf.paths import is_job_id
from queries.providers.saf.scalars import first_present, parse_count, parse_timestamp

MAX_JOBS = 1_000
_WORDS = {
    JobState.WAITING: "CREATED NEW INIT QUEUED PENDING SCHEDULED WAITING SUBMITTED",
    JobState.RUNNING: "RUNNING IN_PROGRESS STARTED PERSISTING ACTIVE",
    JobState.SUCCEEDED: "COMPLETED COMPLETE DONE FINISHED SUCCESS SUCCEEDED PERSIST_SUCCEEDED STORE_RESIDENT",
    JobState.FAILED: "FAILED FAILURE ERROR PERSIST_FAILED",
    JobState.CANCELLED: "CANCELED CANCELLED BROKEN STOPPED ABORTED KILLED CLOSED INTERRUPTED",
}
# Assumption: states are words of this list, in any case, some taken from OpenSearch's asynchronous search.
_STATES = {word: state for state, words in _WORDS.items() for word in words.split()}

# Assumption: the members of a submit's answer and of a status have these names.
ID_NAMES = ("id", "_id", "*id*", "task_id", "taskId", "request_id", "requestId")
_STATE_NAMES = ("status", "state", "taskStatus", "task_status")
_LISTS = ("tasks", "requests", "items", "data")
_SUBMITTED = ("created", "createdAt", "created_at", "submittedAt", "submitTime")
_STARTED = ("startTime", "start_time", "start_time_in_millis", "startTimeInMillis", "startedAt", "started_at")  # fmt: skip
_ENDED = ("endTime", "end_time", "end_time_in_millis", "endTimeInMillis", "endedAt", "ended_at", "finishedAt", "completedAt")  # fmt: skip
_EXPIRES = ("expirationTime", "expiration_time", "expiration_time_in_millis", "expiresAt", "expires_at", "expires")  # fmt: skip
_TOTALS = ("total", "totalRows", "total_rows", "resultsCount", "results_count")
_ERRORS = ("error", "failure", "exception", "errorMessage", "error_message", "reason")
_MAX_PERCENT = 100


def parse_job_id(value: object) -> str:
    """Return the id that a submit's answer holds; "" if it holds none that can be asked for."""
    if isinstance(value, dict):
        value = first_present(value, ID_NAMES)
    found = (
        str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    )
    return found.strip() if isinstance(found, str) and is_job_id(found.strip()) else ""


def parse_job_status(answer: object, job_id: str) -> JobStatus:
    """Read a status answer. Raises UnexpectedResponseError if no state can be found in it."""
    task = _task_in(answer, job_id)
    if task is None:
        raise UnexpectedResponseError("The answer has no state of a task in it.")
    return _status(task)


def parse_jobs(answer: object) -> list[RemoteJob]:
    """Read the list of all tasks, newest first. Raises UnexpectedResponseError if it is no list."""
    found = list(_jobs(answer))
    found.sort(key=_age)
    return found[:MAX_JOBS]


def _jobs(answer: object) -> Iterator[RemoteJob]:
    for key, task in _listed(answer):
        job_id = parse_job_id(task) or parse_job_id(key)
        if job_id:
            statement, owner = (
                first_present(task, ("query", "statement")),
                first_present(task, ("user", "owner", "username")),
            )
            yield RemoteJob(
                job_id,
                _status(task),
                statement if isinstance(statement, str) else "",
                clean_text(owner, limit=200) if isinstance(owner, str) else "",
            )


def _age(job: RemoteJob) -> float:
    moment = job.status.submitted_at or job.status.started_at
    return -moment.timestamp() if moment else 0.0


def _listed(answer: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return (key, task) of a list, of a list inside an object, or of an object whose keys are the ids."""
    if isinstance(answer, dict):
        inside = first_present(answer, _LISTS)
        if inside is not None:
            answer = inside
    if isinstance(answer, list):
        pairs: list[tuple[str, Any]] = [("", item) for item in answer]
    elif isinstance(answer, dict):
        pairs = list(answer.items())
    else:
        pairs = [("", answer)]
    if any(not isinstance(task, dict) for _, task in pairs):
        raise UnexpectedResponseError("The answer is not a list of tasks.")
    yield from pairs


def _task_in(answer: object, job_id: str, deeper: int = 4) -> Mapping[str, Any] | None:
    """Find the task: the answer itself, under its id, in a list, or a few objects further in."""
    if isinstance(answer, list):
        mine = [
            item for item in answer if len(answer) == 1 or parse_job_id(item) == job_id
        ]
        answer = mine[0] if mine else None
    if not isinstance(answer, dict) or not deeper:
        return None
    if _state_word(answer):
        return answer
    inside = first_present(answer, (job_id, *_LISTS, *_STATE_NAMES, "task", "response"))
    return _task_in(inside, job_id, deeper - 1)


def _state_word(task: Mapping[str, Any]) -> str:
    words = (task.get(name) for name in _STATE_NAMES)
    return clean_text(
        next((word for word in words if isinstance(word, str)), ""), limit=80
    )


def _status(task: Mapping[str, Any]) -> JobStatus:
    native = _state_word(task)
    state = _STATES.get(
        native.upper().replace("-", "_").replace(" ", "_"), JobState.UNKNOWN
    )
    return JobStatus(
        state=state,
        native=native,
        error=_failure(task) if state is JobState.FAILED else None,
        warnings=_unknown(native) if state is JobState.UNKNOWN else (),
        submitted_at=parse_timestamp(first_present(task, (*_SUBMITTED, *_STARTED))),
        started_at=parse_timestamp(first_present(task, _STARTED)),
        ended_at=parse_timestamp(first_present(task, _ENDED))
        if state.is_final
        else None,
        expires_at=parse_timestamp(first_present(task, _EXPIRES)),
        progress=_progress(task.get("progress")),
        total_rows=parse_count(first_present(task, _TOTALS)),
        raw=task,
    )


def _failure(task: Mapping[str, Any]) -> QueryError:
    code, reason = saf_error_code_and_message(first_present(task, _ERRORS))
    return QueryError(
        f"{SHORT_LABEL} failed to run the query: {reason or 'no reason given'}",
        provider_code=code,
    )


def _unknown(native: str) -> tuple[ProviderWarning, ...]:
    return (
        ProviderWarning(
            "unknown_state",
            f'The server reports a state we do not know, "{native}"; still asking.',
        ),
    )


def _progress(value: object) -> Progress | None:
    """Read a share from 0 to 1, or per cent, or {"done", "total"}."""
    if isinstance(value, dict):
        done, total = parse_count(value.get("done")), parse_count(value.get("total"))
        return Progress(done, total) if done is not None and total else None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value <= _MAX_PERCENT
    ):
        return None
    return Progress(round(value * _MAX_PERCENT if value <= 1 else value), _MAX_PERCENT)
