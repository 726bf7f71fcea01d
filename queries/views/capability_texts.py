"""What a provider supports, and what it does not, from its declared capabilities only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from queries.providers.base import Provider


class CapabilityText(NamedTuple):
    """A capability as a label, and what its absence means."""

    capability: str
    label: str
    absence_text: str
    is_per_job: bool = False


CAPABILITY_TEXTS = (
    CapabilityText("direct", "direct runs", "Every query goes through the background; its rows show once it has finished."),
    CapabilityText("background", "background runs", "A query is answered while we listen, and ends when we stop."),
    CapabilityText("cancel", "cancelling", "A cancel here stops our watching; the query may run to its end there.", is_per_job=True),
    CapabilityText("cancel_all", "stopping all queries at once", "Each run is stopped by itself."),
    CapabilityText("progress", "progress", "Reports that a query is running, not its progress.", is_per_job=True),
    CapabilityText("total_known", "the number of rows beforehand", "It shows as they arrive."),
    CapabilityText("logs", "logs", "What a query did there cannot be read.", is_per_job=True),
    CapabilityText("delete", "deleting results there", "They go when the provider lets them expire.", is_per_job=True),
    CapabilityText("list_jobs", "a list of queries", "Queries that were not started here cannot be found."),
    CapabilityText("export_formats", "files of its own", "Files are made here, of all stored rows.", is_per_job=True),
    CapabilityText("catalog", "lists to pick from", "Values are typed."),
    CapabilityText("preview", "checking a query beforehand", "What is wrong with it shows once it runs."),
    CapabilityText("idempotent_submit", "repeating a submit safely", "One whose answer was lost may run twice; the run says so."),
)  # fmt: skip


def supported_labels(provider: type[Provider]) -> list[str]:
    """Return what the provider supports, as labels."""
    return [offer.label for offer in _of(provider, able=True)]


def unsupported_capabilities(provider: type[Provider]) -> list[CapabilityText]:
    """Return what other providers support and this one does not."""
    return list(_of(provider, able=False))


def unsupported_job_labels(provider: type[Provider]) -> list[str]:
    """Return what other providers support for jobs and this one does not, as labels."""
    return [
        offer.label for offer in unsupported_capabilities(provider) if offer.is_per_job
    ]


def provider_limits(provider: type[Provider]) -> list[tuple[str, str]]:
    """Return the provider's other limits, as (label, text)."""
    can, limit = provider.capabilities, provider.rate_limit
    published = "no limit published; if we are asked to wait, all runs of the key do"
    if limit:
        published = f"{limit.calls} in {limit.seconds:g} s for each key; runs wait for their turn"
    kept = (
        f"{can.job_retention.days} days"
        if can.job_retention and can.job_retention.days
        else ""
    )
    if can.job_retention and not kept:
        kept = f"{can.job_retention.total_seconds() / 3600:g} h"
    readers = "the key that started the query, and no other"
    return [
        ("Requests", published),
        ("Keeps results for", kept or "unknown"),
        *([("Shows results to", readers)] if can.creator_only else []),
    ]


def _of(provider: type[Provider], *, able: bool) -> Iterable[CapabilityText]:
    can: Any = provider.capabilities
    return (o for o in CAPABILITY_TEXTS if bool(getattr(can, o.capability)) is able)
