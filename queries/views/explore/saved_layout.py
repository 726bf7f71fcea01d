"""The layout that a saved query remembers, put into the address of a grid that asks for no columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from queries.models import Run


def saved_layout(run: Run) -> Mapping[str, Any]:
    """What the run's saved query remembers, or nothing."""
    return run.saved_query.layout if run.saved_query else {}


def with_saved_columns(run: Run, query: QueryDict) -> QueryDict:
    """The address with the remembered columns, unless it has its own or wants none (``layout=off``)."""
    columns = saved_layout(run).get("columns")
    if not columns or "col" in query or query.get("layout") == "off":
        return query
    query = query.copy()
    query.setlist("col", columns)
    return query


def saved_widths(run: Run) -> Mapping[str, int]:
    """Column name -> pixels."""
    widths: Mapping[str, int] = saved_layout(run).get("widths") or {}
    return widths
