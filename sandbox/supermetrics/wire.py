"""Which address of the protocol does what, below each of the three prefixes that are in use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sandbox.config import SandboxConfig
from sandbox.jobs import JobStore
from sandbox.supermetrics.access import Access
from sandbox.supermetrics.endpoints import QueryEndpoints
from sandbox.supermetrics.errors import ApiError, with_error_responses
from sandbox.supermetrics.facts import MarketingDatabase
from sandbox.supermetrics.lists import ListEndpoints
from sandbox.supermetrics.results import ResultStore
from sandbox.web import Endpoint, Request, Response

# The documents, the published OpenAPI file, and the vendor's Python client disagree.
PREFIXES = ("/enterprise/v2", "/v2", "")
_BOTH = "GET POST"
_Handler = Callable[[Request], Response]


@contextmanager
def supermetrics_endpoints(
    config: SandboxConfig, folder: Path
) -> Iterator[Mapping[str, Endpoint]]:
    """The addresses by path, until the block ends; unfinished queries of an earlier process start again."""
    access = Access(config.keys, config.supermetrics)
    results = ResultStore(folder / "results")
    store = JobStore(folder / "queries.sqlite3")
    facts = MarketingDatabase(config, folder / "tmp")
    try:
        desk = QueryEndpoints(config, access, store, results, facts)
        desk.resume()
        yield _placed(config, access, desk)
    finally:
        results.stop()
        facts.close()
        store.close()


def _placed(
    config: SandboxConfig, access: Access, desk: QueryEndpoints
) -> dict[str, Endpoint]:
    lists = ListEndpoints(desk, access)
    handlers: dict[str, tuple[str, _Handler, str]] = {
        "/query/data/json": ("data", desk.data, _BOTH),
        "/query/data/{format}": ("format", _json_only, _BOTH),
        "/query/status": ("status", desk.status, "GET"),
        "/query/results": ("results", desk.results, "GET"),
        "/query/accounts": ("accounts", lists.accounts, "GET"),
        "/query/fields": ("fields", lists.fields, "GET"),
        "/query/segments": ("segments", lists.segments, "GET"),
        "/ds/logins": ("logins", lists.logins, "GET"),
        "/ds/login/{login_id}": ("login", lists.login, "GET"),
        "/ds/login/{login_id}/accounts": (
            "login-accounts",
            lists.login_accounts,
            "GET",
        ),
        "/teams/{team_id}/datasource/{ds_id}": ("source", lists.source, "GET"),
        "/datasource/search": ("search", lists.search, "GET"),
        "/me": ("me", lists.me, "GET"),
    }
    options = config.supermetrics

    def guarded(handle: _Handler) -> _Handler:
        refusing = with_error_responses(handle, problem_details=options.problem_details)
        return lambda request: access.with_rate_limit_headers(
            refusing(request), request
        )

    return {
        prefix + path: Endpoint(f"supermetrics-{name}", guarded(handle), method)
        for prefix in PREFIXES
        for path, (name, handle, method) in handlers.items()
    }


def _json_only(request: Request) -> Response:
    raise ApiError(
        422, "UNPROCESSABLE_CONTENT", "The sandbox answers queries in JSON only"
    )
