"""The addresses about queries: run one, ask for its state, take its rows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from sandbox.config import Pace, SandboxConfig
from sandbox.jobs import Job, JobStore, Outcome
from sandbox.supermetrics.access import Access
from sandbox.supermetrics.answers import (
    api_status,
    pagination_links,
    result_meta,
    result_response,
    status_response,
)
from sandbox.supermetrics.errors import ApiError, error_body
from sandbox.supermetrics.execution import Execution
from sandbox.supermetrics.facts import MarketingDatabase
from sandbox.supermetrics.parameters import (
    bad_request,
    parse_parameters,
    require_schedule_id,
)
from sandbox.supermetrics.queries import ResolvedQuery, resolve_query
from sandbox.supermetrics.results import ExecutionResult, ResultStore
from sandbox.web import Request, Response, json_response

PROTOCOL = "supermetrics"
_NOT_THE_QUERY = frozenset(
    {"api_key", "schedule_id", "sync_timeout", "offset_start", "offset_end", "pretty"}
)
_DEFAULT_WAIT = 3_600
_LAST = 1_000_000
# A query due by the clock may still be executing; a question about it waits this long before it says so.
_SETTLE_SECONDS = 2.0


class _Kept(msgspec.Struct):
    """What is kept of a query: with the day it was asked on, it can be asked again and means the same."""

    schedule_id: str
    query: dict[str, Any]
    today: date
    name: str


@dataclass(frozen=True)
class _Page:
    """Which rows, both ends included; how the header row and the offsets get on."""

    first: int
    last: int


class QueryEndpoints:
    """Answers for one sandbox."""

    def __init__(
        self,
        config: SandboxConfig,
        access: Access,
        store: JobStore,
        results: ResultStore,
        facts: MarketingDatabase,
    ) -> None:
        self._config = config
        self._options = config.supermetrics
        self._access = access
        self._store = store
        self._results = results
        self._facts = facts

    def resume(self) -> None:
        """Execute again what an earlier process left unfinished."""
        for job in self._store.unfinished():
            if job.wire == PROTOCOL:
                self._execute(job)

    def data(self, request: Request) -> Response:
        """Run a query and wait for its rows, as long as is wanted."""
        parameters, owner = self.authenticate(request)
        query = {k: v for k, v in parameters.items() if k not in _NOT_THE_QUERY}
        schedule_id = (
            require_schedule_id(parameters)
            if "schedule_id" in parameters
            else _digest(query)[:40]
        )
        wait = parameters.get("sync_timeout", _DEFAULT_WAIT)
        job = self._running(owner, schedule_id, query)
        if job is None:
            job = self._started(request, owner, schedule_id, parameters, query)
            if not wait:  # without a wait the response only says that it starts
                return status_response(
                    job, schedule_id, job.submitted_at, self._options.accepted
                )
        job = self._waited_for(job, wait)
        return self._answer(request, job, parameters, self._options.accepted)

    def status(self, request: Request) -> Response:
        """Where a query stands; the rows of one that has succeeded."""
        parameters, owner = self.authenticate(request)
        job = self._job(owner, require_schedule_id(parameters))
        if job is None:
            raise ApiError(404, "STATUS_NOT_FOUND", plain=True)
        return self._answer(request, job, parameters, 200)

    def results(self, request: Request) -> Response:
        """The rows of a query that has succeeded, by offset and limit."""
        parameters, owner = self.authenticate(request)
        job = self._job(owner, require_schedule_id(parameters))
        if job is None or api_status(job, self._config.now()) != "SUCCESS":
            raise _unavailable()
        first = parameters.get("offset", 0)
        last = first + parameters.get("limit", _LAST) - 1
        return self._rows(request, job, {}, _Page(first, last))

    def authenticate(self, request: Request) -> tuple[dict[str, Any], str]:
        """What was asked and by whom. The key comes first: a stranger is told nothing about parameters."""
        if request.bearer:
            owner = self._access.authenticate(request, "", self._config.now())
            return parse_parameters(request), owner
        parameters = parse_parameters(request)
        key = str(parameters.get("api_key", ""))
        return parameters, self._access.authenticate(request, key, self._config.now())

    def _running(
        self, owner: str, schedule_id: str, query: Mapping[str, Any]
    ) -> Job | None:
        """The query already known under that id. Only one run per id: another one while it runs is a conflict."""
        job = self._job(owner, schedule_id)
        if job is None or _kept(job).query == query:
            return job
        if job.phase(self._config.now()) in ("waiting", "running"):
            raise ApiError(
                409, "CONFLICT_ERROR", "Another query is running under this schedule_id"
            )
        return None

    def _started(
        self,
        request: Request,
        owner: str,
        schedule_id: str,
        parameters: Mapping[str, Any],
        query: dict[str, Any],
    ) -> Job:
        now = self._config.now()
        asked = resolve_query(query, now.date(), self._options)
        self._access.count_query(owner, now)
        kept = _Kept(
            schedule_id, query, now.date(), _digest([owner, query, now.date()])
        )
        if self._results.waiting_count(kept.name) > self._options.waiting_duplicates:
            raise ApiError(
                429,
                "TOO_MANY_REQUESTS",
                "Too many identical queries are waiting",
                retry_after=5,
            )
        pace = self._pace(asked, parameters.get("sync_timeout", _DEFAULT_WAIT))
        identifier = _identifier(owner, schedule_id)
        job = Job(
            identifier, owner, PROTOCOL, msgspec.json.encode(kept), b"[]", now, pace
        )
        self._forget_old(now)
        self._store.delete(identifier)
        self._store.add(job)
        self._begin(request, job, query)
        return job

    def _begin(self, request: Request, job: Job, query: Mapping[str, Any]) -> None:
        fault = request.find_fault("outcome")
        if fault is not None:
            reason = f"{fault.outcome}:{fault.reason}"
            self._store.finish(job.id, "failed", job.due_at, reason=reason)
        elif (rows := self._cached(job, query)) is not None:
            self._store.finish(
                job.id, "success", job.submitted_at, rows=rows, reason="cached"
            )
        else:
            self._execute(job)

    def _cached(self, job: Job, query: Mapping[str, Any]) -> int | None:
        """The rows of an equal query that is young enough, if cached results are wanted."""
        minutes = query.get("cache_minutes") or 0
        for other in self._store.all():
            same = other.wire == PROTOCOL and other.outcome == "success"
            if same and _kept(other).name == _kept(job).name and other.id != job.id:
                age = (job.submitted_at - other.submitted_at).total_seconds()
                if age <= minutes * 60:
                    return other.rows
        return None

    def _execute(self, job: Job) -> None:
        kept = _kept(job)

        def prepare() -> Execution:
            asked = resolve_query(kept.query, kept.today, self._options)
            return self._facts.prepare(asked)

        def told(ending: ExecutionResult) -> None:
            outcome: Outcome = "failed" if ending.failure else "success"
            reason = f"FAILURE:{ending.failure}" if ending.failure else ""
            self._store.finish(
                job.id, outcome, self._config.now(), rows=ending.rows, reason=reason
            )

        self._results.start(kept.name, prepare, told)

    def _pace(self, asked: ResolvedQuery, sync_timeout: int) -> Pace:
        """A waiting request gets rows as soon as they exist; in the background the pace decides."""
        pace = self._config.pace
        if sync_timeout:
            return Pace(0.0, asked.seconds, 0.0)
        return Pace(pace.waiting, max(pace.running, asked.seconds), 0.0)

    def _waited_for(self, job: Job, seconds: int) -> Job:
        """The query as it is when it has ended, or the time is over."""
        until = time.monotonic() + seconds
        while (
            job.phase(self._config.now()) in ("waiting", "running")
            and time.monotonic() < until
        ):
            self._results.wait(_kept(job).name, until - time.monotonic())
            time.sleep(0.02)
            job = self._store.get(job.id) or job
        return job

    def _job(self, owner: str, schedule_id: str) -> Job | None:
        """The query of that id, of that key, until an hour after its end."""
        job = self._store.get(_identifier(owner, schedule_id))
        now = self._config.now()
        if job is None or (
            job.ends_at and now >= job.ends_at + self._options.retention
        ):
            return None
        if job.executed_at is None and job.due_at <= now:
            self._results.wait(_kept(job).name, _SETTLE_SECONDS)
            job = self._store.get(job.id) or job
        return job

    def _answer(
        self, request: Request, job: Job, parameters: Mapping[str, Any], unfinished: int
    ) -> Response:
        now, word = self._config.now(), api_status(job, self._config.now())
        if word == "SUCCESS":
            first, last = (
                parameters.get("offset_start", 0),
                parameters.get("offset_end", _LAST),
            )
            if last < first:
                raise bad_request("offset_end is before offset_start")
            return self._rows(request, job, parameters, _Page(first, last))
        if (
            word == "error"
        ):  # a failed query may be answered by an error instead of a status
            code, _, message = job.reason.partition(":")[2].partition(" ")
            return json_response(200, error_body(code, message))
        active = job.phase(now) in ("waiting", "running")
        return status_response(
            job, _kept(job).schedule_id, now, unfinished if active else 200
        )

    def _rows(
        self, request: Request, job: Job, parameters: Mapping[str, Any], page: _Page
    ) -> Response:
        kept = _kept(job)
        asked = resolve_query(kept.query, kept.today, self._options)
        first, last = page.first, page.last
        if self._options.header_counts and not asked.no_headers:
            first, last = max(first - 1, 0), last - 1
        try:
            header = self._results.header(kept.name)
            pieces = self._results.rows(kept.name, first, last)
        except FileNotFoundError as error:
            raise _unavailable() from error
        meta = result_meta(job, kept.schedule_id, asked, header)
        if request.method == "GET":
            meta["paginate"] = pagination_links(request, parameters, job.rows)
        return result_response(meta, None if asked.no_headers else header, pieces)

    def _forget_old(self, now: datetime) -> None:
        gone = [
            job
            for job in self._store.all()
            if job.wire == PROTOCOL and job.ends_at and now >= job.ends_at + 2 * self._options.retention
        ]  # fmt: skip
        for job in gone:
            self._store.delete(job.id)
        left = {_kept(job).name for job in self._store.all() if job.wire == PROTOCOL}
        for job in gone:
            if _kept(job).name not in left:
                self._results.delete(_kept(job).name)


def _kept(job: Job) -> _Kept:
    return msgspec.json.decode(job.request, type=_Kept)


def _identifier(owner: str, schedule_id: str) -> str:
    return f"{PROTOCOL}:{owner}:{schedule_id}"


def _digest(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


def _unavailable() -> ApiError:
    return ApiError(404, "QUERY_RESULTS_UNAVAILABLE", "The results are not available")
