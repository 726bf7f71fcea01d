"""A provider that talks to the scripted server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from queries.providers.client import Policy
from queries.providers.registry import create_provider
from queries.providers.saf.provider import SearchAnywhere
from tests.providers.keys import CANARY
from tests.scripted_server import Upstream

ROOT = "/_sme/async_requests"


@pytest.fixture
def make_provider(upstream: Upstream) -> Iterator[Callable[..., SearchAnywhere]]:
    """Open the provider; `path`, `key` and options by name, `policy` for the client."""
    made: list[SearchAnywhere] = []

    def make(
        path: str = "", key: str = CANARY, policy: dict | None = None, **options: str
    ) -> SearchAnywhere:
        allowed = {"upstream_hosts": frozenset({upstream.host_port})}
        given = {"address": upstream.origin + path, "auth": "bearer"} | options
        provider = create_provider(
            "saf",
            key,
            given,
            origin=upstream.origin,
            policy=Policy(**(allowed | (policy or {}))),
        )
        assert isinstance(provider, SearchAnywhere)
        made.append(provider)
        return provider

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def provider(make_provider: Callable[..., SearchAnywhere]) -> SearchAnywhere:
    """The provider with a bearer token and the usual policy."""
    return make_provider()
