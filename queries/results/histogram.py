"""Rows over time: how many fall into each step, stacked by severity or another column."""
# ruff: noqa: S608 - every statement is put together from names and numbers of our own

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

from queries.results import parse_value, sql
from queries.results.binding import Bindings, physical_columns
from queries.results.columns import Column
from queries.results.conditions import Condition
from queries.results.errors import ResultError
from queries.results.filter_sql import condition_sql
from queries.results.footers import has_few, time_bounds
from queries.results.groups import group_key, group_text
from queries.results.sql import Selection
from queries.results.statistics import MAX_VALUE_CHARACTERS, Ask, statistics
from queries.results.steps import bucket_edges, bucket_step

MAX_BUCKETS: Final = 100
MAX_SERIES: Final = 8
OTHER: Final = "other"
NO_VALUE: Final = "no value"
ALL: Final = "rows"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True)
class Histogram:
    """Counts per step from `start` to `end` (UTC), gaps included.

    `edges` are where the steps begin and, last, where the last one ends; `step` is their usual
    width: "15s", "5m", "1d", "1w", "1mo", "1y". `series` are (name, a count per step): severities
    by weight, else the most frequent values of the column stacked by; then NO_VALUE and OTHER if
    such rows exist. Without a column to stack by there is one series, ALL. `without_time` rows
    have no time in this column and are in no step. No edges at all: no row has a time.
    """

    step: str = ""
    edges: tuple[datetime, ...] = ()
    series: tuple[tuple[str, tuple[int, ...]], ...] = ()
    without_time: int = 0

    @property
    def start(self) -> datetime | None:
        """Where the first step begins."""
        return self.edges[0] if self.edges else None

    @property
    def end(self) -> datetime | None:
        """Where the last step ends."""
        return self.edges[-1] if self.edges else None

    def between(self, first: int, last: int) -> tuple[str, str]:
        """Return the values of a "between" condition for exactly the rows of these steps.

        Steps begin at whole seconds, and a time in a condition stands for all of its second.
        """
        low, high = self.edges[first], self.edges[last + 1] - timedelta(seconds=1)
        return low.strftime("%Y-%m-%dT%H:%M:%SZ"), high.strftime("%Y-%m-%dT%H:%M:%SZ")


