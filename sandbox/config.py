"""Everything a sandbox can be told, in one frozen object."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from sandbox.clock import Clock, SystemClock
from sandbox.polytomic.config import PolytomicConfig
from sandbox.supermetrics.options import SupermetricsOptions

ARCHIVE_QUERY = "legacy-archive-queries:Execute"
FREQUENT_LOGS = "logs.data-api#high:ReadData"
# Supermetrics docs, API keys: may list logins and accounts.
READ_ACCOUNTS = "ds_accounts_read"
# For Coralogix what the preset "DataQuerying" grants for logs (its docs, permissions).
ALL_PERMISSIONS = frozenset({ARCHIVE_QUERY, FREQUENT_LOGS, READ_ACCOUNTS})

DEMO_KEY = "sandbox-demo-key"
LIMITED_KEY = "sandbox-limited-key"
OTHER_TENANT_KEY = "sandbox-neighbour-key"


class SandboxError(Exception):
    """The sandbox cannot do what was asked of it; the text is meant for its user."""


@dataclass(frozen=True)
class ApiKey:
    """What one key may do and whose queries it sees."""

    tenant: str
    permissions: frozenset[str] = ALL_PERMISSIONS


DEMO_KEYS: Mapping[str, ApiKey] = {
    DEMO_KEY: ApiKey("demo"),
    # Has frequent search only: archive and background queries are refused with 403.
    LIMITED_KEY: ApiKey("demo", frozenset({FREQUENT_LOGS})),
    OTHER_TENANT_KEY: ApiKey("neighbour"),
}


@dataclass(frozen=True)
class Limits:
    """The upstream's limits (Coralogix docs, DataPrime API limitations) and the sandbox's own."""

    default_rows: int = 2_000
    frequent_rows: int = 15_000
    archive_rows: int = 50_000
    background_rows: int = 1_000_000
    fetched_bytes: int = 100 * 1024 * 1024
    frequent_window: timedelta = timedelta(hours=192)
    # Assumption: "the archive lacks the newest few minutes"; the documents give no number.
    archive_lag: timedelta = timedelta(minutes=3)
    queries_per_minute: int = 30
    body_bytes: int = 1024 * 1024
    query_seconds: float = 300.0
    memory: str = "1GB"
    threads: int = 2
    connections: int = 64
    jobs_kept: int = 200
    jobs_bytes: int = 4 * 1024**3
    job_lifetime: timedelta = timedelta(days=30)


@dataclass(frozen=True)
class Pace:
    """How long a background query takes by the clock, in seconds, at the least."""

    waiting: float = 1.5
    running: float = 4.0
    cancelling: float = 0.5


INSTANT = Pace(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class SandboxConfig:
    """One sandbox: where it listens, what rows it holds, whom it lets in, how it behaves.

    Exactly one source of rows is used: ``rows`` (user data as dicts or raw text, or ``LogLine``), else ``count``
    numbered rows, else ``load`` (a file of the user's own), else the demo shop with ``demo_rows`` rows a week.
    Without ``data_dir`` everything lives in a temporary directory that goes away with the sandbox.
    """

    host: str = "127.0.0.1"
    port: int = 0
    data_dir: Path | None = None
    rows: Iterable[Any] | None = None
    count: int | None = None
    load: Path | None = None
    demo_rows: int = 200_000
    seed: int = 20_240_229
    keys: Mapping[str, ApiKey] = field(default_factory=lambda: DEMO_KEYS, repr=False)
    limits: Limits = field(default_factory=Limits)
    pace: Pace = field(default_factory=Pace)
    batch_rows: int = 100
    statistics: bool = True
    error_style: Literal["message", "text", "error"] = "message"
    cancelled_as: Literal["error", "cancelled"] = "error"
    supermetrics: SupermetricsOptions = field(default_factory=SupermetricsOptions)
    fault_control: bool = False
    polytomic: PolytomicConfig = field(default_factory=PolytomicConfig)
    clock: Clock = field(default_factory=SystemClock)

    def now(self) -> datetime:
        """The sandbox's idea of now, in UTC."""
        return self.clock.now()
