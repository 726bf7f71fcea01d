"""SQL over a result's files, made of column names of our own and bound values.

A column of the result is one or several physical columns, one per type (`columns.TYPES`); these
functions combine them into one cell to show, compare and search.
"""
# ruff: noqa: S608 - every statement is put together from names and numbers of our own

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from queries.results.binding import Bindings, physical_columns, severity_rank
from queries.results.columns import ORIGINAL, ROW_NUMBER, TEMPLATE, Column
from queries.results.conditions import Condition
from queries.results.filter_sql import condition_sql, contains_sql
from queries.results.footers import stored_columns

_LETTERS: Final = {
    "i": "BIGINT",
    "w": "BIGINT",
    "g": "VARCHAR",
    "f": "DOUBLE",
    "b": "BOOLEAN",
    "t": "TIMESTAMPTZ_NS",
    "j": "VARCHAR",
    "s": "VARCHAR",
}
_KINDS: Final = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ_NS",
}
# DuckDB 2.0.0 spoils what follows %n, so nothing may follow it.
ISO_TIME: Final = "%Y-%m-%dT%H:%M:%S.%n"
EVERY: Final = "true"
# The table of row numbers that a query can be restricted to (see `among`).
CHOSEN: Final = "chosen"


@dataclass(frozen=True)
class Sort:
    """Sort by one column; rows without a value come last in both directions.

    Numbers are compared as numbers, also in columns where some cells are text; then come
    booleans, times, and texts by code point. Severities are compared by rank.
    """

    column: str
    descending: bool = False


@dataclass(frozen=True)
class Selection:
    """Rows and their order: WHERE and ORDER BY, their bound values and the columns they use.

    `files` are those that hold the rows, so that their footers can be read; empty: not known.
    """

    where: str = EVERY
    order_by: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    columns: Sequence[Column] = ()
    files: Sequence[Path] = ()

    @property
    def is_all(self) -> bool:
        """Whether no row is excluded."""
        return self.where == EVERY


def selection(
    orders: Sequence[tuple[Column, bool]],
    searched: Sequence[Column],
    text: str,
    conditions: Sequence[tuple[Condition, Column]] = (),
) -> Selection:
    """Return the rows that pass all conditions and contain `text` in one of the searched columns.

    `orders` are columns, and whether descending. Raises ConditionError.
    """
    bind = Bindings()
    tests = [condition_sql(condition, column, bind) for condition, column in conditions]
    if text:
        tests.append(f"({contains_sql(searched, text, bind)})")
    used = [
        *(column for column, _ in orders),
        *(column for _, column in conditions),
        *(searched if text else ()),
    ]
    return Selection(" AND ".join(tests) or EVERY, _ordering(orders), bind.values, used)


def among(selected: Selection) -> Selection:
    """Return the same files restricted to the rows in the table CHOSEN."""
    where = f"{ROW_NUMBER} IN (SELECT {ROW_NUMBER} FROM {CHOSEN})"
    return Selection(where, selected.order_by, {}, selected.columns, selected.files)


def numbers(selected: Selection) -> str:
    """Return the numbers of all selected rows, in order."""
    order_by = selected.order_by or ROW_NUMBER
    return (
        f"SELECT {ROW_NUMBER} FROM {source(selected.columns, selected.files)}"
        f" WHERE {selected.where} ORDER BY {order_by}"
    )


def rows(columns: Collection[Column], longest: int, files: Sequence[Path] = ()) -> str:
    """Return the rows numbered in `$numbers`, unordered, texts truncated to `longest` characters.

    `files` are those that hold them.
    """
    cells = [
        f"left({name}, {longest:d}) AS {name}" if letter in "sj" else name
        for column in columns
        for letter, name in physical_columns(column)
    ]
    return (
        f"SELECT {', '.join([ROW_NUMBER, *cells])} FROM {source(columns, files)}"
        f" WHERE {ROW_NUMBER} IN (SELECT unnest($numbers))"
    )


