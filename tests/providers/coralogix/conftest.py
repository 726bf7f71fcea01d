"""A Coralogix provider that talks to the scripted server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from queries.providers.client import Policy
from queries.providers.coralogix.provider import Coralogix
from queries.providers.registry import create_provider
from tests.providers.keys import CANARY
from tests.scripted_server import Upstream


@pytest.fixture
def make_provider(upstream: Upstream) -> Iterator[Callable[..., Coralogix]]:
    """Open the provider; keyword arguments go to the client's policy."""
    made: list[Coralogix] = []

    def make(**policy: object) -> Coralogix:
        provider = create_provider(
            "coralogix",
            CANARY,
            {"region": "custom", "endpoint": upstream.origin},
            origin=upstream.origin,
            policy=Policy(
                **({"upstream_hosts": frozenset({upstream.host_port})} | policy)
            ),
        )
        assert isinstance(provider, Coralogix)
        made.append(provider)
        return provider

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def provider(make_provider: Callable[..., Coralogix]) -> Coralogix:
    """The provider with the usual policy."""
    return make_provider()
