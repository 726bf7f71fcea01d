"""One page of a task's result, from JSON to rows, and what comes beside them.

The answer's form is not documented. The likeliest one is {"total", "results": [{...}], "sidebar", "timeline",
"executionCost"}; rows are also found under other names, as hits of OpenSearch, as lists beside column names, and as a
bare list. Each row keeps the JSON text it came as. Rows are made one by one: a page is text until it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from queries.providers.base import ProviderWarning, Row
from queries.providers.errors import UnexpectedResponseError, clean_text
from queries.providers.saf.scalars import (
    as_mapping,
    first_present,
    normalize_json,
    parse_count,
    parse_json,
)

MAX_EXTRA_BYTES = 256 * 1024
MAX_WARNINGS = 50
# Assumption: rows stand under one of these names, the likeliest first; names of columns and totals are guessed, too.
_ROWS = ("results", "rows", "events", "data", "datarows", "hits")
_INSIDE = ("response", "result", *_ROWS)
_COLUMNS = ("fields", "columns", "schema")
_TOTALS = ("total", "totalHits", "total_hits")
EXTRA_NAMES = {"sidebar": "sidebar", "timeline": "timeline", "executionCost": "execution_cost", "execution_cost": "execution_cost"}  # fmt: skip
_MAX_DEPTH = 3

Members = Mapping[str, msgspec.Raw]
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass
class Page:
    """The rows of a page, still as JSON texts; `columns` names their cells where they are lists."""

    items: list[msgspec.Raw]
    columns: list[str] = field(default_factory=list)
    total: int | None = None
    extras: dict[str, Any] = field(default_factory=dict)
    warnings: list[ProviderWarning] = field(default_factory=list)
    error: object = None

    def rows(self) -> Iterator[Row]:
        """Return the rows, in order."""
        return (self._row(bytes(item)) for item in self.items)

    def _row(self, text: bytes) -> Row:
        try:
            value = parse_json(text)
        except ValueError:
            raise UnexpectedResponseError("A row of the answer is not JSON.") from None
        if isinstance(value, dict):
            source = value.get("_source")
            return (
                _row_of_hit(text, source)
                if isinstance(source, dict)
                else Row(value, text)
            )
        if isinstance(value, list):
            return self._row_of_cells(text)
        return Row({"value": value}, b'{"value":%b}' % text)

    def _row_of_cells(self, text: bytes) -> Row:
        cells = [bytes(cell) for cell in _decoded(_items, text)]
        numbered = (
            f"column_{number}"
            for number in range(len(self.columns) + 1, len(cells) + 1)
        )
        names = _unique([*self.columns[: len(cells)], *numbered])
        members = (
            json.dumps(name).encode() + b":" + cell
            for name, cell in zip(names, cells, strict=True)
        )
        original = b"{" + b",".join(members) + b"}"
        return Row(parse_json(original), original)


def parse_page(body: bytes) -> Page:
    """Read a page. Raises UnexpectedResponseError if no rows can be found in it, not even none of them."""
    page = _page(body, _MAX_DEPTH)
    if page is None:
        raise UnexpectedResponseError(
            "The answer has no rows in it, in no form we know."
        )
    return page


def _page(body: bytes, deeper: int) -> Page | None:
    if body.lstrip()[:1] == b"[":
        return Page(_decoded(_items, body))
    members = _decoded(_members, body)
    page = (
        _own_rows(members)
        or _inner_page(members, deeper)
        or _objects_as_fields(members)
    )
    error = _tree(members, "error")
    if page is None and error is not None:
        page = Page([], error=error)
    if page is not None:
        _describe(page, members)
    return page


def _own_rows(members: Members) -> Page | None:
    for name in _ROWS:
        if _opens(members, name) == b"[":
            return Page(_decoded(_items, bytes(members[name])), _columns_in(members))
    return None


def _inner_page(members: Members, deeper: int) -> Page | None:
    inside = next((name for name in _INSIDE if _opens(members, name) == b"{"), None)
    return _page(bytes(members[inside]), deeper - 1) if inside and deeper else None


def _objects_as_fields(members: Members) -> Page | None:
    """Objects under "fields" are rows: SAF's documented timeline has that form. Names there are columns."""
    if _opens(members, "fields") != b"[":
        return None
    items = _decoded(_items, bytes(members["fields"]))
    rows = all(bytes(item).lstrip()[:1] == b"{" for item in items)
    return Page(items) if rows else None


def _describe(page: Page, members: Members) -> None:
    """Add what stands beside the rows."""
    if page.total is None:
        page.total = parse_count(
            first_present({name: _tree(members, name) for name in _TOTALS}, _TOTALS)
        )
    for name, ours in EXTRA_NAMES.items():
        if name not in members or ours in page.extras:
            continue
        if len(bytes(members[name])) > MAX_EXTRA_BYTES:
            page.warnings.append(_left_out(ours))
        elif (value := _tree(members, name)) not in (None, {}, []):
            page.extras[ours] = parse_timeline(value) if ours == "timeline" else value
    page.warnings += _warnings_in(_tree(members, "warnings"))


def parse_timeline(value: Any) -> Any:
    """Return a timeline as [{"at", "count"}], out of {"fields": [{"@timestamp", "count"}]}; as it is if it is none."""
    buckets = value.get("fields") if isinstance(value, dict) else value
    if not isinstance(buckets, list):
        return value
    found = [
        (
            as_mapping(bucket).get("@timestamp"),
            parse_count(as_mapping(bucket).get("count")),
        )
        for bucket in buckets
    ]
    if any(at is None or count is None for at, count in found):
        return value
    return [{"at": at, "count": count} for at, count in found]


def _columns_in(members: Members) -> list[str]:
    for name in _COLUMNS:
        value = _tree(members, name)
        if isinstance(value, list) and value:
            return [_column(item, number) for number, item in enumerate(value, 1)]
    return []


def _column(item: object, number: int) -> str:
    name = as_mapping(item).get("alias") or as_mapping(item).get("name") or item
    return name if isinstance(name, str) and name else f"column_{number}"


def _unique(names: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for name in names:
        free, number = name, 1
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found[free] = None
    return list(found)


def _row_of_hit(text: bytes, source: Mapping[str, Any]) -> Row:
    return Row(source, bytes(_decoded(_members, text)["_source"]))


def _opens(members: Members, name: str) -> bytes:
    return bytes(members[name]).lstrip()[:1] if name in members else b""


def _tree(members: Members, name: str) -> Any:
    if name not in members or len(bytes(members[name])) > MAX_EXTRA_BYTES:
        return None
    try:
        return parse_json(bytes(members[name]))
    except ValueError:
        return None


def _warnings_in(value: object) -> list[ProviderWarning]:
    items = value if isinstance(value, list) else [value] if value else []
    texts = (
        first_present(item, ("message", "reason", "text"))
        if isinstance(item, dict)
        else item
        for item in items
    )
    return [
        ProviderWarning("warning", clean_text(text))
        for text in texts
        if isinstance(text, str)
    ][:MAX_WARNINGS]


def _left_out(name: str) -> ProviderWarning:
    return ProviderWarning(
        f"{name}_left_out",
        f"The {name.replace('_', ' ')} is larger than {MAX_EXTRA_BYTES:,} bytes and was left out.",
    )


def _decoded(decoder: msgspec.json.Decoder[Any], text: bytes) -> Any:
    with suppress(ValueError, RecursionError):
        return decoder.decode(text)
    with suppress(ValueError, RecursionError):
        return decoder.decode(normalize_json(text))
    raise UnexpectedResponseError("The answer is not JSON.")
