"""A Polytomic provider that talks to the scripted server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from queries.providers.client import Client, Policy
from queries.providers.credentials import Secret
from queries.providers.polytomic.provider import Polytomic
from tests.providers.keys import CANARY
from tests.scripted_server import Upstream


@pytest.fixture
def make_provider(upstream: Upstream) -> Iterator[Callable[..., Polytomic]]:
    """Open the provider with the connection options given; `policy` changes the client's."""
    made: list[Polytomic] = []

    def make(policy: dict[str, object] | None = None, **options: object) -> Polytomic:
        hosts = {"upstream_hosts": frozenset({upstream.host_port})}
        client = Client(
            upstream.origin,
            Polytomic.authorization(Secret(CANARY), options),
            Policy(**(hosts | (policy or {}))),
        )
        made.append(Polytomic(client, {"endpoint": upstream.origin} | options))
        return made[-1]

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def provider(make_provider: Callable[..., Polytomic]) -> Polytomic:
    """The provider with the usual options."""
    return make_provider()
