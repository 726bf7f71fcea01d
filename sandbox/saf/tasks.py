"""The life of a task: submit, status of one and of all, logs, break one and all, delete."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from sandbox.config import INSTANT, Pace, SandboxConfig
from sandbox.engine import Engine, EngineError, Execution
from sandbox.jobs import Job, JobStore
from sandbox.runner import JobRunner
from sandbox.saf.access import READ, WRITE, Access
from sandbox.saf.errors import ApiError, error_object, task_not_found
from sandbox.saf.parser import parse
from sandbox.saf.requests import TaskRequest, parse_task
from sandbox.saf.sql import TIER, compile_query, indices_query
from sandbox.saf.tree import Query
from sandbox.web import Request, Response, json_response

PROTOCOL = "saf"
_SETTLE_SECONDS = 2.0
_MAX_INDICES = 10_000
_LATE, _AT_ONCE = timedelta(minutes=10), timedelta(seconds=2)
_STATES = {
    "waiting": "QUEUED",
    "running": "RUNNING",
    "success": "COMPLETED",
    "failed": "FAILED",
    "timedOut": "FAILED",
    "cancelled": "CANCELED",
}
ACTIVE = ("waiting", "running")
# Tasks that exist from the start: (hours ago, query, hours of data).
_ELSEWHERE = (
    (
        3,
        "source shop-payments | search severity=Error OR severity=Critical | sort -@timestamp",
        72,  # the shop's payments fail every third day
    ),
    (
        26,
        "source shop-*, platform-* | aggs count, dc(traceId) by service | sort -count",
        72,
    ),
)


class TaskEndpoints:
    """The tasks of one sandbox; each belongs to one user."""

    def __init__(
        self,
        config: SandboxConfig,
        engine: Engine,
        access: Access,
        store: JobStore,
        runner: JobRunner,
    ) -> None:
        self._config = config
        self._engine = engine
        self._access = access
        self._store = store
        self._runner = runner

    def resume(self) -> None:
        """Execute again what an earlier process left unfinished."""
        for job in self._store.unfinished():
            if job.wire == PROTOCOL:
                self._runner.start(job, self._execution)

    def add_demo_tasks(self, user: str) -> None:
        """Let ``user`` find two finished tasks that were started elsewhere."""
        now = self._config.now()
        for number, (hours, query, span) in enumerate(_ELSEWHERE):
            task_id = base64.urlsafe_b64encode(
                f"elsewhere-{number}:{user}".encode()
            ).decode()
            if self._store.get(task_id) is not None:
                continue
            submitted = now - timedelta(hours=hours)
            asked = TaskRequest(
                query=query,
                dt_start=f"now-{span}h",
                dt_end="now",
                start=submitted - timedelta(hours=span),
                end=submitted,
                now=submitted,
                stats=True,
                cost="INFO",
            )
            self._begin(
                Job(
                    task_id,
                    user,
                    PROTOCOL,
                    msgspec.json.encode(asked),
                    b"[]",
                    submitted,
                    INSTANT,
                )
            )

    def submit(self, request: Request) -> Response:
        """Accept a query: the id to ask by."""
        user = self._access.authorize(request, WRITE)
        now = self._config.now()
        asked = parse_task(request.body, now)
        job = Job(
            str(uuid4()),
            user,
            PROTOCOL,
            msgspec.json.encode(asked),
            b"[]",
            now,
            self._pace(parse(asked.query)),
        )
        if (fault := request.find_fault("outcome")) is None:
            self._begin(job)
        else:
            self._store.add(job)
            self._end_as(job, fault.outcome, fault.reason)
        return json_response(200, {"id": job.id})

    def status(self, request: Request) -> Response:
        """Where a task is in its life."""
        job = self.wait_if_due(self.authorized_job(request, READ))
        return json_response(200, self._status_of(job))

    def status_all(self, request: Request) -> Response:
        """Where every task of the user is."""
        user = self._access.authorize(request, READ)
        return json_response(
            200, {"tasks": [self._status_of(job) for job in self._jobs_of(user)]}
        )

    def stop(self, request: Request) -> Response:
        """End an unfinished task; 409 for a finished one."""
        job = self.wait_if_due(self.authorized_job(request, WRITE))
        if job.phase(self._config.now()) not in ACTIVE:
            reason = f"task [{job.id}] is not active: it is {self._state(job)}"
            raise ApiError(409, "illegal_state_exception", reason)
        self._stop(job)
        return json_response(200, {"acknowledged": True})

    def stop_all(self, request: Request) -> Response:
        """End every unfinished task of the user."""
        user, now = self._access.authorize(request, WRITE), self._config.now()
        active = [job for job in self._jobs_of(user) if job.phase(now) in ACTIVE]
        for job in active:
            self._stop(job)
        return json_response(200, {"acknowledged": True, "count": len(active)})

    def delete(self, request: Request) -> Response:
        """Delete a result. Assumption: the task stays in the list, and an active one is stopped."""
        job = self.authorized_job(request, WRITE)
        if job.phase(self._config.now()) in ACTIVE:
            self._stop(job)
            return json_response(200, {"acknowledged": True})
        try:
            self._runner.discard(job.id)
        except FileNotFoundError as error:
            raise task_not_found(job.id) from error
        return json_response(200, {"acknowledged": True})

    def logs(self, request: Request) -> Response:
        """What happened to a task, up to now."""
        job = self.wait_if_due(self.authorized_job(request, READ))
        now = self._config.now()
        lines = [
            {"timestamp": iso(at), "level": level, "message": message}
            for at, level, message in _events(job, self._state(job))
            if at <= now
        ]
        return json_response(200, {"id": job.id, "logs": lines})

    def authorized_job(self, request: Request, action: str) -> Job:
        """The task a request names; 404 for one that is unknown or another user's."""
        user = self._access.authorize(request, action)
        task_id = request.path_params["id"]
        job = self._store.get(task_id)
        if (
            job is None
            or job.wire != PROTOCOL
            or job.tenant != user
            or self._is_old(job)
        ):
            raise task_not_found(task_id)
        return job

    def wait_if_due(self, job: Job) -> Job:
        """The task, once what is due by the clock has really been executed (or after a moment)."""
        due = job.due_at <= self._config.now()
        if job.executed_at is None and job.cancel_asked_at is None and due:
            self._runner.wait(job.id, _SETTLE_SECONDS)
            return self._store.get(job.id) or job
        return job

    def _pace(self, query: Query) -> Pace:
        pace = self._config.pace
        return replace(pace, running=max(pace.running, query.source.seconds))

    def _begin(self, job: Job) -> None:
        self._store.add(job)
        self._runner.start(job, self._execution)

    def _stop(self, job: Job) -> None:
        self._store.request_cancel(job.id, self._config.now())
        self._runner.cancel(job.id)

    def _jobs_of(self, user: str) -> list[Job]:
        mine = [
            job
            for job in self._store.all()
            if job.wire == PROTOCOL and job.tenant == user
        ]
        return [self.wait_if_due(job) for job in mine if not self._is_old(job)]

    def _is_old(self, job: Job) -> bool:
        return self._config.now() - job.submitted_at > self._config.limits.job_lifetime

    def _execution(self, job: Job) -> Execution:
        asked = decode_task_request(job)
        query = parse(asked.query)
        self._check_indices(query, asked)
        return self._engine.prepare(
            compile_query(query, asked.bounds),
            TIER,
            self._config.limits.background_rows + 1,
        )

    def _check_indices(self, query: Query, asked: TaskRequest) -> None:
        """As OpenSearch does, a name that is no pattern must exist; a pattern may match nothing."""
        names = [name for name in query.source.patterns if "*" not in name]
        if not names:
            return
        execution = self._engine.prepare(
            indices_query(asked.bounds), TIER, _MAX_INDICES
        )
        known = {
            row.user_data.lower()
            for batch in execution.batches(_MAX_INDICES)
            for row in batch
        }
        for name in names:
            if name.lower() not in known:
                raise EngineError(f"no such index [{name}]")

    def _end_as(self, job: Job, outcome: str, reason: str) -> None:
        """A fault decides how this one ends."""
        if outcome == "cancelled":
            self._store.request_cancel(job.id, job.due_at)
        else:
            self._store.finish(
                job.id,
                "timedOut" if outcome == "timedOut" else "failed",
                job.due_at,
                reason=reason,
            )

    def _state(self, job: Job) -> str:
        return _STATES[job.phase(self._config.now())]

    def _status_of(self, job: Job) -> dict[str, Any]:
        now, asked = self._config.now(), decode_task_request(job)
        phase = job.phase(now)
        body: dict[str, Any] = {
            "id": job.id,
            "status": _STATES[phase],
            "query": asked.query,
            "user": job.tenant,
            "dtStart": asked.dt_start,
            "dtEnd": asked.dt_end,
            "created": iso(job.submitted_at),
            "startTime": iso(job.starts_at),
        }
        if phase == "running" and job.pace.running > 0:
            share = (now - job.starts_at).total_seconds() / job.pace.running
            body["progress"] = round(min(max(share, 0.0), 0.99), 2)
        if phase in ACTIVE:
            return body
        body["endTime"] = iso(ended_at(job) or now)
        if phase == "success":
            return body | {"progress": 1, "total": job.rows}
        if _STATES[phase] == "FAILED":
            return body | {"error": error_object(_kind(job), _reason(job))}
        return body


