"""A Supermetrics provider that talks to the scripted server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from queries.providers.client import Policy
from queries.providers.registry import create_provider
from queries.providers.supermetrics.provider import Supermetrics
from tests.providers.keys import CANARY
from tests.scripted_server import Upstream


@pytest.fixture
def make_provider(upstream: Upstream) -> Iterator[Callable[..., Supermetrics]]:
    """Open the provider; keyword arguments go to the client's policy."""
    made: list[Supermetrics] = []

    def make(team_id: str = "", **policy: object) -> Supermetrics:
        options = {"base_url": f"{upstream.origin}/enterprise/v2", "team_id": team_id}
        hosts = {"upstream_hosts": frozenset({upstream.host_port})}
        provider = create_provider(
            "supermetrics",
            CANARY,
            options,
            origin=upstream.origin,
            policy=Policy(**(hosts | policy)),
        )
        assert isinstance(provider, Supermetrics)
        made.append(provider)
        return provider

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def provider(make_provider: Callable[..., Supermetrics]) -> Supermetrics:
    """The provider with the usual policy."""
    return make_provider()
