"""A scripted server and clients that talk to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from queries.providers.client import Client, Policy
from queries.providers.credentials import BearerAuthorization, Secret
from tests.upstream import Upstream

CANARY = "cxup_canary-7f3a9e2b41d8"


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
