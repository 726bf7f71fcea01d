"""The list of providers, and how one is opened for a connection."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any

from queries.providers.addresses import validate_endpoint
from queries.providers.base import Provider
from queries.providers.client import Client, Policy
from queries.providers.credentials import Secret
from queries.providers.errors import AddressRefusedError

_PROVIDERS = {
    "coralogix": ("Coralogix", "queries.providers.coralogix.provider", "Coralogix"),
    "polytomic": ("Polytomic", "queries.providers.polytomic.provider", "Polytomic"),
    "saf": (
        "Search Anywhere Framework",
        "queries.providers.saf.provider",
        "SearchAnywhere",
    ),
    "supermetrics": (
        "Supermetrics",
        "queries.providers.supermetrics.provider",
        "Supermetrics",
    ),
}


def provider_choices() -> list[tuple[str, str]]:
    """Return (slug, label) of every provider, without importing one."""
    return [(slug, label) for slug, (label, _, _) in _PROVIDERS.items()]


def provider_class(slug: str) -> type[Provider]:
    """Return a provider's class, imported on first use. Raises LookupError for an unregistered slug."""
    if slug not in _PROVIDERS:
        raise LookupError("There is no such provider.")
    _, module, name = _PROVIDERS[slug]
    found: type[Provider] = getattr(import_module(module), name)
    return found


def validated_origin(
    slug: str, options: Mapping[str, Any], upstream_hosts: Collection[str]
) -> str:
    """Return the origin a connection's options lead to: the provider's own hosts and the administrator's, no other.

    Raises AddressRefusedError, whose code and text give the reason.
    """
    kind = provider_class(slug)
    return validate_endpoint(
        kind.endpoint(options),
        upstream_hosts,
        kind.known_hosts,
        with_path=kind.allows_endpoint_path,
    )


def create_provider(
    slug: str, key: str, options: Mapping[str, Any], *, origin: str, policy: Policy
) -> Provider:
    """Make a provider ready to be called. Close it after use, or open it in `with`.

    `origin` is the one the key was entered for. Raises AddressRefusedError if the options no longer lead there.
    """
    if validated_origin(slug, options, policy.upstream_hosts) != origin:
        raise AddressRefusedError(
            "The connection's address has changed since the key was entered.",
            remedy="Enter the key again.",
        )
    kind = provider_class(slug)
    client = Client(
        origin,
        kind.authorization(Secret(key), options),
        policy,
        kind.trusted_certificates(options),
    )
    return kind(client, options)
