"""Provider data beside a run's rows: bars of a timeline, top values of fields, or a tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from queries.models import Run

MAX_BARS = 120
MAX_FIELDS = 60
MAX_VALUES = 8
VALUE_KEYS = ("values", "topValues", "top_values", "top")
COUNT_KEYS = ("count", "n", "total")


@dataclass(frozen=True)
class ProviderExtra:
    """One piece of provider data. ``bars`` are (name or time, count) under ``heads``, else ``tree`` is shown."""

    title: str
    bars: list[tuple[str | datetime, int]]
    groups: list[tuple[str, list[tuple[str, int]]]]
    tree: Any
    max_count: int = 1
    hidden_bars: int = 0  # bars beyond what a page holds


def extras_context(run: Run) -> dict[str, Any]:
    """Return the context of all provider data beside status and rows."""
    told = run.statistics
    return {
        "progress": told.get("progress"),
        "queue": told.get("queue"),
        "status_told": told.get("status_told"),
        "provider_expires_at": parse_datetime(told.get("provider_expires_at") or ""),
        "beside": [provider_extra(name, value) for name, value in _extras(told)],
        "beside_left_out": told.get("extras_left_out", []),
    }


def provider_extra(name: str, value: Any) -> ProviderExtra:
    """Return bars for counts over time, groups for fields with their values, else a tree."""
    title = name.replace("_", " ").capitalize()
    bars = list(_bars(value))
    groups = [] if bars else list(_groups(value))
    unshown = max(0, len(value) - MAX_BARS) if bars else 0
    counts = [n for _at, n in bars] + [n for _f, top in groups for _v, n in top]
    return ProviderExtra(title, bars, groups, value, max([1, *counts]), unshown)


def _extras(told: Mapping[str, Any]) -> list[tuple[str, Any]]:
    extras = told.get("extras")
    return list(extras.items()) if isinstance(extras, dict) else []


def _bars(value: Any) -> Iterator[tuple[str | datetime, int]]:
    buckets = value if isinstance(value, list) else []
    if not all(_is_bucket(bucket) for bucket in buckets):
        return
    for bucket in buckets[:MAX_BARS]:
        yield _moment(bucket["at"]), bucket["count"]


def _is_bucket(bucket: Any) -> bool:
    return (
        isinstance(bucket, dict)
        and "at" in bucket
        and _number(bucket.get("count")) > -1
    )


def _groups(value: Any) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """Return fields with their most frequent values: from a list of objects, or an object by field."""
    fields = value.get("fields", value) if isinstance(value, dict) else value
    if isinstance(fields, dict):
        fields = [{"name": name, "values": top} for name, top in fields.items()]
    for one in (fields if isinstance(fields, list) else [])[:MAX_FIELDS]:
        name = one.get("name") or one.get("field") if isinstance(one, dict) else None
        top = list(_top(one))[:MAX_VALUES] if name else []
        if top:
            yield str(name), top


def _top(field: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    values = next((field[name] for name in VALUE_KEYS if name in field), None)
    if isinstance(values, dict):
        values = [{"value": value, "count": n} for value, n in values.items()]
    for one in values if isinstance(values, list) else []:
        if not isinstance(one, dict):
            continue
        count = next((_number(one.get(name)) for name in COUNT_KEYS if name in one), -1)
        if count >= 0:
            yield str(one.get("value", one.get("key", "")))[:200], count


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _moment(value: Any) -> str | datetime:
    """Return a time from ISO 8601 text or milliseconds; other text unchanged."""
    if isinstance(value, int) and 0 < value < 10**14:
        return datetime.fromtimestamp(value / 1000, UTC)
    text = str(value)
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    return found if found and found.tzinfo else text[:60]
