"""Rows of Supermetrics, from lists of cells to named values.

A page is a list of lists. Names come from the header row, which by default is the first row of every page, or, without
one, from `meta.query.fields`. A name that comes twice gets a suffix: "Cost_2". The original of a row is made of its names
and its cells' very text, so that every number stays exact.
"""

from __future__ import annotations

from typing import Any

import msgspec

from queries.providers.base import ProviderWarning, Row
from queries.providers.errors import UnexpectedResponseError
from queries.providers.repair import repair_json
from queries.providers.supermetrics.envelopes import (
    Envelope,
    as_mapping,
    non_negative_int,
)

_MAX_COLUMNS = 10_000
_cells = msgspec.json.Decoder(list[msgspec.Raw])
_values = msgspec.json.Decoder()


class Table:
    """The columns of one result, as its pages tell them."""

    def __init__(self, first: Envelope) -> None:
        self._fields = _fields_in(first)
        self._header = _header_of(first, self._fields)
        names = [str(cell) for cell in self._header or ()] or self._described()
        self.warnings = () if names or not first.rows else (_NO_NAMES,)
        self._names: list[str] = []
        self._members: list[bytes] = []
        self._name(names)

    @property
    def has_header(self) -> bool:
        """Return whether the first page began with a header row."""
        return self._header is not None

    @property
    def columns(self) -> list[dict[str, Any]]:
        """Describe the columns for people: name, and what is known of the field behind it."""
        known = {
            non_negative_int(field.get("data_column")): field for field in self._fields
        }
        return [
            {"name": name, **_description(as_mapping(known.get(place)))}
            for place, name in enumerate(self._names)
        ]

    def parse_rows(self, page: Envelope) -> list[Row]:
        """Return a page's rows, without the header. Raises UnexpectedResponseError for a row that is none."""
        rows = page.rows
        if self._header is not None and rows and _row(rows[0]) == self._header:
            rows = rows[1:]
        return [self._row_of(bytes(row)) for row in rows]

    def _row_of(self, text: bytes) -> Row:
        if text.startswith(b"{"):
            # Assumption: rows may be objects, as one part of the published interface says; no answer seen has them.
            return _object(text)
        values, cells = _decoded(text)
        if len(values) > len(self._names):
            self._name([""] * (len(values) - len(self._names)))
        members = map(bytes.__add__, self._members, map(bytes, cells))
        return Row(
            dict(zip(self._names, values, strict=False)),
            b"{" + b",".join(members) + b"}",
        )

    def _name(self, names: list[str]) -> None:
        """Add columns; each gets a name of its own."""
        if len(self._names) + len(names) > _MAX_COLUMNS:
            raise UnexpectedResponseError(
                f"A row of Supermetrics' answer has more than {_MAX_COLUMNS:,} cells."
            )
        for wanted in names:
            plain = wanted.strip() or f"column_{len(self._names) + 1}"
            name, number = plain, 1
            while name in self._names:
                number += 1
                name = f"{plain}_{number}"
            self._names.append(name)
            self._members.append(msgspec.json.encode(name) + b":")

    def _described(self) -> list[str]:
        """Return the names by `data_column`, the place in the row; undescribed columns have none."""
        places = {
            place: str(field.get("field_name") or field.get("field_id") or "")
            for field in self._fields
            if (place := non_negative_int(field.get("data_column"))) is not None
            and place < _MAX_COLUMNS
        }
        return [places.get(place, "") for place in range(max(places, default=-1) + 1)]


_NO_NAMES = ProviderWarning(
    "column_names", "Supermetrics did not say what the columns are called."
)


def _fields_in(page: Envelope) -> list[dict[str, Any]]:
    fields = page.meta_object("query").get("fields")
    found = fields if isinstance(fields, list) else []
    return [field for field in found if isinstance(field, dict)]


def _header_of(page: Envelope, fields: list[dict[str, Any]]) -> list[Any] | None:
    """Return the header row of the first page, None if there is none.

    Assumption: `meta.query.settings` repeats `no_headers`. Where it does not, a first row is a header if it holds
    texts only and, where fields are described, one of their names.
    """
    if not page.rows:
        return None
    first = _row(page.rows[0])
    told = as_mapping(page.meta_object("query").get("settings")).get("no_headers")
    if first is None or told is True or not all(isinstance(c, str) for c in first):
        return None
    names = {
        field.get(key) for field in fields for key in ("field_name", "field_id", "id")
    }
    return first if told is False or not names or names & set(first) else None


def _description(field: Any) -> dict[str, Any]:
    named = {
        "field_id": field.get("field_id"),
        "field_name": field.get("field_name"),
        "type": field.get("field_type"),
        "data_type": field.get("data_type"),
    }
    return {name: value for name, value in named.items() if isinstance(value, str)}


def _row(raw: msgspec.Raw) -> list[Any] | None:
    try:
        value = _values.decode(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def _decoded(text: bytes) -> tuple[list[Any], list[msgspec.Raw]]:
    try:
        return _values.decode(text), _cells.decode(text)
    except (ValueError, RecursionError):
        text = _repaired(text)
    try:
        return _values.decode(text), _cells.decode(text)
    except (ValueError, RecursionError):
        raise _no_row() from None


def _object(text: bytes) -> Row:
    try:
        return Row(dict(_values.decode(text)), text)
    except (ValueError, RecursionError):
        text = _repaired(text)
    try:
        return Row(dict(_values.decode(text)), text)
    except (ValueError, RecursionError):
        raise _no_row() from None


def _repaired(text: bytes) -> bytes:
    try:
        return repair_json(text)
    except (ValueError, RecursionError):
        raise _no_row() from None


def _no_row() -> UnexpectedResponseError:
    return UnexpectedResponseError("A row of Supermetrics' answer is not a row.")
