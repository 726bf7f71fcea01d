"""Everything the sandbox's Polytomic can be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True)
class PolytomicConfig:
    """How its results come, how long they stay, and what one query may use.

    ``links`` are host-relative ("/api/...") or absolute ("http://host/api/..."). An expired result is not found, or its
    query reports the state ``unknown``.
    """

    orders: int = 50_000
    page_rows: int = 5_000
    links: Literal["relative", "absolute"] = "relative"
    # Polytomic's Python client says 24 hours of the results of saved queries; no other figure is published.
    result_lifetime: timedelta = timedelta(hours=24)
    expired_as: Literal["not found", "unknown"] = "not found"
    max_rows: int = 1_000_000
    max_bytes: int = 256 * 1024 * 1024
    query_seconds: float = 60.0
    memory: str = "512MB"
    threads: int = 2
    max_concurrent: int = 2
    queries_kept: int = 200
