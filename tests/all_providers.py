"""Every provider there is, whether the product offers it already or not."""

from __future__ import annotations

import pytest

from queries.providers import registry
from tests.factories import KEY, ConnectionFactory

PROVIDERS = {
    "supermetrics": ("Supermetrics", "Supermetrics"),
    "saf": ("Search Anywhere Framework", "SearchAnywhere"),
    "polytomic": ("Polytomic", "Polytomic"),
}
OPTIONS = {
    "supermetrics": lambda origin: {"base_url": origin},
    "saf": lambda origin: {"address": origin, "auth": "bearer"},
    "polytomic": lambda origin: {"endpoint": origin},
}


@pytest.fixture
def all_providers(monkeypatch):
    """The registry with all four."""
    for slug, (label, name) in PROVIDERS.items():
        place = f"queries.providers.{slug}.provider"
        monkeypatch.setitem(registry._PROVIDERS, slug, (label, place, name))


def connection_to(slug, address="http://127.0.0.1:9", **more):
    """A connection of one of them to ``address``, which may have a path."""
    options = OPTIONS[slug](address)
    origin = "/".join(address.split("/")[:3])
    key = more.pop("key", KEY)
    return ConnectionFactory(
        provider=slug, origin=origin, options=options, key=key, **more
    )