def decode_task_request(job: Job) -> TaskRequest:
    """What a task was asked to do."""
    return msgspec.json.decode(job.request, type=TaskRequest)


def ended_at(job: Job) -> datetime | None:
    """When a task ended. One that was executed long after its time, at a start of the sandbox, did so at once."""
    if job.ends_at is None or job.ends_at - job.due_at < _LATE:
        return job.ends_at
    return job.due_at + _AT_ONCE


def iso(moment: datetime) -> str:
    """A UTC time as the server writes it."""
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _reason(job: Job) -> str:
    return job.reason or "The query took too long."


def _kind(job: Job) -> str:
    return (
        "index_not_found_exception"
        if job.reason.startswith("no such index")
        else "search_phase_execution_exception"
    )


def _events(job: Job, state: str) -> list[tuple[datetime, str, str]]:
    events = [
        (job.submitted_at, "INFO", f"task {job.id} accepted from user {job.tenant}"),
        (job.starts_at, "INFO", "execution started"),
    ]
    if job.cancel_asked_at is not None:
        events.append((job.cancel_asked_at, "WARN", "cancel requested"))
    if job.ends_at is not None and state in {"COMPLETED", "FAILED", "CANCELED"}:
        ending = {
            "COMPLETED": (
                "INFO",
                f"execution finished: {job.rows} rows, {job.bytes_scanned} bytes scanned",
            ),
            "FAILED": ("ERROR", f"execution failed: {_reason(job)}"),
            "CANCELED": ("WARN", "execution cancelled"),
        }[state]
        events.append((ended_at(job) or job.ends_at, *ending))
    return events
