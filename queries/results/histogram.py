"""Rows over time: how many fall into each step, stacked by severity or another column."""
# ruff: noqa: S608 - every statement is put together from names and numbers of our own

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

import pyarrow as pa

from queries.results import sql, typed
from queries.results.binding import Bindings, physical
from queries.results.columns import Column
from queries.results.comparing import test_of
from queries.results.conditions import Condition
from queries.results.errors import ResultError
from queries.results.sql import Selection
from queries.results.statistics import Ask, statistics
from queries.results.steps import edges, step_for

MOST_BUCKETS: Final = 100
MOST_SERIES: Final = 8
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
        """The values of a condition "between" that passes exactly the rows of these steps.

        Steps begin at whole seconds, and a time in a condition stands for all of its second.
        """
        low, high = self.edges[first], self.edges[last + 1] - timedelta(seconds=1)
        return low.strftime("%Y-%m-%dT%H:%M:%SZ"), high.strftime("%Y-%m-%dT%H:%M:%SZ")


def histogram(
    ask: Ask,
    column: Column,
    by: Column | None,
    selected: Selection,
    span: tuple[int, tzinfo],
) -> Histogram:
    """The rows selected by the times of `column`; `span` is how many steps, and the zone.

    Raises ResultError when the column holds no times, and what `ask` raises.
    """
    times = [name for letter, name in physical(column) if letter == "t"]
    if not times:
        raise ResultError(f"The column “{column.name}” holds no times.")
    buckets, zone = span
    low, high, without = _extremes(ask, column, times[0], selected)
    if low is None or high is None:
        return Histogram(without_time=without)
    step = step_for(low, high, min(max(buckets, 1), MOST_BUCKETS))
    marks = edges(low, high, step, zone)
    names, series = _series(ask, by, selected)
    bind = Bindings(selected.values)
    key = _series_key(by, names, bind)
    source = sql.source([column, *([by] if by else []), *selected.columns])
    width = math.gcd(*((mark - marks[0]) // _SECOND for mark in marks)) * 10**9
    first = (marks[0] - _EPOCH) // _SECOND * 10**9
    cells = ask(
        f"SELECT {key} AS series, (epoch_ns({times[0]}) - {first:d}) // {width:d} AS cell,"
        f" count(*) AS rows FROM {source}"
        f" WHERE {selected.where} AND {times[0]} IS NOT NULL GROUP BY ALL",
        bind.values,
    )
    found = _folded(cells, series, [(m - marks[0]) // _SECOND for m in marks], width)
    shown = {n: c for n, c in found.items() if n not in {OTHER, NO_VALUE} or any(c)}
    return Histogram(
        step, tuple(marks), tuple((n, tuple(c)) for n, c in shown.items()), without
    )


def _folded(
    cells: pa.Table, series: Sequence[str], starts: Sequence[int], width: int
) -> dict[str, list[int]]:
    """Counts per step, from counts per cell: steps of days differ in length, cells do not."""
    counts = [[0] * (len(starts) - 1) for _ in series]
    seconds = width // 10**9
    for cell in cells.to_pylist():
        step = bisect_right(starts, cell["cell"] * seconds) - 1
        counts[cell["series"]][step] += cell["rows"]
    return dict(zip(series, counts, strict=True))


def _extremes(
    ask: Ask, column: Column, name: str, selected: Selection
) -> tuple[datetime | None, datetime | None, int]:
    source = sql.source([column, *selected.columns])
    statement = (
        f"SELECT epoch_ns(min({name})) AS low, epoch_ns(max({name})) AS high,"
        f" count(*) - count({name}) AS without FROM {source} WHERE {selected.where}"
    )
    found = ask(statement, selected.values).to_pylist()[0]
    if found["low"] is None:
        return None, None, found["without"]
    return _time(found["low"]), _time(found["high"]), found["without"]


def _time(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)


def _series(
    ask: Ask, by: Column | None, selected: Selection
) -> tuple[list[str], list[str]]:
    """The values that get a series of their own, and all series in their order."""
    if by is None:
        return [], [ALL]
    found = statistics(ask, by, selected, MOST_SERIES).top
    names = [value for value, _ in found if value is not None]
    if by.kind == "severity":
        names.sort(key=lambda name: (typed.rank(name) or math.inf, name))
    return names, [*names, NO_VALUE, OTHER]


def _series_key(by: Column | None, names: Sequence[str], bind: Bindings) -> str:
    """The place of a row's series in the order of all; the first that fits."""
    if by is None:
        return "0"
    cases = [
        f"WHEN {test_of(Condition(by.name, 'is', (name,)), by, bind)} THEN {at}"
        for at, name in enumerate(names)
    ]
    empty = test_of(Condition(by.name, "empty"), by, bind)
    cases.append(f"WHEN {empty} THEN {len(names)}")
    return f"CASE {' '.join(cases)} ELSE {len(names) + 1} END"
