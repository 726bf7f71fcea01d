"""Charts from stored rows: a histogram over time, and an aggregate's rows as lines or bars."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from queries.cell_values import cell_text, severity_key
from queries.charts.columns import category_columns, numeric_columns, x_axis_columns
from queries.charts.svg import SERIES_COLORS, Chart, Series
from queries.charts.ticks import time_ticks
from queries.results import Column, Condition, Histogram, Page, ResultError

MAX_CHART_ROWS = 10_000
"""Rows that a chart is made of."""
MAX_CHART_MARKS = 10_000
"""Points or pieces of columns in one chart: series times steps."""
MAX_BARS = 40
MAX_TIME_COLUMNS = 200
"""Moments whose columns can be told apart."""
MAX_GROUP_COLUMNS = 3
"""Columns of names that together name a series."""
_NO_SHARE = "plain"
_LOW, _HIGH = "{low}", "{high}"  # what the script puts the brush's ends in place of
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NANOSECONDS = range(10**18, 4 * 10**18)  # from 2001 to 2096


def histogram_chart(
    histogram: Histogram,
    column: Column,
    filter_url: Callable[[Condition], str],
    zone: tzinfo,
) -> Chart:
    """Draw columns over time. Each links to its rows; ``data`` lets a script link to any range.

    ``filter_url`` returns the URL of the rows that match a condition.
    """
    if not histogram.edges:
        return Chart("Rows over time", "columns", [], [])
    marks = [edge.astimezone(zone) for edge in histogram.edges]
    brief = marks[1] - marks[0] < _DAY
    spans = [histogram.between(at, at) for at in range(len(marks) - 1)]
    return Chart(
        title=f"Rows by {column.name}",
        kind="columns",
        labels=[_moment(mark, brief=brief) for mark in marks[:-1]],
        series=[
            Series(name, counts, _tone(name, at))
            for at, (name, counts) in enumerate(histogram.series)
        ],
        x_label=column.name,
        ticks=time_ticks(histogram.edges[0], histogram.edges[-1], zone),
        urls=[filter_url(_between(column, *span)) for span in spans],
        value_ranges=spans,
        data={"brush": filter_url(_between(column, _LOW, _HIGH))},
    )


def _between(column: Column, low: str, high: str) -> Condition:
    return Condition(column.name, "between", (low, high))


def _moment(mark: datetime, *, brief: bool) -> str:
    return (
        f"{mark:%Y-%m-%d %H:%M:%S}".removesuffix(":00") if brief else f"{mark:%Y-%m-%d}"
    )


def _tone(name: str, at: int) -> str:
    """Return the colour: of its severity, grey for the rest, otherwise the next series colour."""
    if name in {"other", "no value"}:
        return _NO_SHARE
    return severity_key(name) or str(at % SERIES_COLORS + 1)


def epoch_columns_as_times(page: Page) -> Page:
    """Return the page with integer columns of nanoseconds since 1970 as times, which grouping by time gives.

    Such a large number is hardly a count: 10**18 is in 2001.
    """
    columns, rows = list(page.columns), [list(cells) for _, cells in page.rows]
    for at, column in enumerate(page.columns):
        found = [row[at] for row in rows if row[at] is not None]
        if found and all(isinstance(v, int) and v in _NANOSECONDS for v in found):
            columns[at] = Column(column.name, "timestamp", "t")
            for row in rows:
                row[at] = None if row[at] is None else _moment_at(row[at])
    numbered = [(n, row) for (n, _), row in zip(page.rows, rows, strict=True)]
    return replace(page, columns=columns, rows=numbered)


def _moment_at(nanoseconds: Any) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)


@dataclass(frozen=True)
class Axes:
    """The columns of an aggregate's chart; ``group_by`` splits the single value into a series per name."""

    x: Column
    ys: tuple[Column, ...]
    group_by: tuple[Column, ...] = ()

    @property
    def is_time_axis(self) -> bool:
        """Whether the x axis is time."""
        return self.x.kind == "timestamp"


@dataclass(frozen=True)
class AggregateChart:
    """A chart with its axes, and how many points (rows or times) and series there are in all."""

    chart: Chart
    axes: Axes
    total_points: int
    total_series: int


def chart_axes(columns: Sequence[Column], x_name: str, y_name: str) -> Axes | None:
    """Return the axes of the named columns, else the likeliest; None if nothing can be drawn."""
    places, numbers = x_axis_columns(columns), numeric_columns(columns)
    x = _chosen(x_name, columns) or next(iter(places), None)
    numbers = [column for column in numbers if column != x]
    if x is None or not numbers:
        return None
    y = _chosen(y_name, numbers)
    names = [column for column in category_columns(columns) if column != x]
    parts = x.kind == "timestamp" and 0 < len(names) <= MAX_GROUP_COLUMNS
    ys = (y,) if y else tuple(numbers[:1] if parts else numbers[:SERIES_COLORS])
    return Axes(x, ys, tuple(names) if parts else ())


def _chosen(name: str, among: Sequence[Column]) -> Column | None:
    return next((column for column in among if column.name == name), None)


