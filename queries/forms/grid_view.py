"""Parse the grid's state from the URL, and write it back. The only module that does.

``?sort=-a&sort=b&q=text&in=col&col=x&col=y&f=["is","$m.severity","Error"]&page=3&size=100``:
every ``f`` is a JSON array of operation, column, values. The form of a new condition sends
``fo`` (operation), ``fc`` (column), ``fv`` (values) and, for "between", ``fw`` (high).
"""

from __future__ import annotations

import json

from django.http import QueryDict

from queries import stored_results
from queries.results import Condition, ConditionError

MAX_PAGE_NUMBER = 10_000_000
MAX_SORTS = 8
MAX_CONDITIONS = 50
MAX_CONDITION_VALUES = 200
_PAIR = 2


def parse_grid_state(query: QueryDict) -> stored_results.GridState:
    """Return the grid's state from a query string; invalid values mean the default."""
    size = query.get("size", "")
    page = query.get("page", "")
    number = int(page) if page.isascii() and page.isdigit() else 1
    sizes = {str(option): option for option in stored_results.PAGE_SIZES}
    return stored_results.GridState(
        page=min(max(number, 1), MAX_PAGE_NUMBER),
        size=sizes.get(size, stored_results.DEFAULT_PAGE_SIZE),
        sorts=tuple(sort for sort in query.getlist("sort") if sort)[:MAX_SORTS],
        q=query.get("q", "").strip(),
        column=query.get("in", ""),
        columns=tuple(query.getlist("col")),
        conditions=_conditions(query),
    )


def grid_state_parameters(view: stored_results.GridState) -> list[tuple[str, str]]:
    """Return the state as query parameters without defaults; ``parse_grid_state`` reads them back."""
    one = {
        "q": view.q,
        "in": view.column,
        "page": "" if view.page == 1 else str(view.page),
        "size": "" if view.size == stored_results.DEFAULT_PAGE_SIZE else str(view.size),
    }
    return [
        *(("sort", sort) for sort in view.sorts),
        *(("f", encode_condition(condition)) for condition in view.conditions),
        *(("col", name) for name in view.columns),
        *((name, value) for name, value in one.items() if value),
    ]


def encode_condition(condition: Condition) -> str:
    """Return the condition as ``f`` carries it."""
    parts = [condition.operation, condition.column, *condition.values]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _conditions(query: QueryDict) -> tuple[Condition, ...]:
    written = [_parsed(text) for text in query.getlist("f")]
    found = dict.fromkeys(c for c in [*written, _asked(query)] if c is not None)
    return tuple(found)[:MAX_CONDITIONS]


def _parsed(text: str) -> Condition | None:
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return None
    return _condition(parts[0], parts[1], parts[2:]) if len(parts) >= _PAIR else None


def _asked(query: QueryDict) -> Condition | None:
    """Return the condition of the form of a new condition."""
    operation, column = query.get("fo", ""), query.get("fc", "")
    if operation in {"empty", "present"}:
        return _condition(operation, column, [])
    if operation == "between":
        bounds = [query.get("fv", "").strip(), query.get("fw", "").strip()]
        return _condition(operation, column, bounds)
    return _condition(operation, column, query.getlist("fv"))


def _condition(operation: str, column: str, values: list[str]) -> Condition | None:
    try:
        return Condition(column, operation, tuple(values[:MAX_CONDITION_VALUES]))
    except ConditionError:
        return None
