"""A client that speaks the wire as a script would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from sandbox.clock import ManualClock
from sandbox.config import DEMO_KEY, INSTANT, SandboxConfig
from sandbox.running import Sandbox, running_sandbox
from tests.sandbox.conftest import NOW, UNLIMITED

ROOT = "/_sme/async_requests"


@dataclass
class ApiClient:
    """The calls, with everything they need filled in."""

    sandbox: Sandbox
    http: httpx.Client
    clock: ManualClock
    headers: dict[str, str] = field(default_factory=dict)

    def with_authorization(self, authorization: str) -> ApiClient:
        headers = {"Authorization": authorization} if authorization else {}
        return ApiClient(self.sandbox, self.http, self.clock, headers)

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.http.request(method, ROOT + path, headers=self.headers, **more)

    def submit(self, query: str = "source *", **members: Any) -> httpx.Response:
        body = {"query": query, "dtStart": "now-1d", "dtEnd": "now"} | members
        given = {name: value for name, value in body.items() if value is not None}
        return self.call("POST", "/request", json=given)

    def submitted(self, query: str = "source *", **members: Any) -> str:
        answer = self.submit(query, **members)
        assert answer.status_code == 200, answer.text
        self.sandbox.wait_until_idle()
        return answer.json()["id"]

    def status(self, task: str) -> dict[str, Any]:
        answer = self.call("GET", f"/status/{task}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def response(self, task: str, **params: Any) -> dict[str, Any]:
        answer = self.call("GET", f"/response/{task}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, query: str, **members: Any) -> list[dict[str, Any]]:
        task = self.submitted(query, **members)
        assert self.status(task)["status"] == "COMPLETED", self.status(task)
        return self.response(task)["results"]


@contextmanager
def open_sandbox(**options: Any) -> Iterator[ApiClient]:
    """A sandbox of one's own, on a clock that stands at noon, and a client for it."""
    clock = ManualClock(NOW)
    given = {"limits": UNLIMITED, "pace": INSTANT, "clock": clock} | options
    with (
        running_sandbox(SandboxConfig(**given)) as sandbox,
        httpx.Client(base_url=sandbox.url, trust_env=False, timeout=60) as http,
    ):
        yield ApiClient(sandbox, http, clock).with_authorization(f"Bearer {DEMO_KEY}")


@pytest.fixture(scope="package")
def shared() -> Iterator[ApiClient]:
    """Three thousand numbered rows, for tests that leave nothing behind."""
    with open_sandbox(count=3_000) as wire:
        yield wire


@pytest.fixture
def api(shared: ApiClient) -> Iterator[ApiClient]:
    shared.sandbox.faults.clear()
    yield shared
    shared.sandbox.faults.clear()
