"""Help for writing a refine: the columns' names in each language, and example queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataprime.sql import identifier
from queries.results import Column
from queries.results.keypaths import keypath
from queries.results.refine.tables import nested_path, sql_names
from queries.runs.engine.refine import DATAPRIME, SQL

MAX_LISTED_COLUMNS = 300
_LISTED = {"text", "severity", "boolean"}  # kinds whose values are worth counting


@dataclass(frozen=True)
class QueryColumn:
    """A column with its name in each language."""

    column: Column
    dataprime: str
    sql: str


@dataclass(frozen=True)
class ExampleQuery:
    """An example query for the columns."""

    title: str
    language: str
    statement: str


def query_columns(
    columns: Sequence[Column], documents: Mapping[str, tuple[str, str]]
) -> list[QueryColumn]:
    """Return the columns with their names in both languages."""
    return [
        QueryColumn(column, _dataprime(column.name, documents), identifier(name))
        for name, column in sql_names(columns).items()
    ]


def example_queries(columns: Sequence[QueryColumn]) -> list[ExampleQuery]:
    """Return examples: count by value, over time, statistics of a number, as far as such columns exist."""
    by_kind: dict[str, QueryColumn] = {}
    for one in columns:
        by_kind.setdefault(one.column.kind, one)
    group = by_kind.get("severity") or next(
        (one for one in columns if one.column.kind in _LISTED), None
    )
    time = by_kind.get("timestamp")
    number = by_kind.get("integer") or by_kind.get("number")
    return [
        *(_counts(group) if group else []),
        *(_over_time(time) if time else []),
        *(_figures(number) if number else []),
        ExampleQuery("Every column at a glance", SQL, "SUMMARIZE rows"),
    ]


def _counts(by: QueryColumn) -> list[ExampleQuery]:
    return _in_both(
        f"Count by {by.column.name}",
        f"source logs\n| groupby {by.dataprime} aggregate count() as count\n"
        "| orderby count desc\n| limit 20",
        f"SELECT {by.sql}, count(*) AS count\nFROM rows\n"
        "GROUP BY ALL\nORDER BY count DESC\nLIMIT 20",
    )


def _over_time(by: QueryColumn) -> list[ExampleQuery]:
    return _in_both(
        f"Rows per minute of {by.column.name}",
        f"source logs\n| groupby {by.dataprime} / 1m as minute aggregate count() as count",
        f"SELECT date_trunc('minute', {by.sql}) AS minute, count(*) AS count\n"
        "FROM rows\nGROUP BY ALL\nORDER BY minute",
    )


def _figures(of: QueryColumn) -> list[ExampleQuery]:
    return _in_both(
        f"Lowest, mean and highest {of.column.name}",
        f"source logs\n| aggregate min({of.dataprime}) as low, avg({of.dataprime}) as mean, "
        f"max({of.dataprime}) as high",
        f"SELECT min({of.sql}) AS low, avg({of.sql}) AS mean, max({of.sql}) AS high\nFROM rows",
    )


def _in_both(title: str, dataprime: str, sql: str) -> list[ExampleQuery]:
    return [ExampleQuery(title, DATAPRIME, dataprime), ExampleQuery(title, SQL, sql)]


def _dataprime(name: str, documents: Mapping[str, tuple[str, str]]) -> str:
    if len(documents) > 1:
        return name
    path = nested_path(name)
    return f"$d.{name}" if path and len(path) > 1 else keypath("$d", name)
