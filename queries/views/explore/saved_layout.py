"""Apply the layout of a saved query to a grid URL without columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from queries.models import Run


def saved_layout(run: Run) -> Mapping[str, Any]:
    """Return the layout of the run's saved query, or nothing."""
    return run.saved_query.layout if run.saved_query else {}


def with_saved_columns(run: Run, query: QueryDict) -> QueryDict:
    """Return the URL with the saved columns, unless it has its own or none are wanted (``layout=off``)."""
    columns = saved_layout(run).get("columns")
    if not columns or "col" in query or query.get("layout") == "off":
        return query
    query = query.copy()
    query.setlist("col", columns)
    return query


def saved_widths(run: Run) -> Mapping[str, int]:
    """Return column name -> pixels."""
    widths: Mapping[str, int] = saved_layout(run).get("widths") or {}
    return widths
