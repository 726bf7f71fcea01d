"""Statistics of one column: types, counts, distinct values, extremes, top values."""
# ruff: noqa: S608 - every statement is put together from names and numbers of our own

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from queries.results import sql
from queries.results.binding import Bindings, physical_columns
from queries.results.columns import Column, physical_name
from queries.results.conditions import Condition
from queries.results.filter_sql import condition_sql, present_sql
from queries.results.footers import presence_counts
from queries.results.groups import group_key, group_text
from queries.results.sql import Selection

MAX_GROUPS: Final = 50_000
MAX_VALUE_CHARACTERS: Final = (
    1_000  # characters; a longer text is nothing to choose from a list
)
_SPARE: Final = (
    4  # candidates more than asked for: counting them may change their order
)
_NUMBERS: Final = "iwgf"
_SHORT_KINDS: Final = {"integer", "number", "boolean", "timestamp"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Ask = Callable[[str, Mapping[str, Any]], pa.Table]
Value = int | float | datetime | None
Counted = list[tuple[str, int]]


@dataclass(frozen=True)
class ColumnStatistics:
    """One column of the selected rows.

    `rows` are selected, `present` of them have a value. `distinct` is the number of distinct values,
    approximate unless `distinct_is_exact`. `types` are the letters of `columns.TYPES`. `low`, `high` and
    `mean` are of the numbers, else of the times (UTC), else None. `top` are the most frequent values as
    texts with their rows, the most frequent first, and last None with the rows without a value, if any: an
    "is" condition of that text passes exactly that many rows. Values over MAX_VALUE_CHARACTERS are not listed.
    """

    column: Column
    rows: int = 0
    present: int = 0
    distinct: int = 0
    distinct_is_exact: bool = True
    low: Value = None
    high: Value = None
    mean: Value = None
    top: tuple[tuple[str | None, int], ...] = ()

    @property
    def types(self) -> str:
        """Letters of the types met in this column."""
        return self.column.types


def statistics(
    ask: Ask, selected: Selection, column: Column, top: int
) -> ColumnStatistics:
    """Return the statistics of the selected rows. Raises what `ask` raises."""
    facts = _facts(ask, column, selected)
    found = _Top(ask, column, selected)
    few = facts["about"] <= MAX_GROUPS
    values, distinct = found.grouped(top) if few else found.estimated(top)
    absent = facts["rows"] - facts["present"]
    return ColumnStatistics(
        column,
        facts["rows"],
        facts["present"],
        facts["about"] if distinct is None else distinct,
        distinct is not None or not facts["present"],
        *_measures(column, facts),
        (*values, *([(None, absent)] if absent else [])),
    )


def presences(
    ask: Ask, selected: Selection, columns: Sequence[Column]
) -> dict[str, int]:
    """Return how many of the selected rows have a value, by column name; one pass for all columns.

    Without a filter no pass is needed: the files' footers say it.
    """
    if not columns:  # rows without a single key
        return {}
    if selected.is_all and (told := presence_counts(selected.files)) is not None:
        return {
            column.name: sum(
                told.get(physical_name(column.name, k), 0) for k in column.types
            )
            for column in columns
        }
    counts = [f"{_count(column)} AS c{at}" for at, column in enumerate(columns)]
    statement = f"SELECT {', '.join(counts)} FROM {_rows(selected, columns)}"
    found = ask(statement, selected.values).to_pylist()[0]
    return {column.name: found[f"c{at}"] for at, column in enumerate(columns)}


def _rows(selected: Selection, columns: Sequence[Column]) -> str:
    source = sql.source([*columns, *selected.columns], selected.files)
    return f"{source} WHERE {selected.where}"


def _count(column: Column) -> str:
    names = [name for _, name in physical_columns(column)]
    if len(names) == 1:
        return f"count({names[0]})"
    return f"count(*) FILTER ({present_sql(column)})"


def _facts(ask: Ask, column: Column, selected: Selection) -> dict[str, Any]:
    names = dict(physical_columns(column))
    cells = [
        "count(*) AS rows",
        f"{_count(column)} AS present",
        f"approx_count_distinct({group_key(column)}) AS about",
        *(
            term
            for letter, name in names.items()
            for term in _EXTREMES.get(letter, _no_extremes)(letter, name)
        ),
    ]
    if terms := [_DOUBLE[k].format(n) for k, n in names.items() if k in _NUMBERS]:
        number = f"coalesce({', '.join(terms)})"
        cells.append(f"avg({number}) FILTER (isfinite({number})) AS mean")
    elif "t" in names:
        cells.append(f"avg(epoch_ns({names['t']})) AS mean")
    statement = f"SELECT {', '.join(cells)} FROM {_rows(selected, [column])}"
    found: dict[str, Any] = ask(statement, selected.values).to_pylist()[0]
    return found


_DOUBLE: Final = {
    "i": "{}::DOUBLE",
    "w": "{}::DOUBLE",
    "g": "TRY_CAST({} AS DOUBLE)",
    "f": "{}",
}


def _plain_extremes(letter: str, name: str) -> list[str]:
    return [f"min({name}) AS low_{letter}", f"max({name}) AS high_{letter}"]


def _finite_extremes(letter: str, name: str) -> list[str]:
    return [
        f"min({name}) FILTER (NOT isnan({name})) AS low_{letter}",
        f"max({name}) FILTER (NOT isnan({name})) AS high_{letter}",
    ]


def _giant_extremes(letter: str, name: str) -> list[str]:
    """Return extremes of digits: by sign, then by length, then as text."""
    size = f"if(starts_with({name}, '-'), -1, 1) * length({name})"
    order = f"({size}, if(starts_with({name}, '-'), translate({name}, '0123456789', '9876543210'), {name}))"
    return [
        f"arg_min({name}, {order}) AS low_{letter}",
        f"arg_max({name}, {order}) AS high_{letter}",
    ]


def _time_extremes(letter: str, name: str) -> list[str]:
    return [
        f"epoch_ns(min({name})) AS low_{letter}",
        f"epoch_ns(max({name})) AS high_{letter}",
    ]


def _no_extremes(_letter: str, _name: str) -> list[str]:
    return []


_EXTREMES: Final = {
    "i": _plain_extremes,
    "w": _plain_extremes,
    "f": _finite_extremes,
    "g": _giant_extremes,
    "t": _time_extremes,
}


def _measures(column: Column, facts: Mapping[str, Any]) -> tuple[Value, Value, Value]:
    """Return low, high and mean of the numbers; where there are none, of the times."""
    letters = [letter for letter in _NUMBERS if letter in column.types]
    if letters:
        lows, highs = (
            [_number(v) for k in letters if (v := facts[f"{end}_{k}"]) is not None]
            for end in ("low", "high")
        )
        mean = facts["mean"]
        return min(lows, default=None), max(highs, default=None), mean
    if "t" in column.types:
        low, high, mean = (_time(facts[k]) for k in ("low_t", "high_t", "mean"))
        return low, high, mean
    return None, None, None


def _number(value: Any) -> int | float:
    """Convert digits, beyond 4,300 of them hexadecimal (see `cells`)."""
    if not isinstance(value, str):
        return value  # type: ignore[no-any-return]
    return int(value, 16 if "0x" in value else 10)


def _time(nanoseconds: float | None) -> datetime | None:
    if nanoseconds is None or not math.isfinite(nanoseconds):
        return None
    return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)


