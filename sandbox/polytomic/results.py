"""GET /api/queries/{id}: how a query is doing and, once it is done, its result page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec

from sandbox.config import SandboxConfig
from sandbox.polytomic.access import authenticate_for_query
from sandbox.polytomic.errors import ApiError
from sandbox.polytomic.runner import TaskRunner
from sandbox.polytomic.tasks import Task, TaskStore
from sandbox.polytomic.tokens import PageTokens, TokenError
from sandbox.web import Request, Response, json_response

# A query due by the clock may still be executing; a poll waits this long before it says so.
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True)
class ResultEndpoint:
    """Shows queries: their state to the whole organisation, their results only to the user who ran them."""

    config: SandboxConfig
    store: TaskStore
    runner: TaskRunner
    tokens: PageTokens

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        caller, now = authenticate_for_query(request), self.config.now()
        task = self._settled(request.path_params["id"], now)
        if task is None or task.organisation != caller.organisation.id:
            raise _not_found()
        state = task.state(now)
        if caller.id != task.owner and state not in ("created", "running"):
            raise _not_found()
        fault = request.find_fault("outcome")
        if fault is not None and fault.outcome == "strange":
            return _answer(task, fault.reason or "paused")
        if state == "done":
            return self._done(task, request, now)
        if state == "failed":
            return _answer(task, state, error=task.error or "The query failed.")
        return _answer(task, state)

    def _settled(self, task_id: str, now: datetime) -> Task | None:
        task = self.store.get(task_id)
        if task is None or task.outcome or task.due_at > now:
            return task
        self.runner.wait(task.id, _SETTLE_SECONDS)
        return self.store.get(task.id)

    def _done(self, task: Task, request: Request, now: datetime) -> Response:
        own = self.config.polytomic
        expires = (task.ended_at or now) + own.result_lifetime
        if now >= expires and own.expired_as == "unknown":
            return _answer(task, "unknown")
        if now >= expires:
            raise _not_found()
        page = self._page_asked(task, request)
        data: dict[str, Any] = {
            "count": task.count,
            "fields": task.fields,
            "expires": expires,
        }
        fault = request.find_fault("outcome")
        if fault is None or fault.outcome != "no-rows":
            data["results"] = self._rows(task, page)
        links = self._links(task, page, request)
        return _answer(task, "done", links, **data)

    def _rows(self, task: Task, page: int) -> msgspec.Raw | list[Any]:
        try:
            return msgspec.Raw(self.store.page(task.id, page)) if task.pages else []
        except FileNotFoundError as error:
            raise _not_found() from error

    def _page_asked(self, task: Task, request: Request) -> int:
        tokens = request.query_params.get("page")
        if tokens is None:
            return 0
        try:
            return self.tokens.decode(task.id, tokens[-1])
        except TokenError as error:
            raise ApiError(400, "invalid_page", "The page is not valid.") from error

    def _links(self, task: Task, page: int, request: Request) -> dict[str, str]:
        absolute = self.config.polytomic.links == "absolute"
        base = f"http://{request.headers.get('host', '')}" if absolute else ""
        links = {}
        if page + 1 < task.pages:
            links["next"] = base + self._link(task, page + 1)
        if page:
            links["previous"] = base + self._link(task, page - 1)
        fault = request.find_fault("outcome")
        if fault is not None and fault.outcome in ("loop", "elsewhere"):
            links["next"] = (fault.reason or base) + self._link(task, page)
        return links

    def _link(self, task: Task, page: int) -> str:
        token = quote(self.tokens.encode(task.id, page), safe="")
        return f"/api/queries/{task.id}?page={token}"


def _answer(
    task: Task, status: str, links: Mapping[str, str] | None = None, **data: Any
) -> Response:
    body: dict[str, Any] = {"data": {"id": task.id, "status": status} | data}
    return json_response(200, body | ({"links": links} if links else {}))


def _not_found() -> ApiError:
    return ApiError(404, "not_found", "Query not found.")
