"""Where Coralogix lives (Coralogix docs, "Coralogix domain"): one host per region, old and new names.

A key is good in its own region only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from queries.providers.values import Problem

CUSTOM = "custom"


class Region(NamedTuple):
    """A region by one of its domains."""

    slug: str
    label: str
    domain: str


REGIONS = (
    Region("eu1", "EU1 · Ireland", "eu1.coralogix.com"),
    Region("eu1-legacy", "EU1 · Ireland, older domain", "coralogix.com"),
    Region("eu2", "EU2 · Stockholm", "eu2.coralogix.com"),
    Region("us1", "US1 · Ohio", "us1.coralogix.com"),
    Region("us1-legacy", "US1 · Ohio, older domain", "coralogix.us"),
    Region("us2", "US2 · Oregon", "us2.coralogix.com"),
    Region("us2-legacy", "US2 · Oregon, older domain", "cx498.coralogix.com"),
    Region("us3", "US3 · Iowa", "us3.coralogix.com"),
    Region("ap1", "AP1 · Mumbai", "ap1.coralogix.com"),
    Region("ap1-legacy", "AP1 · Mumbai, older domain", "coralogix.in"),
    Region("ap2", "AP2 · Singapore", "ap2.coralogix.com"),
    Region("ap2-legacy", "AP2 · Singapore, older domain", "coralogixsg.com"),
    Region("ap3", "AP3 · Jakarta", "ap3.coralogix.com"),
    Region("gov1", "GOV1 · AWS GovCloud", "gov1.coralogixgov.us"),
)
_DOMAINS = {region.slug: region.domain for region in REGIONS}
# `ng-api-http.<domain>` is the older name of `api.<domain>`, alive in many scripts; the last one is the host that
# Coralogix' own SDK uses for AP1. They may be entered as custom endpoints.
KNOWN_HOSTS = frozenset(
    f"{name}.{region.domain}" for region in REGIONS for name in ("api", "ng-api-http")
) | {"api.app.coralogix.in"}


def choices() -> tuple[tuple[str, str], ...]:
    """Return the regions, and the way to another address, for a form."""
    named = tuple(
        (region.slug, f"{region.label} ({region.domain})") for region in REGIONS
    )
    return (*named, (CUSTOM, "Another address"))


def region_problems(options: Mapping[str, Any]) -> list[Problem]:
    """Say when region and address contradict each other: a key must go where its owner thinks it goes."""
    custom = (options.get("region") or CUSTOM) == CUSTOM
    if custom and not options.get("endpoint"):
        return [Problem("endpoint", "Enter the address, or choose a region.")]
    if not custom and options.get("endpoint"):
        text = 'Choose "Another address", or leave the address empty.'
        return [Problem("region", text)]
    return []


def endpoint(options: Mapping[str, Any]) -> str:
    """Return the base URL that a connection's options lead to; "" if they lead nowhere."""
    region = options.get("region") or CUSTOM
    if region == CUSTOM:
        return str(options.get("endpoint") or "")
    return f"https://api.{_DOMAINS[region]}" if region in _DOMAINS else ""
