"""What a finished task holds: its rows by pages, what comes beside them, and files; and timelines beforehand."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import msgspec

from sandbox.config import SandboxConfig
from sandbox.engine import Engine, EngineError, Row
from sandbox.jobs import Job
from sandbox.runner import JobRunner
from sandbox.saf.access import READ, Access
from sandbox.saf.errors import ApiError, task_not_found
from sandbox.saf.files import file_response
from sandbox.saf.requests import (
    TaskRequest,
    page_range,
    parse_file,
    parse_or_reject,
    parse_preview,
    query_param,
)
from sandbox.saf.sql import TIER, compile_query
from sandbox.saf.statistics import result_stats, task_cost
from sandbox.saf.tasks import ACTIVE, TaskEndpoints, decode_task_request, ended_at
from sandbox.saf.tree import Function, Query, Search, TimeAggs
from sandbox.web import Request, Response, json_response

_BATCH = 2_000
_PIECE = 65_536
_STATS_KEPT = 50
_MAX_BUCKETS = 10_000


class ResultEndpoints:
    """Rows, files and figures of the tasks of one sandbox."""

    def __init__(
        self,
        config: SandboxConfig,
        engine: Engine,
        access: Access,
        tasks: TaskEndpoints,
        runner: JobRunner,
    ) -> None:
        self._config = config
        self._engine = engine
        self._access = access
        self._tasks = tasks
        self._runner = runner
        self._lock = threading.Lock()
        self._stats: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def response(self, request: Request) -> Response:
        """A page of rows: ``from`` inclusive, ``to`` exclusive, all of them unless given."""
        job, (first, end) = self._finished(request), page_range(request)
        end = job.rows if end is None else min(end, job.rows)
        beside = self._beside(job, first, max(first, end))
        return Response(
            200, _in_pieces(beside, self._pages(job, first, end)), streamed=True
        )

    def _beside(self, job: Job, first: int, end: int) -> dict[str, Any]:
        """What is said beside the rows."""
        asked = decode_task_request(job)
        body: dict[str, Any] = {
            "id": job.id,
            "total": job.rows,
            "from": first,
            "to": end,
        }
        body["fields"] = _names(self._page(job, first, min(end, first + _BATCH)))
        if asked.stats:
            body |= self._stats_of(job, asked)
        if asked.cost != "OFF":
            body["executionCost"] = task_cost(
                asked, job, ended_at(job) or job.submitted_at
            )
        return body

    def _pages(self, job: Job, first: int, end: int) -> Iterator[Row]:
        for start in range(first, end, _BATCH):
            yield from self._page(job, start, min(start + _BATCH, end))

    def _page(self, job: Job, first: int, end: int) -> list[Row]:
        try:
            return self._runner.page(job.id, first, end)
        except FileNotFoundError as error:
            raise task_not_found(job.id) from error

    def file(self, request: Request) -> Response:
        """A file of the rows: all of them, or the first ones."""
        job, asked = self._finished(request), parse_file(request.body)
        most = job.rows if asked.rows is None else min(asked.rows, job.rows)
        self._page(job, 0, 1)
        return file_response(asked, lambda: self._first(job, most))

    def can_count(self, request: Request) -> Response:
        """Return whether aggregations could give sidebar and timeline (SAF docs): not for several indices by name."""
        self._access.authorize(request, READ)
        query = parse_or_reject(query_param(request, "query"))
        able = len(query.source.patterns) == 1
        return json_response(200, {"sidebar": able, "timeline": able})

    def timeline(self, request: Request) -> Response:
        """How many events a query finds over time, before it is run."""
        self._access.authorize(request, READ)
        asked = parse_preview(request, self._config.now())
        query = parse_or_reject(asked.query)
        found = tuple(
            command for command in query.commands if isinstance(command, Search)
        )
        counting = Query(
            query.source, (*found, TimeAggs((Function("count", "", "count"),)))
        )
        try:
            execution = self._engine.prepare(
                compile_query(counting, asked.bounds), TIER, _MAX_BUCKETS
            )
            rows = [row for batch in execution.batches(_BATCH) for row in batch]
        except EngineError as error:
            raise ApiError(
                500, "search_phase_execution_exception", str(error)
            ) from error
        return json_response(
            200, {"fields": [msgspec.Raw(row.user_data.encode()) for row in rows]}
        )

    def _finished(self, request: Request) -> Job:
        job = self._tasks.wait_if_due(self._tasks.authorized_job(request, READ))
        phase = job.phase(self._config.now())
        if phase in ACTIVE:
            raise ApiError(
                409, "illegal_state_exception", f"task [{job.id}] is not completed yet"
            )
        if phase != "success":
            raise task_not_found(job.id)
        return job

    def _stats_of(self, job: Job, asked: TaskRequest) -> dict[str, Any]:
        with self._lock:
            if job.id not in self._stats:
                self._stats[job.id] = result_stats(
                    asked, self._runner.rows(job.id, _BATCH)
                )
            while len(self._stats) > _STATS_KEPT:
                self._stats.popitem(last=False)
            return self._stats[job.id]

    def _first(self, job: Job, most: int) -> Iterator[Row]:
        rows: Iterable[Row] = (
            row for batch in self._runner.rows(job.id, _BATCH) for row in batch
        )
        return islice(rows, most)


def _in_pieces(beside: dict[str, Any], rows: Iterable[Row]) -> Iterator[bytes]:
    """One JSON object, sent while its rows are read."""
    yield msgspec.json.encode(beside)[:-1] + b',"results":['
    piece, separator = bytearray(), b""
    for row in rows:
        piece += separator + row.user_data.encode()
        separator = b","
        if len(piece) > _PIECE:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece) + b"]}"


def _names(rows: list[Row]) -> list[str]:
    found: dict[str, None] = {}
    for row in rows:
        found |= dict.fromkeys(
            msgspec.json.decode(row.user_data, type=dict[str, msgspec.Raw])
        )
    return list(found)
