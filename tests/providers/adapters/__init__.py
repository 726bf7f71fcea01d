"""How the contract test plays each provider: one small module per provider, named as its slug, with an `ADAPTER`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from queries.providers.base import Provider, QuerySpec, Row
from tests.scripted_server import Reply, Script


@dataclass(frozen=True)
class Adapter:
    """What the contract needs to know of a provider's wire. `calls` read rows to the end."""

    options: Callable[[str], Mapping[str, Any]]  # from the server's origin
    spec: QuerySpec
    calls: Mapping[str, Callable[[Provider], object]]
    rows: Callable[[int], Script]  # the answer to calls["rows"] with that many rows
    row_number: Callable[[Row], int]  # the place of a row of `rows`, from 0
    # Of a provider that has jobs:
    job_calls: tuple[str, ...] = ()  # the calls that name a job
    # That many rows, then the connection breaks.
    cut_rows: Callable[[int], Script] | None = None
    submitted: Reply | None = None  # the answer to calls["submit"]
    # JobState -> the answer to calls["status"]; with "unknown".
    states: Mapping[str, Reply] = field(default_factory=dict)


def adapter_for(slug: str) -> Adapter:
    """Give a provider's adapter. A provider without one cannot be trusted."""
    adapter = import_module(f"tests.providers.adapters.{slug}").ADAPTER
    assert isinstance(adapter, Adapter)
    return adapter
