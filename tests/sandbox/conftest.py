"""A client that speaks the wire as a script would, and sandboxes to talk to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.clock import ManualClock
from sandbox.config import DEMO_KEY, INSTANT, Limits, SandboxConfig
from sandbox.running import Sandbox, running_sandbox

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
BASE = "/api/v1/dataprime"
UNLIMITED = Limits(queries_per_minute=0)


@dataclass
class ApiClient:
    """The five calls, with everything they need filled in."""

    sandbox: Sandbox
    http: httpx.Client
    clock: ManualClock
    headers: dict[str, str] = field(default_factory=dict)

    def with_key(self, key: str) -> ApiClient:
        return ApiClient(
            self.sandbox, self.http, self.clock, {"Authorization": f"Bearer {key}"}
        )

    def post(self, path: str, body: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(f"{BASE}/{path}", content=content, headers=self.headers)

    def query(self, statement: str = "source logs", **metadata: Any) -> httpx.Response:
        day = {
            "startDate": iso(NOW - timedelta(days=1)),
            "endDate": iso(NOW + timedelta(days=1)),
        }
        given = {
            name: value for name, value in (day | metadata).items() if value is not None
        }
        return self.post("query", {"query": statement, "metadata": given})

    def lines(
        self, statement: str = "source logs", **metadata: Any
    ) -> list[dict[str, Any]]:
        answer = self.query(statement, **metadata)
        assert answer.status_code == 200, answer.text
        return ndjson(answer)

    def submit(self, statement: str = "source logs", **fields: Any) -> httpx.Response:
        body = {
            "query": statement,
            "syntax": "QUERY_SYNTAX_DATAPRIME",
            "startDate": iso(NOW - timedelta(days=1)),
            "endDate": iso(NOW + timedelta(days=1)),
        }
        return self.post(
            "background-query",
            {k: v for k, v in (body | fields).items() if v is not None},
        )

    def submitted(self, statement: str = "source logs", **fields: Any) -> str:
        """The id of a query that has been executed, whatever the clock says of it."""
        answer = self.submit(statement, **fields)
        assert answer.status_code == 200, answer.text
        self.sandbox.wait_until_idle()
        return answer.json()["queryId"]

    def status(self, query_id: str) -> dict[str, Any]:
        answer = self.post("background-query/status", {"queryId": query_id})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def cancel(self, query_id: str) -> httpx.Response:
        return self.post("background-query/cancel", {"queryId": query_id})

    def data(self, query_id: str) -> httpx.Response:
        return self.post("background-query/data", {"queryId": query_id})


@contextmanager
def open_sandbox(**options: Any) -> Iterator[ApiClient]:
    """A sandbox of one's own, on a clock that stands at noon, and a client for it."""
    clock = options.pop("clock", None) or ManualClock(NOW)
    options = {"limits": UNLIMITED, "pace": INSTANT, "clock": clock} | options
    with (
        running_sandbox(SandboxConfig(**options)) as sandbox,
        httpx.Client(base_url=sandbox.url, trust_env=False, timeout=60) as http,
    ):
        yield ApiClient(sandbox, http, clock).with_key(DEMO_KEY)


def ndjson(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.text.splitlines() if line.strip()]


def rows_of(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a stream, direct or background."""
    found = []
    for line in lines:
        results = line.get("result") or line.get("response", {}).get("results") or {}
        found += results.get("results", [])
    return found


def data_of(lines: list[dict[str, Any]]) -> list[Any]:
    return [json.loads(row["userData"]) for row in rows_of(lines)]


def pairs(row: dict[str, Any], member: str) -> dict[str, str]:
    return {pair["key"]: pair["value"] for pair in row[member]}


def warnings_of(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line["warning"] for line in lines if "warning" in line]


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="session")
def shared() -> Iterator[ApiClient]:
    """Three thousand numbered rows, for tests that leave nothing behind."""
    with open_sandbox(count=3_000) as wire:
        yield wire


@pytest.fixture
def wire(shared: ApiClient) -> Iterator[ApiClient]:
    shared.sandbox.faults.clear()
    yield shared
    shared.sandbox.faults.clear()