def export(cells: Sequence[str], columns: Iterable[Column], selected: Selection) -> str:
    """Return row number and these expressions, for all selected rows, in the order of the result.

    There is no ORDER BY: DuckDB keeps the order of the files and of their rows (its setting
    `preserve_insertion_order`) and can deliver the first rows at once.
    """
    aliased = [f"{cell} AS f{at}" for at, cell in enumerate(cells)]
    return (
        f"SELECT {', '.join([ROW_NUMBER, *aliased])}"
        f" FROM {source(columns)} WHERE {selected.where}"
    )


def merged(column: Column) -> str:
    """Return one cell per row, in the single type that holds them all (`Column.arrow_type`)."""
    kind = _KINDS.get(column.kind, "VARCHAR")
    cells = [
        f"strftime({name}, '{ISO_TIME}') || 'Z'"
        if letter == "t" and kind == "VARCHAR"
        else f"{name}::{kind}"
        for letter, name in physical_columns(column)
    ]
    return f"coalesce({', '.join(cells)})" if cells else f"NULL::{kind}"


def source(columns: Iterable[Column], files: Sequence[Path] = ()) -> str:
    """Return the rows of the files bound as `$files`, with all physical columns of these columns.

    A file has only the columns it has cells for. If `files` are given, their footers say which; else
    the first half of a union names the others, for two milliseconds more. DuckDB reads only what the
    statement around it uses.
    """
    kinds = {
        name: _LETTERS[letter] for c in columns for letter, name in physical_columns(c)
    }
    files_read = "FROM read_parquet($files, union_by_name = true)"
    if files:
        there = stored_columns(files)
        cells = [
            name if name.strip('"') in there else f"NULL::{kind} AS {name}"
            for name, kind in kinds.items()
        ]
        return f"(SELECT {', '.join([ROW_NUMBER, *cells])} {files_read})"
    absent = {ROW_NUMBER: "BIGINT", ORIGINAL: "BLOB", TEMPLATE: "BIGINT", **kinds}
    nothing = ", ".join(f"NULL::{kind} AS {name}" for name, kind in absent.items())
    return f"(SELECT {nothing} WHERE false UNION ALL BY NAME SELECT * {files_read})"


def _ordering(orders: Sequence[tuple[Column, bool]]) -> str:
    """Return the terms of ORDER BY; rows that compare equal keep their order of arrival."""
    terms = [
        f"{key} {'DESC' if descending else 'ASC'} NULLS LAST"
        for column, descending in orders
        for key in _sort_keys(column)
    ]
    return ", ".join([*terms, ROW_NUMBER]) if terms else ""


def _sort_keys(column: Column) -> Iterator[str]:
    names = dict(physical_columns(column))
    yield from _number_keys({k: name for k, name in names.items() if k in "iwgf"})
    yield from (names[letter] for letter in "bt" if letter in names)
    if column.kind == "severity":
        yield severity_rank(names["s"])
    texts = [names[letter] for letter in "sj" if letter in names]
    if texts:
        yield f"coalesce({', '.join(texts)})"


# Beyond doubles there is infinity, and digits that not even Python reads (see `cells`) are there.
_DOUBLES: Final = {
    "i": "{}::DOUBLE",
    "w": "{}::DOUBLE",
    "f": "{}",
    "g": "coalesce(TRY_CAST({0} AS DOUBLE),"
    " CASE starts_with({0}, '-') WHEN true THEN '-inf' WHEN false THEN 'inf' END::DOUBLE)",
}


def _number_keys(names: Mapping[str, str]) -> Iterator[str]:
    """Return numbers as doubles, then as integers where one double stands for several of them."""
    if not set(names) & set("fg"):
        if names:
            yield f"coalesce({', '.join(names.values())})"
        return
    doubles = [_DOUBLES[letter].format(name) for letter, name in names.items()]
    yield f"coalesce({', '.join(doubles)})"
    if set(names) & set("wg"):
        kind = "BIGNUM" if "g" in names else "HUGEINT"
        exact = [f"TRY_CAST({name} AS {kind})" for name in names.values()]
        yield f"coalesce({', '.join(exact)})"
