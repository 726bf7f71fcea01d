"""A client that speaks Polytomic's interface as a script would, and sandboxes to talk to."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from sandbox.clock import ManualClock
from sandbox.config import DEMO_KEY, INSTANT, SandboxConfig
from sandbox.polytomic.config import PolytomicConfig
from sandbox.polytomic.people import WAREHOUSE
from sandbox.running import Sandbox, running_sandbox

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SMALL = PolytomicConfig(orders=300, page_rows=100)


@dataclass(frozen=True)
class ApiClient:
    """The calls, with everything they need filled in."""

    sandbox: Sandbox
    http: httpx.Client
    clock: ManualClock
    headers: dict[str, str] = field(default_factory=dict)

    def with_key(self, key: str) -> ApiClient:
        return replace(self, headers={"Authorization": f"Bearer {key}"})

    def with_basic(self, user: str, key: str) -> ApiClient:
        token = base64.b64encode(f"{user}:{key}".encode()).decode()
        return replace(self, headers={"Authorization": f"Basic {token}"})

    def get(self, path: str, **headers: str) -> httpx.Response:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.http.get(path, headers=self.headers | named)

    def post(
        self,
        query: str | None = None,
        connection: str = WAREHOUSE,
        json: Any = None,
        **headers: str,
    ) -> httpx.Response:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.http.post(
            f"/api/connections/{connection}/query",
            params={} if query is None else {"query": query},
            json={} if json is None else json,
            headers=self.headers | named,
        )

    def submitted(self, query: str, **more: Any) -> str:
        """The id of a query that has been executed, whatever the clock says of it."""
        answer = self.post(query, **more)
        assert answer.status_code == 200, answer.text
        self.sandbox.wait_until_idle()
        return answer.json()["data"]["id"]

    def result(self, query_id: str) -> httpx.Response:
        return self.get(f"/api/queries/{query_id}")

    def run(self, query: str) -> dict[str, Any]:
        """What became of a query."""
        answer = self.result(self.submitted(query))
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def pages(self, query_id: str) -> Iterator[dict[str, Any]]:
        """Every page of a result, along the links."""
        link = f"/api/queries/{query_id}"
        while link:
            page = self.get(link).json()
            yield page
            link = page.get("links", {}).get("next")


@contextmanager
def open_sandbox(**options: Any) -> Iterator[ApiClient]:
    """A sandbox of one's own, on a clock that stands at noon, and a client for it."""
    clock = ManualClock(NOW)
    options = {
        "count": 1,
        "pace": INSTANT,
        "clock": clock,
        "polytomic": SMALL,
    } | options
    with (
        running_sandbox(SandboxConfig(**options)) as sandbox,
        httpx.Client(base_url=sandbox.url, trust_env=False, timeout=60) as http,
    ):
        yield ApiClient(sandbox, http, clock).with_key(DEMO_KEY)


@pytest.fixture(scope="session")
def shop() -> Iterator[ApiClient]:
    """A small shop, for tests that leave nothing behind."""
    with open_sandbox() as wire:
        yield wire


@pytest.fixture
def shared(shop: ApiClient) -> Iterator[ApiClient]:
    shop.sandbox.faults.clear()
    yield shop
    shop.sandbox.faults.clear()
