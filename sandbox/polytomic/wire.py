"""Polytomic's four addresses: who am I, what is connected, run a query, see how it does and read its result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.config import SandboxConfig
from sandbox.faults import FaultInjector
from sandbox.polytomic.access import authenticate, authenticate_for_query
from sandbox.polytomic.engine import PolytomicEngine
from sandbox.polytomic.errors import with_error_responses
from sandbox.polytomic.idempotency import IdempotencyCache
from sandbox.polytomic.people import RETRY_AFTER_SECONDS, Caller, Connection
from sandbox.polytomic.results import ResultEndpoint
from sandbox.polytomic.runner import TaskRunner
from sandbox.polytomic.submitting import SubmitEndpoint
from sandbox.polytomic.tasks import TaskStore
from sandbox.polytomic.tokens import PageTokens
from sandbox.web import Endpoint, Request, Response, json_response


class PolytomicApi:
    """Everything behind the four addresses; queries an earlier process left unfinished start again."""

    def __init__(
        self, config: SandboxConfig, folder: Path, faults: FaultInjector
    ) -> None:
        self._config = config
        own = config.polytomic
        store = TaskStore(folder, own.queries_kept)
        engine = PolytomicEngine(own, config.seed, config.now)
        self._runner = TaskRunner(own, engine, store, config.now)
        self._submitting = SubmitEndpoint(
            config, store, self._runner, faults, IdempotencyCache()
        )
        self._results = ResultEndpoint(
            config, store, self._runner, PageTokens(config.seed)
        )
        self._submitting.resume()

    def endpoints(self) -> Mapping[str, Endpoint]:
        """What is at which path."""
        at = {
            "/api/me": ("polytomic-me", self._me, "GET"),
            "/api/connections": ("polytomic-connections", self._connections, "GET"),
            "/api/connections/{id}/query": (
                "polytomic-query",
                self._submitting.handle,
                "POST",
            ),
            "/api/queries/{id}": ("polytomic-result", self._results.handle, "GET"),
        }
        return {
            path: Endpoint(operation, with_error_responses(handle), method)
            for path, (operation, handle, method) in at.items()
        }

    def wait_until_idle(self, seconds: float) -> None:
        """Wait until every query has been executed, but no longer than that."""
        self._runner.wait_all(seconds)

    def stop(self) -> None:
        """End everything under way."""
        self._runner.stop()

    def _me(self, request: Request) -> Response:
        return json_response(200, {"data": authenticate(request).profile()})

    def _connections(self, request: Request) -> Response:
        caller, now = authenticate_for_query(request), self._config.now()
        listed = [
            _described(connection, caller, now)
            for connection in caller.organisation.connections
            if caller.allowed_connections is None
            or connection.id in caller.allowed_connections
        ]
        return json_response(200, {"data": listed or None})


def _described(connection: Connection, caller: Caller, now: datetime) -> dict[str, Any]:
    kind, name = connection.kind
    limit = {
        "currently_limited": True,
        "limited_since": now,
        "expires_at": now + timedelta(seconds=RETRY_AFTER_SECONDS),
    }
    return {
        "id": connection.id,
        "name": connection.name,
        "type": {"id": kind, "name": name, "logo_url": "", "operations": ["query"]},
        "status": "unhealthy" if connection.failure else "healthy",
        "status_error": connection.failure or None,
        "organization_id": caller.organisation.id,
        "configuration": {},
        "policies": [],
        "saved": True,
        "parent_connection_id": None,
        "api_calls_last_24_hours": 0,
        "rate_limit": limit if connection.rate_limited else None,
    }
