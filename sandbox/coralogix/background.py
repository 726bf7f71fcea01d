"""The background query: submit, status, cancel, data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec

from dataprime import DataPrimeError
from sandbox.config import ARCHIVE_QUERY, INSTANT, SandboxConfig
from sandbox.coralogix import warnings
from sandbox.coralogix.access import Access
from sandbox.coralogix.direct import compile_or_reject, engine_query
from sandbox.coralogix.errors import ApiError
from sandbox.coralogix.lines import background_rows
from sandbox.coralogix.requests import QueryRequest, parse_background, parse_query_id
from sandbox.engine import Engine, EngineError, Execution, Tier
from sandbox.jobs import Job, JobStore
from sandbox.runner import JobRunner
from sandbox.web import Request, Response, json_response, stream_response

PROTOCOL = "coralogix"
# A query due by the clock may still be executing; a poll waits this long before it says so.
_SETTLE_SECONDS = 2.0
_ROWS_READ = 2_000


class BackgroundEndpoints:
    """The four addresses under ``/api/v1/dataprime/background-query``."""

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

    def submit(self, request: Request) -> Response:
        """Accept a query: the id to ask by, and what is suspicious about it."""
        key = self._allowed(request)
        now = self._config.now()
        asked = parse_background(request.body, now)
        compiled = compile_or_reject(
            self._engine, engine_query(asked, Tier.ARCHIVE, asked.start)
        )
        notes = warnings.compile_warnings(compiled)
        if asked.start >= asked.end:
            notes.append(
                warnings.time_range(
                    "Start date must be before end date", asked.start, asked.end
                )
            )
        job = Job(
            str(uuid4()),
            key,
            PROTOCOL,
            msgspec.json.encode(asked),
            msgspec.json.encode(notes),
            now,
            self._config.pace,
        )
        self._store.add(job)
        if (fault := request.find_fault("outcome")) is not None:
            self._end_as(job, fault.outcome, fault.reason)
        else:
            self._runner.start(job, self._execution)
        return json_response(200, {"queryId": job.id, "warnings": notes})

    def status(self, request: Request) -> Response:
        """Where a query is in its life."""
        job = self._settled(request)
        return json_response(200, self._status_of(job, self._config.now()))

    def cancel(self, request: Request) -> Response:
        """Ask for the end of a query; one that is over stays as it is (documented as idempotent)."""
        job, now = self._job(request), self._config.now()
        if job.phase(now) in ("waiting", "running"):
            self._store.request_cancel(job.id, now)
            self._runner.cancel(job.id)
        return json_response(200, {})

    def data(self, request: Request) -> Response:
        """The rows, as often as they are asked for; 409 in plain text before there are any (LogNav's tests)."""
        job = self._settled(request)
        phase = job.phase(self._config.now())
        if phase in ("waiting", "running"):
            raise ApiError(409, "query is not completed", plain=True)
        if phase != "success":
            raise ApiError(409, f"query has no results: {phase}", plain=True)
        try:
            return stream_response(self._lines(self._runner.rows(job.id, _ROWS_READ)))
        except FileNotFoundError as error:
            raise ApiError(404, "Query not found", plain=True) from error

    def _lines(self, batches: Iterator[list[Any]]) -> Iterator[bytes]:
        size = self._config.batch_rows
        for batch in batches:
            for first in range(0, len(batch), size):
                yield background_rows(batch[first : first + size])

    def _allowed(self, request: Request) -> str:
        key = self._access.authenticate(request)
        # Coralogix docs, background queries: this one permission covers all four calls.
        self._access.require(key, ARCHIVE_QUERY)
        return key.tenant

    def _job(self, request: Request) -> Job:
        tenant = self._allowed(request)
        job = self._store.get(parse_query_id(request.body))
        expired = (
            job is not None
            and self._config.now() - job.submitted_at > self._config.limits.job_lifetime
        )
        if job is None or job.tenant != tenant or expired:
            raise ApiError(404, "Query not found", plain=True)
        return job

    def _settled(self, request: Request) -> Job:
        job = self._job(request)
        due = job.due_at <= self._config.now()
        if job.executed_at is None and job.cancel_asked_at is None and due:
            self._runner.wait(job.id, _SETTLE_SECONDS)
            job = self._store.get(job.id) or job
        return job

    def _execution(self, job: Job) -> Execution:
        asked = msgspec.json.decode(job.request, type=QueryRequest)
        try:
            compiled = self._engine.compile(
                engine_query(asked, Tier.ARCHIVE, asked.start)
            )
        except DataPrimeError as error:  # accepted by an earlier version
            raise EngineError(str(error)) from error
        return self._engine.prepare(
            compiled, Tier.ARCHIVE, self._config.limits.background_rows + 1
        )

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

    def _status_of(self, job: Job, now: datetime) -> dict[str, Any]:
        phase = job.phase(now)
        body: dict[str, Any] = {
            "submittedAt": warnings.rfc3339(job.submitted_at),
            "metadata": [{"statistics": {"bytesScanned": str(_scanned(job, now))}}],
            "warnings": msgspec.json.decode(job.warnings),
        }
        since = warnings.rfc3339(job.starts_at)
        if phase == "waiting":
            return {"waitingForExecution": {}} | body
        if phase == "running":
            return {"running": {"runningSince": since}} | body
        ended = warnings.rfc3339(job.ends_at or now)
        return {
            "terminated": {"runningSince": since, "terminatedAt": ended}
            | self._ending(job, phase)
        } | body

    def _ending(self, job: Job, phase: str) -> dict[str, Any]:
        if phase == "cancelled" and self._config.cancelled_as == "cancelled":
            return {"cancelled": {}}
        if phase == "success":
            return {"success": {}}
        return {"error": {phase: {"reason": job.reason} if phase == "failed" else {}}}


def _scanned(job: Job, now: datetime) -> int:
    """Bytes scanned so far: what the execution read, let out in step with the clock."""
    if job.pace == INSTANT or job.pace.running <= 0:
        return job.bytes_scanned
    share = (now - job.starts_at).total_seconds() / job.pace.running
    return int(job.bytes_scanned * min(max(share, 0.0), 1.0))
