"""Provider data beside the rows: progress, queue, expiry and extras.

Kept in ``Run.statistics`` under ``progress`` ([done, total]), ``queue`` ([waiting, running]), ``provider_expires_at`` (ISO 8601),
``extras`` (JSON by name), ``extras_left_out`` (names of those that were too large), and ``status_told``: the
provider's last status response, unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from queries.providers.base import JobStatus, RowStream
from queries.runs.engine.run_updates import json_safe

MAX_EXTRAS_CHARACTERS = 256 * 1024  # characters of JSON, all extras together
MAX_STATUS_CHARACTERS = 8 * 1024  # of one status, which is rewritten with every poll


def status_statistics(status: JobStatus) -> dict[str, Any]:
    """Return what a status reports beside the job's state."""
    told, _left_out = _bounded(json_safe(status.raw), MAX_STATUS_CHARACTERS)
    facts: dict[str, Any] = expiry_statistics(status.expires_at)
    if told:
        facts["status_told"] = told
    if status.progress is not None and status.progress.total > 0:
        total = status.progress.total
        facts["progress"] = [max(0, min(status.progress.done, total)), total]
    if status.queue is not None:
        facts["queue"] = list(status.queue)
    return facts


def stream_statistics(stream: RowStream) -> dict[str, Any]:
    """Return what a stream reports beside its rows."""
    told: dict[str, Any] = json_safe(stream.statistics)
    extras, left_out = _bounded(json_safe(stream.extras), MAX_EXTRAS_CHARACTERS)
    beside = {"extras": extras, "extras_left_out": left_out[:20]}
    told |= {name: value for name, value in beside.items() if value}
    return told | expiry_statistics(stream.expires_at)


def expiry_statistics(at: datetime | None) -> dict[str, Any]:
    """Return until when the provider keeps the rows, if it is known."""
    return {"provider_expires_at": at.isoformat()} if at else {}


def _bounded(members: Mapping[str, Any], room: int) -> tuple[dict[str, Any], list[str]]:
    """Split members into those that fit in the limit and the names of the others."""
    kept: dict[str, Any] = {}
    left_out: list[str] = []
    for name, value in members.items():
        size = len(json.dumps(value))
        if size > room:
            left_out.append(name[:80])
        else:
            kept[name] = value
            room -= size
    return kept, left_out
