"""Choose the chart above the grid: rows over time, an aggregate's chart, or none.

The URL decides (``show=timeline|bar|line|table``), otherwise the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2s
from typing import NamedTuple

from django.urls import reverse
from django.utils.http import urlencode

from queries.charts.columns import numeric_columns, time_columns, x_axis_columns
from queries.models import Run
from queries.results import Column
from queries.views.explore.grid_links import GridUrl

MAX_ROWS_BY_DEFAULT = 2_000
"""Rows of an aggregate that are drawn unasked; an hour by severity of a week has about 1,000."""
MAX_ROWS_OF_WIDE_RESULT = 500
"""Rows of a wide result, no aggregate, for which a chart is offered all the same."""
MIN_ROWS = 2
MAX_AGGREGATE_COLUMNS = 6
"""Columns of what is taken for an aggregate unasked."""
_WORDS = {"timeline": "Timeline", "bar": "Bars", "line": "Lines", "table": "Table"}


class ChartOption(NamedTuple):
    """One chart to choose, and whether it is shown now."""

    label: str
    url: str
    is_current: bool


@dataclass(frozen=True)
class ChartChoice:
    """The chart above the grid: its URL, and the other options."""

    kind: str = "table"
    options: list[ChartOption] = field(default_factory=list)
    url: str = ""
    key: str = ""


def choose_chart(
    run: Run,
    grid_url: GridUrl,
    columns: Sequence[Column],
    chart_columns: Sequence[Column],
    rows: int,
) -> ChartChoice:
    """Return the chart for this URL. Its ``key`` changes when its content does.

    ``chart_columns`` are the columns of rows as charts take them (`builders.epoch_columns_as_times`).
    """
    offered = list(_offered(columns, chart_columns, rows))
    if not offered:
        return ChartChoice()
    asked = grid_url.param("show")
    by_itself = _by_itself(chart_columns, offered, rows)
    kind = asked if asked in {*offered, "table"} else by_itself
    choices = [
        ChartOption(_WORDS[name], grid_url.with_params(show=name), name == kind)
        for name in (*offered, "table")
    ]
    if kind == "table":
        return ChartChoice(kind, choices)
    view = "run_timeline" if kind == "timeline" else "run_chart"
    url = f"{reverse(view, args=[run.pk])}?{urlencode({'view': grid_url.query_string})}"
    key = blake2s(f"{url} {rows}".encode(), digest_size=8).hexdigest()
    return ChartChoice(kind, choices, url, key)


def _offered(
    known: Sequence[Column], drawn: Sequence[Column], rows: int
) -> Iterator[str]:
    if time_columns(known) and rows:
        yield "timeline"
    few = rows <= MAX_ROWS_OF_WIDE_RESULT or len(drawn) <= MAX_AGGREGATE_COLUMNS
    if rows >= MIN_ROWS and few and numeric_columns(drawn) and x_axis_columns(drawn):
        yield "bar"
        yield "line"


def _by_itself(drawn: Sequence[Column], offered: list[str], rows: int) -> str:
    """Choose a line over time or bars over names; for other rows the timeline, if any."""
    if (
        "bar" in offered
        and len(drawn) <= MAX_AGGREGATE_COLUMNS
        and rows <= MAX_ROWS_BY_DEFAULT
    ):
        return "line" if time_columns(drawn) else "bar"
    return "timeline" if "timeline" in offered else "table"
