"""A scripted server and clients that talk to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from queries.providers.client import Client, Policy
from queries.providers.credentials import BearerAuthorization, Secret
from tests.providers.adapters import adapter_for
from tests.providers.keys import CANARY
from tests.providers.provider_harness import ProviderHarness
from tests.scripted_server import Upstream


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A server that answers as the test says."""
    with Upstream() as server:
        yield server


@pytest.fixture
def make_client(upstream: Upstream) -> Iterator[Callable[..., Client]]:
    """Make a client for the server; keyword arguments go to its policy."""
    made: list[Client] = []

    def make(origin: str = "", **policy: object) -> Client:
        hosts = {"upstream_hosts": frozenset({upstream.host_port})}
        client = Client(
            origin or upstream.origin,
            BearerAuthorization(Secret(CANARY)),
            Policy(**(hosts | policy)),
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    """A client for the server."""
    return make_client()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let no time pass between two calls; the list says how long it would have been each time."""
    waited: list[float] = []
    monkeypatch.setattr(
        Client, "pause", lambda _client, seconds: waited.append(seconds)
    )
    return waited


@pytest.fixture
def stage(
    slug: str, upstream: Upstream, pauses: list[float]
) -> Iterator[ProviderHarness]:
    """Whatever provider the test names."""
    made = ProviderHarness(adapter_for(slug), upstream, slug, [])
    yield made
    for provider in made.opened:
        provider.close()
