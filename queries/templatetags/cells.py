"""Format one value of a result as a grid cell: escaped, truncated, aligned by kind."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from html import escape
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from queries.cell_values import MAX_CELL_CHARACTERS, cell_text, severity_key
from queries.results import Column

CSS_CLASSES = {
    "c-num": {"number", "integer", "int", "float", "double", "decimal"},
    "c-time": {"time", "timestamp", "datetime", "date"},
    "c-bool": {"bool", "boolean"},
    "c-json": {"json", "object", "list", "struct", "array"},
}


@cache
def cell_class(kind: str) -> str:
    """Return the CSS class of a column kind; text has none."""
    return next((css for css, kinds in CSS_CLASSES.items() if kind in kinds), "")


def cell_html(
    value: Any, kind: str = "", column: str = "", filter_value: str | None = None
) -> SafeString:
    """Return a whole ``<td>``. A severity is coloured; a null differs from the text "null".

    ``filter_value`` is the value for filters, if that is not its text; a truncated cell is marked with
    ``data-cut``.
    """
    return SafeString(_cell(value, kind, column, filter_value))


def _cell(value: Any, kind: str, column: str, exact: str | None) -> str:
    if value is None:
        return _null(kind)
    # A page has thousands of cells: plain formatting of escaped texts is three times as fast as format_html.
    if exact is not None:
        return f'<td class="c-time" data-v="{escape(exact)}">{escape(str(value))}</td>'
    if kind == "severity" or _is_named_severity(column):
        return format_html("<td>{}</td>", severity_html(value))
    css = _class_of(kind, type(value).__name__)
    text = cell_text(value)
    cut = " data-cut" if len(text) > MAX_CELL_CHARACTERS else ""
    return f"<td{css}{cut}>{escape(text)}</td>"


def row_cells_html(row: Iterable[tuple[Column, Any, str | None]]) -> SafeString:
    """Return all cells of a row, each of (column, value, filter value)."""
    return SafeString(
        "".join([_cell(value, c.kind, c.name, exact) for c, value, exact in row])
    )


@cache
def _null(kind: str) -> str:
    also = " c-num" if cell_class(kind) == "c-num" else ""
    return f'<td class="c-null{also}">null</td>'


@lru_cache(maxsize=10_000)  # names come from users' rows
def _is_named_severity(column: str) -> bool:
    return column.rsplit(".", 1)[-1].lower() == "severity"


@cache
def _class_of(kind: str, type_name: str) -> str:
    """Return the class attribute of a cell, by the column's kind or else the value's type."""
    css = cell_class(kind) or cell_class(type_name)
    return f' class="{css}"' if css else ""


def severity_html(value: Any) -> SafeString | str:
    """Return the severity as a coloured word; other values as they are."""
    key = severity_key(value)
    if not key:
        return cell_text(value)
    return format_html(
        '<span class="severity" data-severity="{}">{}</span>', key, key.capitalize()
    )
