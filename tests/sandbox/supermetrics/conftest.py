"""A client that asks as a script would, and sandboxes to ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from sandbox.clock import ManualClock
from sandbox.config import DEMO_KEY, INSTANT, SandboxConfig
from sandbox.running import Sandbox, running_sandbox

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
BASE = "/enterprise/v2"


@dataclass
class ApiClient:
    """The calls, with everything they need filled in."""

    sandbox: Sandbox
    http: httpx.Client
    clock: ManualClock
    headers: dict[str, str] = field(default_factory=dict)

    def with_key(self, key: str) -> ApiClient:
        return ApiClient(
            self.sandbox, self.http, self.clock, {"Authorization": f"Bearer {key}"}
        )

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        given = {"json": json.dumps(parameters)} if parameters else None
        return self.http.get(BASE + path, params=given, headers=self.headers)

    def run_query(self, **query: Any) -> httpx.Response:
        return self.http.post(
            f"{BASE}/query/data/json", json=query, headers=self.headers
        )

    def rows(self, **query: Any) -> list[list[Any]]:
        """The rows of a query, without the header."""
        answer = self.run_query(**query)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"][1:]

    def submit(self, schedule_id: str = "job", **query: Any) -> httpx.Response:
        more = {"schedule_id": schedule_id, "sync_timeout": 0}
        return self.run_query(
            **{
                "ds_id": "NUM",
                "ds_accounts": "1000",
                "fields": "n,word",
                **query,
                **more,
            }
        )

    def status(self, schedule_id: str = "job", **parameters: Any) -> httpx.Response:
        return self.get("/query/status", schedule_id=schedule_id, **parameters)

    def state(self, schedule_id: str = "job") -> str:
        return self.status(schedule_id).json()["meta"]["status_code"]

    def wait_for_end(self, schedule_id: str = "job") -> str:
        """The state once the query has been executed; it is due by the clock."""
        while (state := self.state(schedule_id)) == "RUNNING":
            pass
        return state


@contextmanager
def open_sandbox(**options: Any) -> Iterator[ApiClient]:
    """A sandbox of one's own, on a clock that stands at noon, and a client for it."""
    clock = ManualClock(NOW)
    settings = {"count": 10, "pace": INSTANT, "clock": clock} | options
    with (
        running_sandbox(SandboxConfig(**settings)) as sandbox,
        httpx.Client(base_url=sandbox.url, trust_env=False, timeout=60) as http,
    ):
        yield ApiClient(sandbox, http, clock).with_key(DEMO_KEY)


@pytest.fixture(scope="session")
def shared() -> Iterator[ApiClient]:
    """For tests that leave nothing behind."""
    with open_sandbox() as desk:
        yield desk


@pytest.fixture
def api(shared: ApiClient) -> Iterator[ApiClient]:
    shared.sandbox.faults.clear()
    yield shared
    shared.sandbox.faults.clear()