class _Top:
    """Finds the most frequent values."""

    def __init__(self, ask: Ask, column: Column, selected: Selection) -> None:
        self._ask = ask
        self._column = column
        self._selected = selected

    def grouped(self, top: int) -> tuple[Counted, int | None]:
        """Return the values with their rows, and the number of distinct ones.

        None when no value is short enough to be listed.
        """
        key = group_key(self._column)
        groups = (
            f"SELECT {key} AS key, count(*) AS rows, count(*) OVER () AS groups"
            f" FROM {_rows(self._selected, [self._column])} AND {key} IS NOT NULL GROUP BY key"
        )
        statement = (
            f"SELECT * FROM ({groups}) WHERE {self._short('key')}"
            " ORDER BY rows DESC, key LIMIT $top"
        )
        found = self._ask(
            statement, {**self._selected.values, "top": top + _SPARE}
        ).to_pylist()
        distinct = found[0]["groups"] if found else None
        rows = {group_text(f["key"], self._column): f["rows"] for f in found}
        if len(self._column.types) > 1:  # a text may match cells of several types
            return self._counted(list(rows), top), distinct
        return [*rows.items()][:top], distinct

    def estimated(self, top: int) -> tuple[Counted, None]:
        """Return values that are likely the most frequent, with their exact rows."""
        key = group_key(self._column)
        statement = (
            f"SELECT approx_top_k({key}, {top + _SPARE:d}) AS keys"
            f" FROM {_rows(self._selected, [self._column])}"
            f" AND {self._short(key)}"
        )
        found = self._ask(statement, self._selected.values).to_pylist()[0]["keys"] or []
        texts = [group_text(key, self._column) for key in found]
        return self._counted(texts, top), None

    def _short(self, key: str) -> str:
        """Return the test whether the value can be listed; only texts can be long."""
        texts = self._column.kind not in _SHORT_KINDS
        return f"length({key}) <= {MAX_VALUE_CHARACTERS:d}" if texts else "true"

    def _counted(self, texts: Sequence[str], top: int) -> Counted:
        """Return each text with the rows that an "is" condition finds for it."""
        if not texts:
            return []
        bind = Bindings(self._selected.values)
        counts = []
        for at, text in enumerate(texts):
            condition = Condition(self._column.name, "is", (text,))
            test = condition_sql(condition, self._column, bind)
            counts.append(f"count(*) FILTER {test} AS c{at}")
        statement = (
            f"SELECT {', '.join(counts)} FROM {_rows(self._selected, [self._column])}"
        )
        rows = self._ask(statement, bind.values).to_pylist()[0].values()
        found = sorted(zip(texts, rows, strict=True), key=lambda pair: -pair[1])
        return list(found[:top])
