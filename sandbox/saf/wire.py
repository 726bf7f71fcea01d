"""Which address of the protocol does what; also behind a path, as a proxy would put it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.config import SandboxConfig
from sandbox.engine import Engine
from sandbox.jobs import JobStore
from sandbox.runner import JobRunner
from sandbox.saf.access import Access
from sandbox.saf.errors import with_error_responses
from sandbox.saf.results import ResultEndpoints
from sandbox.saf.tasks import TaskEndpoints
from sandbox.web import Endpoint, Request, Response, json_response

ROOT = "/_sme/async_requests"
STATS_ROOT = "/_sme/queryStats"
PREFIXES = ("", "/opensearch")
DEMO_USER = "demo"
_METHODS = "GET POST PUT PATCH DELETE HEAD OPTIONS"

Handle = Callable[[Request], Response]


def saf_endpoints(
    config: SandboxConfig, engine: Engine, store: JobStore, runner: JobRunner
) -> Mapping[str, Endpoint]:
    """The addresses by path. Unfinished tasks start again; with demo rows there are tasks from elsewhere."""
    access = Access(config.keys)
    tasks = TaskEndpoints(config, engine, access, store, runner)
    results = ResultEndpoints(config, engine, access, tasks, runner)
    tasks.resume()
    if config.rows is None and config.count is None and config.load is None:
        tasks.add_demo_tasks(DEMO_USER)
    found = _endpoints(tasks, results)
    return {
        prefix + path: endpoint
        for prefix in PREFIXES
        for path, endpoint in found.items()
    }


def _endpoints(tasks: TaskEndpoints, results: ResultEndpoints) -> dict[str, Endpoint]:
    calls: dict[str, tuple[str, str, Handle]] = {
        f"{ROOT}/request": ("POST", "saf-submit", tasks.submit),
        f"{ROOT}/response/{{id}}": ("GET", "saf-response", results.response),
        f"{ROOT}/logs/{{id}}": ("GET", "saf-logs", tasks.logs),
        f"{ROOT}/status": ("GET", "saf-list", tasks.status_all),
        f"{ROOT}/status/": ("GET", "saf-list", tasks.status_all),
        f"{ROOT}/status/{{id}}": ("GET", "saf-status", tasks.status),
        f"{ROOT}/break": ("POST", "saf-break-all", tasks.stop_all),
        f"{ROOT}/break/": ("POST", "saf-break-all", tasks.stop_all),
        f"{ROOT}/break/{{id}}": ("POST", "saf-break", tasks.stop),
        f"{ROOT}/delete/{{id}}": ("DELETE", "saf-delete", tasks.delete),
        f"{ROOT}/file_download/{{id}}": ("POST", "saf-file", results.file),
        f"{STATS_ROOT}/validate": ("GET", "saf-validate", results.can_count),
        f"{STATS_ROOT}/timeline": ("GET", "saf-timeline", results.timeline),
    }
    endpoints = {
        path: Endpoint(operation, _only(method, with_error_responses(handle)), _METHODS)
        for path, (method, operation, handle) in calls.items()
    }
    unknown = Endpoint("saf-unknown", _no_handler, _METHODS)
    return endpoints | {
        "/_sme/{a}": unknown,
        "/_sme/{a}/": unknown,
        "/_sme/{a}/{b}": unknown,
        "/_sme/{a}/{b}/{c}": unknown,
    }


def _only(method: str, handle: Handle) -> Handle:
    """Refuse other methods as OpenSearch does."""

    def guarded(request: Request) -> Response:
        if request.method == method:
            return handle(request)
        reason = f"Incorrect HTTP method for uri [{request.path}] and method [{request.method}], allowed: [{method}]"
        return json_response(405, {"error": reason, "status": 405}, allow=method)

    return guarded


def _no_handler(request: Request) -> Response:
    reason = f"no handler found for uri [{request.path}] and method [{request.method}]"
    return json_response(400, {"error": reason})
