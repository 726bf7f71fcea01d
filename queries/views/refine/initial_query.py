"""The initial query of a refine: a statement for the rows that the grid shows.

Text to read and change; nothing is run here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from queries import filter_clauses
from queries.results import Condition
from queries.results.engine import quote_path
from queries.runs.engine.refine import DATAPRIME
from queries.stored_results import GridState
from queries.views.refine.examples import QueryColumn


@dataclass
class InitialQuery:
    """A statement, and the grid's filters that it leaves out, as text."""

    statement: str
    unsupported_filters: list[str] = field(default_factory=list)


def initial_query(
    language: str, columns: Sequence[QueryColumn], view: GridState
) -> InitialQuery:
    """Return a statement for the rows of the view, with its conditions as far as the language can express them."""
    by_name = {one.column.name: one for one in columns}
    asked = [
        (by_name[condition.column], condition)
        for condition in _conditions(view, by_name)
        if condition.column in by_name
    ]
    say = _in_dataprime if language == DATAPRIME else _in_sql
    begun = say(asked)
    if view.q and view.column not in by_name:
        begun.unsupported_filters.append(f"the search for “{view.q}”")
    return begun


def _conditions(view: GridState, known: dict[str, QueryColumn]) -> Iterator[Condition]:
    yield from view.conditions
    if view.q and view.column in known:
        yield Condition(view.column, "contains", (view.q,))


def _in_dataprime(asked: Sequence[tuple[QueryColumn, Condition]]) -> InitialQuery:
    # The language's own name stands for the column's: `clauses` writes it as it is.
    spelled = [
        (
            replace(one.column, name=one.dataprime),
            replace(condition, column=one.dataprime),
        )
        for one, condition in asked
    ]
    left_out = [
        f"the filter on {one.column.name}"
        for (one, _), (column, condition) in zip(asked, spelled, strict=True)
        if not filter_clauses.can_express(DATAPRIME, column, condition)
    ]
    return InitialQuery(
        filter_clauses.add_filters(DATAPRIME, "source logs", spelled), left_out
    )


def _in_sql(asked: Sequence[tuple[QueryColumn, Condition]]) -> InitialQuery:
    begun = InitialQuery("SELECT *\nFROM rows")
    joint = "\nWHERE "
    for one, condition in asked:
        if test := _SQL[condition.operation](one, condition.values):
            begun.statement += f"{joint}{test}"
            joint = "\n  AND "
        else:
            begun.unsupported_filters.append(f"the filter on {one.column.name}")
    return begun


def _is(one: QueryColumn, values: Sequence[str]) -> str:
    if one.column.kind == "timestamp":
        return _time(one, "is", values)
    literals = [_literal(one, value) for value in values]
    return f"{one.sql} IN ({', '.join(literals)})" if all(literals) else ""


def _not(one: QueryColumn, values: Sequence[str]) -> str:
    # Rows without a value pass, as they do in the grid.
    test = _is(one, values)
    return f"({test}) IS NOT TRUE" if test else ""


def _between(one: QueryColumn, values: Sequence[str]) -> str:
    if one.column.kind == "timestamp":
        return _time(one, "between", values)
    if one.column.kind == "severity":
        words = filter_clauses.expand_severity_range(
            Condition(one.column.name, "between", tuple(values))
        )
        return f"upper({one.sql}) IN ({', '.join(map(quote_path, words.values))})"
    signs = zip((">=", "<="), values, strict=True)
    wanted = [(sign, _literal(one, value)) for sign, value in signs if value]
    if not wanted or not all(literal for _, literal in wanted):
        return ""
    return " AND ".join(f"{one.sql} {sign} {literal}" for sign, literal in wanted)


def _contains(one: QueryColumn, values: Sequence[str]) -> str:
    return f"contains(lower({one.sql}::VARCHAR), lower({quote_path(values[0])}))"


def _lacks(one: QueryColumn, values: Sequence[str]) -> str:
    return f"{_contains(one, values)} IS NOT TRUE"


def _matches(one: QueryColumn, values: Sequence[str]) -> str:
    return f"regexp_matches({one.sql}::VARCHAR, {quote_path(values[0])})"


_SQL: Final[dict[str, Callable[[QueryColumn, Sequence[str]], str]]] = {
    "is": _is,
    "not": _not,
    "between": _between,
    "contains": _contains,
    "lacks": _lacks,
    "matches": _matches,
    "empty": lambda one, _: f"{one.sql} IS NULL",
    "present": lambda one, _: f"{one.sql} IS NOT NULL",
}


def _literal(one: QueryColumn, value: str) -> str:
    """Return the value as the column's type in DuckDB's SQL; "" if it has none."""
    kind = one.column.kind
    if kind in {"integer", "number"}:
        return filter_clauses.number_literal(value)
    if kind == "boolean":
        return filter_clauses.boolean_literal(value)
    return quote_path(value) if kind in {"text", "severity"} else ""


def _time(one: QueryColumn, operation: str, values: Sequence[str]) -> str:
    condition = Condition(one.column.name, operation, tuple(values))
    # DuckDB ignores the zone for a time without one: times in `rows` are UTC.
    return filter_clauses.time_clause(
        one.sql, condition, lambda at: quote_path(at.rstrip("Z")), ("AND", "OR")
    )
