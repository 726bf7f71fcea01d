"""A provider, its adapter and the server it talks to, for promises that hold for every provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from queries.providers.base import Provider
from queries.providers.client import Policy
from queries.providers.errors import (
    ProviderError,
)
from queries.providers.registry import (
    create_provider,
    provider_choices,
    provider_class,
)
from tests.providers.adapters import Adapter, adapter_for
from tests.providers.keys import CANARY
from tests.scripted_server import Reply, Upstream


@dataclass
class ProviderHarness:
    """A provider, its adapter and the server it talks to."""

    adapter: Adapter
    upstream: Upstream
    slug: str
    opened: list[Provider]

    def provider(self, **policy: object) -> Provider:
        allowed = {"upstream_hosts": frozenset({self.upstream.host_port})}
        options = self.adapter.options(self.upstream.origin)
        policies = Policy(**(allowed | policy))
        provider = create_provider(
            self.slug, CANARY, options, origin=self.upstream.origin, policy=policies
        )
        self.opened.append(provider)
        return provider

    def reply_with(self, reply: Reply | Callable[..., Reply], *more: Reply) -> None:
        self.upstream.on("*", reply, *more)

    def call(self, call: str, **policy: object) -> object:
        return self.adapter.calls[call](self.provider(**policy))

    def call_expecting_error(self, call: str, **policy: object) -> ProviderError:
        with pytest.raises(ProviderError) as failed:
            self.call(call, **policy)
        return failed.value


SLUGS = [slug for slug, _ in provider_choices()]
CALLS = [(slug, call) for slug in SLUGS for call in adapter_for(slug).calls]
JOB_CALLS = [(slug, call) for slug in SLUGS for call in adapter_for(slug).job_calls]
BACKGROUND_SLUGS = [
    slug for slug in SLUGS if provider_class(slug).capabilities.background
]
every_provider = pytest.mark.parametrize("slug", SLUGS)
every_background_provider = pytest.mark.parametrize("slug", BACKGROUND_SLUGS)
every_call = pytest.mark.parametrize(("slug", "call"), CALLS)