def aggregate_chart(page: Page, axes: Axes, kind: str, zone: tzinfo) -> AggregateChart:
    """Draw the rows of a page as lines or bars. Raises ResultError for more than a chart can hold."""
    if page.matched > len(page.rows) and (axes.is_time_axis or kind != "bar"):
        raise _too_many(f"{page.matched:,} rows", f"the {MAX_CHART_ROWS:,} that", axes)
    rows = _rows(page, axes)
    if axes.group_by and _is_repeated(rows, axes):
        axes = replace(axes, group_by=())  # not an aggregate: each row is one point
    values = [row[axes.x.name] for row in rows]
    if axes.group_by:
        values = list(dict.fromkeys(values))
    series, count = _series(rows, values, axes)
    labels = [_label(value, zone) for value in values]
    if not axes.is_time_axis and len(set(labels)) < len(labels):
        labels = _longer(rows, page.columns, axes, zone)
    drawn = Chart(
        title=f"{', '.join(y.name for y in axes.ys)} by {axes.x.name}",
        kind="bars" if kind == "bar" else "line",
        labels=labels,
        series=series,
        x_label=axes.x.name,
    )
    places = len(values) if axes.is_time_axis else page.matched
    return AggregateChart(_fitted(drawn, values, axes, zone), axes, places, count)


def _fitted(drawn: Chart, values: Sequence[object], axes: Axes, zone: tzinfo) -> Chart:
    """Choose upright columns for bars over time, horizontal bars otherwise, and check the size."""
    standing = (
        axes.is_time_axis and len(values) <= MAX_TIME_COLUMNS and _adds_up(drawn, axes)
    )
    if drawn.kind == "bars" and not standing:
        each = len(drawn.series) if axes.group_by else 1
        return _first(drawn, max(1, MAX_BARS // max(each, 1)))
    marks = len(drawn.series) * len(values)
    if marks > MAX_CHART_MARKS:
        raise _too_many(f"{marks:,} marks", f"the {MAX_CHART_MARKS:,} that", axes)
    if drawn.kind == "bars":
        return replace(drawn, kind="columns")
    moments = [value for value in values if isinstance(value, datetime)]
    return _over_time(drawn, moments, zone) if axes.is_time_axis and moments else drawn


def _too_many(these: str, most: str, axes: Axes) -> ResultError:
    steps = ", group by longer steps" if axes.is_time_axis else ""
    return ResultError(
        f"This would be {these}, more than {most} a chart can show. "
        f"Filter the rows{steps}, or look at the table."
    )


def _adds_up(drawn: Chart, axes: Axes) -> bool:
    """Return whether columns can be stacked: parts of one number, none negative."""
    numbers = (value or 0 for one in drawn.series for value in one.values)
    return len(axes.ys) == 1 and all(number >= 0 for number in numbers)


def _first(drawn: Chart, count: int) -> Chart:
    series = [replace(one, values=one.values[:count]) for one in drawn.series]
    return replace(drawn, labels=drawn.labels[:count], series=series)


def _rows(page: Page, axes: Axes) -> list[dict[str, object]]:
    """Return the rows by column name; times in order."""
    names, x = [column.name for column in page.columns], axes.x.name
    rows = [dict(zip(names, values, strict=True)) for _, values in page.rows]
    if not axes.is_time_axis:
        return rows
    timed = [(row[x], row) for row in rows]
    moments = [(at, row) for at, row in timed if isinstance(at, datetime)]
    return [row for _, row in sorted(moments, key=lambda pair: pair[0])]


def _over_time(drawn: Chart, moments: list[datetime], zone: tzinfo) -> Chart:
    first, last = moments[0], moments[-1]
    if first == last:
        return drawn
    return replace(
        drawn,
        ticks=time_ticks(first, last, zone),
        x_positions=[(moment - first) / (last - first) for moment in moments],
    )


def _series(
    rows: Sequence[dict[str, object]], places: Sequence[object], axes: Axes
) -> tuple[list[Series], int]:
    """Return one series per numeric column, or the largest ones per name, and how many there are."""
    if axes.group_by:
        return _parted(rows, places, axes)
    found = [
        Series(
            y.name, [_number(row[y.name]) for row in rows], str(at % SERIES_COLORS + 1)
        )
        for at, y in enumerate(axes.ys)
    ]
    return found, len(found)


def _name_of(row: dict[str, object], axes: Axes) -> str:
    return ", ".join(_text(row[column.name]) for column in axes.group_by)


def _is_repeated(rows: Sequence[dict[str, object]], axes: Axes) -> bool:
    """Return whether two rows have the same position in the same series."""
    places = {(_name_of(row, axes), row[axes.x.name]) for row in rows}
    return len(places) < len(rows)


def _parted(
    rows: Sequence[dict[str, object]], places: Sequence[object], axes: Axes
) -> tuple[list[Series], int]:
    y = axes.ys[0].name
    totals: dict[str, float] = {}
    numbers: dict[tuple[str, object], float] = {}
    for row in rows:
        name, value = _name_of(row, axes), _number(row[y])
        if value is not None:
            totals[name] = totals.get(name, 0) + abs(value)
            numbers[name, row[axes.x.name]] = value
    names = sorted(totals, key=lambda name: -totals[name])[:SERIES_COLORS]
    found = [
        Series(name, [numbers.get((name, place)) for place in places], _tone(name, at))
        for at, name in enumerate(names)
    ]
    return found, len(totals)


def _longer(
    rows: Sequence[dict[str, object]],
    columns: Sequence[Column],
    axes: Axes,
    zone: tzinfo,
) -> list[str]:
    """Return labels with the other names added, for rows that one name does not tell apart."""
    others = [column for column in category_columns(columns) if column != axes.x][
        :MAX_GROUP_COLUMNS
    ]
    return [
        ", ".join(_label(row[column.name], zone) for column in (axes.x, *others))
        for row in rows
    ]


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and value == value else None  # noqa: PLR0124 - NaN


def _label(value: object, zone: tzinfo) -> str:
    if isinstance(value, datetime):
        return _moment(value.astimezone(zone), brief=True)
    return _text(value)


def _text(value: object) -> str:
    return "no value" if value is None else cell_text(value)
