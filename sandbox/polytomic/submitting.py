"""POST /api/connections/{id}/query: take a query, once for each Idempotency-Key."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import msgspec

from sandbox.config import SandboxConfig
from sandbox.faults import FaultInjector
from sandbox.polytomic.access import authenticate_for_query, authorized_connection
from sandbox.polytomic.errors import ApiError
from sandbox.polytomic.idempotency import IdempotencyCache
from sandbox.polytomic.people import RETRY_AFTER_SECONDS, Caller, Connection
from sandbox.polytomic.runner import TaskRunner
from sandbox.polytomic.tasks import Task, TaskStore
from sandbox.web import Request, Response, json_response


@dataclass(frozen=True)
class SubmitEndpoint:
    """Takes queries; what an earlier process had taken is remembered and, if unfinished, executed again."""

    config: SandboxConfig
    store: TaskStore
    runner: TaskRunner
    faults: FaultInjector
    idempotency: IdempotencyCache

    def resume(self) -> None:
        """Go on where an earlier process ended."""
        for task in self.store.all():
            if task.key:
                self.idempotency.restore(
                    task.owner, task.key, task.created_at, _created(task)
                )
            if not task.outcome:
                self.runner.start(task)

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        caller = authenticate_for_query(request)
        if _fault(request) == "in-flight":
            raise IdempotencyCache.conflict()
        key = request.headers.get("idempotency-key", "")
        if not key:
            return self._taken(request, caller, key)
        return self.idempotency.get_or_create(
            caller.id,
            key,
            self.config.now(),
            lambda: self._taken(request, caller, key),
        )

    def _taken(self, request: Request, caller: Caller, key: str) -> Response:
        connection = authorized_connection(caller, request.path_params["id"])
        query, fault = _query_in(request), request.find_fault("outcome")
        if fault is not None and fault.outcome == "slow":
            self.faults.stopping.wait(fault.seconds)
        if connection.rate_limited:
            raise ApiError(
                429,
                "rate_limited",
                "The connection is rate-limited.",
                retry_after=RETRY_AFTER_SECONDS,
            )
        pace = self.config.pace
        task = Task(
            id=str(uuid.uuid4()),
            created_at=self.config.now(),
            waiting=pace.waiting,
            running=pace.running,
            owner=caller.id,
            organisation=caller.organisation.id,
            connection=connection.id,
            query=query,
            key=key,
        )
        self._begin(task, connection, request)
        return _created(task)

    def _begin(self, task: Task, connection: Connection, request: Request) -> None:
        """Execute it, or let it end as the connection's trouble or a fault wants it."""
        fault = request.find_fault("outcome")
        if connection.failure:
            self._end_as(task, "failed", connection.failure)
        elif fault is not None and fault.outcome in ("failed", "unknown"):
            self._end_as(task, fault.outcome, fault.reason)
        else:
            self.store.save(task)
            self.runner.start(task)

    def _end_as(self, task: Task, outcome: str, error: str) -> None:
        self.store.save(
            msgspec.structs.replace(
                task, outcome=outcome, error=error, executed_at=task.due_at
            )
        )


def _fault(request: Request) -> str:
    fault = request.find_fault("outcome")
    return "" if fault is None else fault.outcome


def _created(task: Task) -> Response:
    return json_response(200, {"data": {"id": task.id, "status": "created"}})


def _query_in(request: Request) -> str:
    """The query's text, in the address or in the body; the address wins."""
    try:
        body = msgspec.json.decode(request.body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "invalid_body", "The body is not JSON.") from error
    if not isinstance(body, dict):
        raise ApiError(400, "invalid_body", "The body must be a JSON object.")
    given = request.query_params.get("query", [""])[-1]
    query = given or body.get("query")
    if not isinstance(query, str) or not query.strip():
        raise ApiError(400, "missing_query", "A query is required.")
    return query
