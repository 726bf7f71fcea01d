"""From the members of a query to what the engine executes; what is wrong with them is refused, as the real server would."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sandbox.supermetrics.dates import Range, range_of
from sandbox.supermetrics.errors import RefusedError
from sandbox.supermetrics.filters import Filter, filter_of
from sandbox.supermetrics.options import SupermetricsOptions
from sandbox.supermetrics.parameters import bad, words
from sandbox.supermetrics.sources import (
    SOURCES,
    Account,
    DataSource,
    SourceField,
)

MOST_FIELDS = 100
YEARS = 2  # until today, there are rows
_ORDER = re.compile(r"([A-Za-z0-9_-]+)(?:\s+(asc|desc))?", re.I)
_PATTERN = re.compile(r"/(.*)/(i?)", re.S)
# Members the sandbox would have to ignore, which would give other rows than were asked for.
_NOT_HERE = ("compare_type", "compare_start_date", "compare_end_date")


@dataclass(frozen=True)
class Asked:
    """A query, understood. ``split`` are the fields whose values become columns."""

    source: DataSource
    accounts: tuple[Account, ...]
    segments: tuple[str, ...]
    days: Range
    rows_by: tuple[SourceField, ...]
    split: tuple[SourceField, ...]
    metrics: tuple[SourceField, ...]
    order: tuple[tuple[SourceField, str], ...]
    order_columns: tuple[tuple[SourceField, str], ...]
    chosen: Filter
    max_rows: int
    max_columns: int
    seconds: float
    no_headers: bool

    @property
    def fields(self) -> tuple[SourceField, ...]:
        """All fields, those of the rows first."""
        return (*self.rows_by, *self.split, *self.metrics)


def asked_of(
    query: Mapping[str, Any], today: date, options: SupermetricsOptions
) -> Asked:
    """Understand a query; 400, 403 or 422 with what is wrong."""
    source = _source(query)
    _refuse_unknown(query)
    fields, split = _fields(query, source)
    dims = [f for f in fields if f.kind == "dim"]
    settings = query.get("settings") or {}
    if not isinstance(settings, dict):
        raise bad("settings must be an object")
    rows_by = tuple(f for f in dims if f.id not in split)
    order = _order("order_rows", query, source)
    if any(f.id in split or f not in fields for f, _ in order):
        raise bad("order_rows must name fields of the query that are not split")
    across = _order("order_columns", query, source)
    if any(f.kind == "dim" and f.id not in split for f, _ in across):
        raise bad("order_columns must name split fields or metrics")
    return Asked(
        source=source,
        accounts=_accounts(query, source),
        segments=_segments(query, source),
        days=_days(query, source, today),
        rows_by=rows_by,
        split=tuple(f for f in dims if f.id in split),
        metrics=tuple(f for f in fields if f.kind == "met"),
        order=order,
        order_columns=across,
        chosen=filter_of(str(query.get("filter") or ""), source),
        max_rows=min(int(query.get("max_rows") or options.rows), options.rows),
        max_columns=int(query.get("max_columns") or 1_000),
        seconds=_seconds(settings),
        no_headers=settings.get("no_headers") is True,
    )


def _source(query: Mapping[str, Any]) -> DataSource:
    ds_id = query.get("ds_id")
    if not isinstance(ds_id, str):
        raise bad("ds_id is required")
    if ds_id.upper() not in SOURCES:
        raise RefusedError(
            403,
            "LICENSE_ACCESS_DATA_SOURCE",
            f"The sandbox has no data source {ds_id[:50]!r}",
        )
    return SOURCES[ds_id.upper()]


def _refuse_unknown(query: Mapping[str, Any]) -> None:
    if any(query.get(name) not in (None, "", "none") for name in _NOT_HERE):
        raise RefusedError(
            422, "UNPROCESSABLE_CONTENT", "The sandbox does not compare periods"
        )


def _fields(
    query: Mapping[str, Any], source: DataSource
) -> tuple[list[SourceField], set[str]]:
    given = query.get("fields")
    items = given if isinstance(given, list) else words(given)
    if not items or len(items) > MOST_FIELDS:
        raise bad(f"fields: give 1 to {MOST_FIELDS}")
    found: list[SourceField] = []
    split: set[str] = set()
    for item in items:
        name = item.get("id") if isinstance(item, dict) else item
        one = source.find(str(name))
        if one is None:
            raise RefusedError(
                400,
                "FIELD_ID_INVALID",
                f"{str(name)[:100]!r} is not a field of {source.id}",
            )
        if one not in found:
            found.append(one)
        if isinstance(item, dict) and item.get("split") == "column":
            split.add(one.id)
    if any(f.id in split and f.kind == "met" for f in found):
        raise bad("Only dimensions can be split by column")
    if split and not any(f.kind == "met" for f in found):
        raise bad("A query that is split by column needs a metric")
    return found, split


def _accounts(query: Mapping[str, Any], source: DataSource) -> tuple[Account, ...]:
    users = words(query.get("ds_users") or query.get("ds_user"))
    if users and source.login.lower() not in [user.lower() for user in users]:
        raise RefusedError(
            403,
            "QUERY_AUTH_UNAVAILABLE",
            "No login of these users can read the accounts",
        )
    given = query.get("ds_accounts")
    if isinstance(given, dict):
        return _matching(given, source)
    names = words(given)
    if not names or "list.all_accounts" in names:
        return source.accounts
    known = {account.id: account for account in source.accounts}
    for name in names:
        if name not in known:
            raise RefusedError(
                400,
                "ACCOUNT_ID_INVALID",
                f"{name[:50]!r} is not an account of {source.id}",
            )
    return tuple(known[name] for name in dict.fromkeys(names))


def _matching(given: Mapping[str, Any], source: DataSource) -> tuple[Account, ...]:
    """The accounts a filter object finds: ``{"filter_name": "/eu/i"}``."""
    name, text = next(iter(given.items()), ("", ""))
    found = _PATTERN.fullmatch(str(text))
    if name not in ("filter_id", "filter_name") or found is None:
        raise RefusedError(
            400, "ACCOUNT_FILTER_INVALID", "Use filter_id or filter_name with a pattern"
        )
    try:
        pattern = re.compile(found[1], re.I if found[2] else 0)
    except re.error as error:
        raise RefusedError(
            400, "ACCOUNT_FILTER_PATTERN_INVALID", "The pattern is not valid"
        ) from error
    accounts = tuple(
        a
        for a in source.accounts
        if pattern.search(a.id if name == "filter_id" else a.name)
    )
    if not accounts:
        raise RefusedError(400, "ACCOUNT_FILTER_INVALID", "No account matches")
    return accounts


def _segments(query: Mapping[str, Any], source: DataSource) -> tuple[str, ...]:
    names = words(query.get("ds_segments"))
    for name in names:
        if name not in source.segments:
            raise RefusedError(
                400,
                "SEGMENT_ID_INVALID",
                f"{name[:50]!r} is not a segment of {source.id}",
            )
    return tuple(names)


def _days(query: Mapping[str, Any], source: DataSource, today: date) -> Range:
    """The days asked for, as far as there are rows: two years back, until today."""
    days = (
        range_of(query, today)
        if source.relation == "marketing"
        else Range(today, today)
    )
    return Range(
        max(days.start, today - timedelta(days=365 * YEARS)), min(days.end, today)
    )


def _order(
    member: str, query: Mapping[str, Any], source: DataSource
) -> tuple[tuple[SourceField, str], ...]:
    found = []
    for text in words(query.get(member)):
        parts = _ORDER.fullmatch(text)
        one = source.find(parts[1]) if parts else None
        if parts is None or one is None:
            raise bad(f"{member}: {text[:60]!r} is not a field of {source.id}")
        found.append((one, (parts[2] or "asc").upper()))
    return tuple(found)


def _seconds(settings: Mapping[str, Any]) -> float:
    """``sandbox_seconds``: a setting of the sandbox alone, for a query that takes its time."""
    value = settings.get("sandbox_seconds", 0)
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return min(max(float(value), 0.0), 3_600.0) if good else 0.0
