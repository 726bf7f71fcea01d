"""What is told beside the rows: how many events there were over time, which values fields have, what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from sandbox.engine import Row
from sandbox.jobs import Job
from sandbox.saf.requests import TaskRequest
from sandbox.saf.sql import bucket_seconds

MAX_FIELDS = 60
MAX_VALUES = 10
_MAX_COUNTED = 1_000  # different values of one field
_MAX_ROWS_SCANNED = 20_000  # rows, for the values of fields
_MAX_DEPTH = 4


def result_stats(asked: TaskRequest, batches: Iterable[list[Row]]) -> dict[str, Any]:
    """Sidebar and timeline of a result, in one pass."""
    fields: dict[str, Counter[str]] = {}
    span, buckets, seen = bucket_seconds(asked.bounds), Counter[int](), 0
    for batch in batches:
        for row in batch:
            event = msgspec.json.decode(row.user_data)
            _count_moment(event, span, buckets)
            if seen < _MAX_ROWS_SCANNED:
                _count_values(event, fields)
            seen += 1
    return {
        "sidebar": {"fields": list(_sidebar(fields))},
        "timeline": {"fields": _timeline(buckets)},
    }


def task_cost(asked: TaskRequest, job: Job, ended: datetime) -> dict[str, Any]:
    """What a task that ended then took, in the detail it was asked for."""
    cost: dict[str, Any] = {
        "level": asked.cost,
        "totalMillis": round((ended - job.submitted_at).total_seconds() * 1000),
        "rows": job.rows,
        "bytesScanned": job.bytes_scanned,
    }
    if asked.cost == "DEBUG":
        commands = (part.strip() for part in asked.query.split("|"))
        cost["commands"] = [
            {"position": n, "command": text} for n, text in enumerate(commands, 1)
        ]
    return cost


def _count_moment(event: Mapping[str, Any], span: int, buckets: Counter[int]) -> None:
    try:
        moment = datetime.fromisoformat(event["@timestamp"])
    except (KeyError, TypeError, ValueError):
        return
    buckets[int(moment.timestamp()) // span * span] += 1


def _timeline(buckets: Counter[int]) -> list[dict[str, Any]]:
    return [
        {
            "@timestamp": datetime.fromtimestamp(start, UTC).strftime(
                "%Y-%m-%dT%H:%M:%S.000Z"
            ),
            "count": count,
        }
        for start, count in sorted(buckets.items())
    ]


def _count_values(event: Mapping[str, Any], fields: dict[str, Counter[str]]) -> None:
    for name, value in flatten_event(event):
        if name not in fields and len(fields) >= MAX_FIELDS:
            continue
        counter = fields.setdefault(name, Counter())
        if value in counter or len(counter) < _MAX_COUNTED:
            counter[value] += 1


def _sidebar(fields: Mapping[str, Counter[str]]) -> Iterator[dict[str, Any]]:
    for name, counter in fields.items():
        top = [
            {"value": value, "count": count}
            for value, count in counter.most_common(MAX_VALUES)
        ]
        yield {
            "name": name,
            "count": counter.total(),
            "distinct": len(counter),
            "values": top,
        }


def flatten_event(
    event: Mapping[str, Any], before: str = "", deeper: int = _MAX_DEPTH
) -> Iterator[tuple[str, str]]:
    """The values of an event as texts, by dotted name; lists, and what lies too deep, as JSON."""
    for name, value in event.items():
        if isinstance(value, dict) and deeper and value:
            yield from flatten_event(value, f"{before}{name}.", deeper - 1)
        elif value is not None:
            text = (
                value if isinstance(value, str) else msgspec.json.encode(value).decode()
            )
            yield before + name, text[:200]
