"""From the members of a query to what the engine executes; what is wrong with them is refused, as the real server would."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sandbox.supermetrics.dates import DateRange, resolve_date_range
from sandbox.supermetrics.errors import ApiError
from sandbox.supermetrics.filters import Filter, parse_filter
from sandbox.supermetrics.options import SupermetricsOptions
from sandbox.supermetrics.parameters import bad_request, split_list
from sandbox.supermetrics.sources import (
    SOURCES,
    Account,
    DataSource,
    SourceField,
)

MAX_FIELDS = 100
YEARS_OF_DATA = 2  # until today, there are rows
_ORDER = re.compile(r"([A-Za-z0-9_-]+)(?:\s+(asc|desc))?", re.I)
_PATTERN = re.compile(r"/(.*)/(i?)", re.S)
# Members the sandbox would have to ignore, which would give other rows than were asked for.
_NOT_HERE = ("compare_type", "compare_start_date", "compare_end_date")


@dataclass(frozen=True)
class ResolvedQuery:
    """A query, understood. ``split`` are the fields whose values become columns."""

    source: DataSource
    accounts: tuple[Account, ...]
    segments: tuple[str, ...]
    days: DateRange
    row_dimensions: tuple[SourceField, ...]
    pivot_fields: tuple[SourceField, ...]
    metrics: tuple[SourceField, ...]
    order: tuple[tuple[SourceField, str], ...]
    order_columns: tuple[tuple[SourceField, str], ...]
    filters: Filter
    max_rows: int
    max_columns: int
    seconds: float
    no_headers: bool

    @property
    def fields(self) -> tuple[SourceField, ...]:
        """All fields, those of the rows first."""
        return (*self.row_dimensions, *self.pivot_fields, *self.metrics)


def resolve_query(
    query: Mapping[str, Any], today: date, options: SupermetricsOptions
) -> ResolvedQuery:
    """Understand a query; 400, 403 or 422 with what is wrong."""
    source = _source(query)
    _refuse_unknown(query)
    fields, split = _fields(query, source)
    dims = [f for f in fields if f.kind == "dim"]
    settings = query.get("settings") or {}
    if not isinstance(settings, dict):
        raise bad_request("settings must be an object")
    rows_by = tuple(f for f in dims if f.id not in split)
    order = _order("order_rows", query, source)
    if any(f.id in split or f not in fields for f, _ in order):
        raise bad_request("order_rows must name fields of the query that are not split")
    across = _order("order_columns", query, source)
    if any(f.kind == "dim" and f.id not in split for f, _ in across):
        raise bad_request("order_columns must name split fields or metrics")
    return ResolvedQuery(
        source=source,
        accounts=_accounts(query, source),
        segments=_segments(query, source),
        days=_days(query, source, today),
        row_dimensions=rows_by,
        pivot_fields=tuple(f for f in dims if f.id in split),
        metrics=tuple(f for f in fields if f.kind == "met"),
        order=order,
        order_columns=across,
        filters=parse_filter(str(query.get("filter") or ""), source),
        max_rows=min(int(query.get("max_rows") or options.rows), options.rows),
        max_columns=int(query.get("max_columns") or 1_000),
        seconds=_seconds(settings),
        no_headers=settings.get("no_headers") is True,
    )


def _source(query: Mapping[str, Any]) -> DataSource:
    ds_id = query.get("ds_id")
    if not isinstance(ds_id, str):
        raise bad_request("ds_id is required")
    if ds_id.upper() not in SOURCES:
        raise ApiError(
            403,
            "LICENSE_ACCESS_DATA_SOURCE",
            f"The sandbox has no data source {ds_id[:50]!r}",
        )
    return SOURCES[ds_id.upper()]


def _refuse_unknown(query: Mapping[str, Any]) -> None:
    if any(query.get(name) not in (None, "", "none") for name in _NOT_HERE):
        raise ApiError(
            422, "UNPROCESSABLE_CONTENT", "The sandbox does not compare periods"
        )


def _fields(
    query: Mapping[str, Any], source: DataSource
) -> tuple[list[SourceField], set[str]]:
    given = query.get("fields")
    items = given if isinstance(given, list) else split_list(given)
    if not items or len(items) > MAX_FIELDS:
        raise bad_request(f"fields: give 1 to {MAX_FIELDS}")
    found: list[SourceField] = []
    split: set[str] = set()
    for item in items:
        name = item.get("id") if isinstance(item, dict) else item
        one = source.find(str(name))
        if one is None:
            raise ApiError(
                400,
                "FIELD_ID_INVALID",
                f"{str(name)[:100]!r} is not a field of {source.id}",
            )
        if one not in found:
            found.append(one)
        if isinstance(item, dict) and item.get("split") == "column":
            split.add(one.id)
    if any(f.id in split and f.kind == "met" for f in found):
        raise bad_request("Only dimensions can be split by column")
    if split and not any(f.kind == "met" for f in found):
        raise bad_request("A query that is split by column needs a metric")
    return found, split


def _accounts(query: Mapping[str, Any], source: DataSource) -> tuple[Account, ...]:
    users = split_list(query.get("ds_users") or query.get("ds_user"))
    if users and source.login.lower() not in [user.lower() for user in users]:
        raise ApiError(
            403,
            "QUERY_AUTH_UNAVAILABLE",
            "No login of these users can read the accounts",
        )
    given = query.get("ds_accounts")
    if isinstance(given, dict):
        return _matching(given, source)
    names = split_list(given)
    if not names or "list.all_accounts" in names:
        return source.accounts
    known = {account.id: account for account in source.accounts}
    for name in names:
        if name not in known:
            raise ApiError(
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
        raise ApiError(
            400, "ACCOUNT_FILTER_INVALID", "Use filter_id or filter_name with a pattern"
        )
    try:
        pattern = re.compile(found[1], re.I if found[2] else 0)
    except re.error as error:
        raise ApiError(
            400, "ACCOUNT_FILTER_PATTERN_INVALID", "The pattern is not valid"
        ) from error
    accounts = tuple(
        a
        for a in source.accounts
        if pattern.search(a.id if name == "filter_id" else a.name)
    )
    if not accounts:
        raise ApiError(400, "ACCOUNT_FILTER_INVALID", "No account matches")
    return accounts


def _segments(query: Mapping[str, Any], source: DataSource) -> tuple[str, ...]:
    names = split_list(query.get("ds_segments"))
    for name in names:
        if name not in source.segments:
            raise ApiError(
                400,
                "SEGMENT_ID_INVALID",
                f"{name[:50]!r} is not a segment of {source.id}",
            )
    return tuple(names)


def _days(query: Mapping[str, Any], source: DataSource, today: date) -> DateRange:
    """The days asked for, as far as there are rows: two years back, until today."""
    days = (
        resolve_date_range(query, today)
        if source.relation == "marketing"
        else DateRange(today, today)
    )
    return DateRange(
        max(days.start, today - timedelta(days=365 * YEARS_OF_DATA)),
        min(days.end, today),
    )


def _order(
    member: str, query: Mapping[str, Any], source: DataSource
) -> tuple[tuple[SourceField, str], ...]:
    found = []
    for text in split_list(query.get(member)):
        parts = _ORDER.fullmatch(text)
        one = source.find(parts[1]) if parts else None
        if parts is None or one is None:
            raise bad_request(f"{member}: {text[:60]!r} is not a field of {source.id}")
        found.append((one, (parts[2] or "asc").upper()))
    return tuple(found)


def _seconds(settings: Mapping[str, Any]) -> float:
    """``sandbox_seconds``: a setting of the sandbox alone, for a query that takes its time."""
    value = settings.get("sandbox_seconds", 0)
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return min(max(float(value), 0.0), 3_600.0) if good else 0.0
