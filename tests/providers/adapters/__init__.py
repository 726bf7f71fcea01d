"""How the contract test plays each provider: one small module per provider, named as its slug, with an `ADAPTER`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from queries.providers.base import Provider, QuerySpec, Row
from tests.upstream import Reply, Script


@dataclass(frozen=True)
class Adapter:
    """What the contract needs to know of a provider's wire. `calls` read rows to the end."""

    options: Callable[[str], Mapping[str, Any]]  # from the server's origin
    spec: QuerySpec
    calls: Mapping[str, Callable[[Provider], object]]
    about_jobs: tuple[str, ...]  # the calls that name a job
    rows: Callable[[int], Script]  # the answer to calls["rows"] with that many rows
    number: Callable[[Row], int]  # the place of a row of `rows`, from 0
    cut_rows: Callable[[int], Script]  # that many rows, then the connection breaks
    submitted: Reply  # the answer to calls["submit"]
    states: Mapping[
        str, Reply
    ]  # JobState -> the answer to calls["status"]; with "unknown"


def adapter_for(slug: str) -> Adapter:
    """Give a provider's adapter. A provider without one cannot be trusted."""
    adapter = import_module(f"tests.providers.adapters.{slug}").ADAPTER
    assert isinstance(adapter, Adapter)
    return adapter