def histogram(
    ask: Ask,
    selected: Selection,
    column: Column,
    by: Column | None,
    span: tuple[int, tzinfo],
) -> Histogram:
    """Count the selected rows by the times of `column`; `span` is the number of steps, and the zone.

    Raises ResultError when the column holds no times, and what `ask` raises.
    """
    times = [name for letter, name in physical_columns(column) if letter == "t"]
    if not times:
        raise ResultError(f"The column “{column.name}” holds no times.")
    buckets, zone = span
    low, high, without = _extremes(ask, column, times[0], selected)
    if low is None or high is None:
        return Histogram(without_time=without)
    step = bucket_step(low, high, min(max(buckets, 1), MAX_BUCKETS))
    marks = bucket_edges(low, high, step, zone)
    starts = [(mark - marks[0]) // _SECOND for mark in marks]
    seconds = math.gcd(*starts)
    cell = (
        f"(epoch_ns({times[0]}) - {(marks[0] - _EPOCH) // _SECOND * 10**9:d})"
        f" // {seconds * 10**9:d}"
    )
    counted = _counted(ask, selected, [column, *([by] if by else [])], cell)
    without = sum(rows for _, place, rows in counted.cells if place is None)
    found = _folded(counted, starts, seconds)
    shown = {n: c for n, c in found.items() if n not in {OTHER, NO_VALUE} or any(c)}
    return Histogram(
        step, tuple(marks), tuple((n, tuple(c)) for n, c in shown.items()), without
    )


@dataclass(frozen=True)
class _Counted:
    """Rows by series and cell of time: `cells` are (position in `series`, cell, rows)."""

    series: list[str]
    cells: list[tuple[int, int | None, int]]


def _counted(
    ask: Ask, selected: Selection, columns: Sequence[Column], cell: str
) -> _Counted:
    """Count the rows by the second column, if any, and by cell: one pass where its values are few."""
    by = columns[1] if len(columns) > 1 else None
    bind = Bindings(selected.values)
    if by is None:
        key, series = "0", [ALL]
    elif _has_few(by, selected):
        key, series = group_key(by), []
    else:
        names = _named(by, statistics(ask, selected, by, MAX_SERIES).top)
        key, series = _series_key(by, names, bind), [*names, NO_VALUE, OTHER]
    source = sql.source([*columns, *selected.columns], selected.files)
    found = ask(
        f"SELECT {key} AS series, {cell} AS cell, count(*) AS rows FROM {source}"
        f" WHERE {selected.where} GROUP BY ALL",
        bind.values,
    )
    cells = [
        *zip(*(found[name].to_pylist() for name in found.column_names), strict=True)
    ]
    return _by_frequency(by, cells) if by and not series else _Counted(series, cells)


def _has_few(by: Column, selected: Selection) -> bool:
    """Return whether the rows can be counted by all values of the column at once.

    Not where a text stands for values of several types, or a number for several others.
    """
    names = [
        name.strip('"') for letter, name in physical_columns(by) if letter in "sbiw"
    ]
    return len(by.types) == len(names) == 1 and has_few(selected.files, names[0])


def _by_frequency(by: Column, cells: Sequence[tuple[Any, int | None, int]]) -> _Counted:
    """Merge cells by value into those of the series."""
    totals: Counter[Any] = Counter()
    for key, _, rows in cells:
        totals[key] += rows
    del totals[None]
    keys = sorted(totals, key=lambda key: (-totals[key], key))
    top = [
        (group_text(key, by), key)
        for key in keys
        if len(str(key)) <= MAX_VALUE_CHARACTERS
    ]
    names = _named(by, top[:MAX_SERIES])
    series = [*names, NO_VALUE, OTHER]
    places = {key: names.index(text) for text, key in top[:MAX_SERIES]} | {
        None: len(names)
    }
    return _Counted(
        series,
        [(places.get(key, len(names) + 1), cell, rows) for key, cell, rows in cells],
    )


def _folded(
    counted: _Counted, starts: Sequence[int], seconds: int
) -> dict[str, list[int]]:
    """Return counts per step from counts per cell: steps of days differ in length, cells do not."""
    counts = [[0] * (len(starts) - 1) for _ in counted.series]
    for place, cell, rows in counted.cells:
        if cell is not None:
            counts[place][bisect_right(starts, cell * seconds) - 1] += rows
    return dict(zip(counted.series, counts, strict=True))


def _extremes(
    ask: Ask, column: Column, name: str, selected: Selection
) -> tuple[datetime | None, datetime | None, int]:
    """Return the first and the last time, or if there are none, how many rows."""
    if selected.is_all and (known := time_bounds(selected.files, name.strip('"'))):
        return _time(min(known)), _time(max(known)), 0
    source = sql.source([column, *selected.columns], selected.files)
    statement = (
        f"SELECT epoch_ns(min({name})) AS low, epoch_ns(max({name})) AS high,"
        f" count(*) AS rows FROM {source} WHERE {selected.where}"
    )
    found = ask(statement, selected.values).to_pylist()[0]
    if found["low"] is None:
        return None, None, found["rows"]
    return _time(found["low"]), _time(found["high"]), 0


def _time(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)


def _named(by: Column, top: Sequence[tuple[str | None, Any]]) -> list[str]:
    """Return the values that get a series of their own, in order."""
    names = [value for value, _ in top if value is not None]
    if by.kind == "severity":
        names.sort(key=lambda name: (parse_value.rank(name) or math.inf, name))
    return names


def _series_key(by: Column, names: Sequence[str], bind: Bindings) -> str:
    """Return the index of a row's series; the first that matches."""
    cases = [
        f"WHEN {condition_sql(Condition(by.name, 'is', (name,)), by, bind)} THEN {at}"
        for at, name in enumerate(names)
    ]
    empty = condition_sql(Condition(by.name, "empty"), by, bind)
    cases.append(f"WHEN {empty} THEN {len(names)}")
    return f"CASE {' '.join(cases)} ELSE {len(names) + 1} END"
