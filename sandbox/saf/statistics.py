"""What is told beside the rows: how many events there were over time, which values fields have, what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from sandbox.engine import Row
from sandbox.jobs import Job
from sandbox.saf.requests import Asked
from sandbox.saf.sql import span_of

MOST_FIELDS = 60
MOST_VALUES = 10
_MOST_COUNTED = 1_000  # different values of one field
_MOST_LOOKED_AT = 20_000  # rows, for the values of fields
_DEEPEST = 4


def stats_of(asked: Asked, batches: Iterable[list[Row]]) -> dict[str, Any]:
    """Sidebar and timeline of a result, in one pass."""
    fields: dict[str, Counter[str]] = {}
    span, buckets, seen = span_of(asked.bounds), Counter[int](), 0
    for batch in batches:
        for row in batch:
            event = msgspec.json.decode(row.user_data)
            _count_moment(event, span, buckets)
            if seen < _MOST_LOOKED_AT:
                _count_values(event, fields)
            seen += 1
    return {
        "sidebar": {"fields": list(_sidebar(fields))},
        "timeline": {"fields": _timeline(buckets)},
    }


def cost_of(asked: Asked, job: Job, ended: datetime) -> dict[str, Any]:
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
    for name, value in leaves(event):
        if name not in fields and len(fields) >= MOST_FIELDS:
            continue
        counter = fields.setdefault(name, Counter())
        if value in counter or len(counter) < _MOST_COUNTED:
            counter[value] += 1


def _sidebar(fields: Mapping[str, Counter[str]]) -> Iterator[dict[str, Any]]:
    for name, counter in fields.items():
        top = [
            {"value": value, "count": count}
            for value, count in counter.most_common(MOST_VALUES)
        ]
        yield {
            "name": name,
            "count": counter.total(),
            "distinct": len(counter),
            "values": top,
        }


def leaves(
    event: Mapping[str, Any], before: str = "", deeper: int = _DEEPEST
) -> Iterator[tuple[str, str]]:
    """The values of an event as texts, by dotted name; lists, and what lies too deep, as JSON."""
    for name, value in event.items():
        if isinstance(value, dict) and deeper and value:
            yield from leaves(value, f"{before}{name}.", deeper - 1)
        elif value is not None:
            text = (
                value if isinstance(value, str) else msgspec.json.encode(value).decode()
            )
            yield before + name, text[:200]
