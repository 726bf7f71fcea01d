"""Lists of values to choose from, as a provider returns them, cached for a minute per connection."""

from __future__ import annotations

import hashlib

from django.core.cache import cache

from queries.connections import rate_limit
from queries.connections.services import open_provider, test_policy
from queries.models import Connection
from queries.providers.base import Choice
from queries.providers.errors import RateLimitError
from queries.providers.registry import provider_class

CACHE_SECONDS = 60
MAX_CHOICES = 2_000


def list_choices(connection: Connection, kind: str, parent: str = "") -> list[Choice]:
    """Return the choices, at most MAX_CHOICES. Raises ProviderError, also for an unknown kind."""
    provider = provider_class(connection.provider)
    if kind not in provider.capabilities.catalog:
        raise provider.unsupported("list this")
    key = _key(connection, kind, parent)
    known: list[Choice] | None = cache.get(key)
    if known is None:
        if rate_limit.acquire(connection, provider.rate_limit):
            raise RateLimitError("This key is at its provider's limit of requests.")
        with open_provider(connection, test_policy()) as one:
            known = one.catalog(kind, parent)[:MAX_CHOICES]
        cache.set(key, known, CACHE_SECONDS)
    return known


def _key(connection: Connection, kind: str, parent: str) -> str:
    # A changed key or address has another list.
    parts = (connection.key_fingerprint, connection.origin, kind, parent)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"catalog:{connection.pk}:{digest}"
