"""Conditions and sorts as readable text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo

from queries.models import Mode, Run
from queries.results import Column, Condition, Sort
from queries.views.explore.grid_links import FilterChip, GridUrl

MAX_VALUE_CHARACTERS = 60
"""Characters of a value in a sentence."""
OPERATION_LABELS = {
    "is": "is",
    "not": "is not",
    "contains": "contains",
    "lacks": "does not contain",
    "matches": "matches (regular expression)",
    "between": "is between",
    "empty": "is empty",
    "present": "has a value",
}
_OF_TEXTS = tuple(OPERATION_LABELS)
_OF_NUMBERS = ("is", "not", "between", "empty", "present")
_OF_BOOLEANS = ("is", "not", "empty", "present")
_BY_KIND = {
    "integer": _OF_NUMBERS,
    "number": _OF_NUMBERS,
    "timestamp": _OF_NUMBERS,
    "boolean": _OF_BOOLEANS,
    "severity": ("is", "not", "between", "empty", "present"),
    "json": ("contains", "lacks", "matches", "empty", "present"),
    "null": ("empty", "present"),
}


def operation_choices(kind: str) -> list[tuple[str, str]]:
    """Return the comparisons for a kind of column, with their labels."""
    return [(name, OPERATION_LABELS[name]) for name in _BY_KIND.get(kind, _OF_TEXTS)]


def condition_text(condition: Condition, kind: str, zone: tzinfo) -> str:
    """Return a condition as text: ``severity is Error``."""
    values = [value_text(value, kind, zone) for value in condition.values]
    column, operation = condition.column, condition.operation
    if operation == "between":
        return f"{column} {_span(values)}"
    several = {"is": "is one of", "not": "is none of"} if len(values) > 1 else {}
    words = several.get(operation) or OPERATION_LABELS[operation].split(" (")[0]
    return f"{column} {words} {', '.join(values)}".rstrip()


def _span(values: list[str]) -> str:
    low, high = values
    if not high:
        return f"is at least {low}"
    return f"is between {low} and {high}" if low else f"is at most {high}"


def value_text(value: str, kind: str, zone: tzinfo) -> str:
    """Return a condition's value as text: times in ``zone``, long texts truncated."""
    if kind == "timestamp" and "/" in value:
        return " to ".join(value_text(end, kind, zone) for end in value.split("/", 1))
    if kind == "timestamp" and (moment := parse_time(value)):
        text = f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S.%f}"[:-3]
        return text.removesuffix(".000").removesuffix(":00")
    if not value:
        return "" if kind == "timestamp" else value
    return (
        value
        if len(value) <= MAX_VALUE_CHARACTERS
        else f"{value[:MAX_VALUE_CHARACTERS]}…"
    )


def parse_time(text: str) -> datetime | None:
    """Parse a time of a URL; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def filter_chips(
    address: GridUrl, kinds: Mapping[str, str], zone: tzinfo
) -> list[FilterChip]:
    """Return every filter as text, with the URL without it."""
    view = address.state
    chips = [
        FilterChip(
            condition_text(c, kinds.get(c.column, ""), zone), address.without_filter(c)
        )
        for c in view.conditions
    ]
    if view.q:
        where = view.column if view.column in kinds else "any column"
        words = f"{where} contains {value_text(view.q, '', zone)}"
        chips.append(FilterChip(words, address.with_params(q="", **{"in": ""})))
    return chips


def sort_chips(address: GridUrl, order: Sequence[Sort]) -> list[FilterChip]:
    """Return every sort as text, the most important first, with the URL without it."""
    signed = [f"-{sort.column}" if sort.descending else sort.column for sort in order]
    return [
        FilterChip(
            f"{'by' if at == 0 else 'then by'} {sort.column} {'↓' if sort.descending else '↑'}",
            address.with_params(sort=[*signed[:at], *signed[at + 1 :]]),
        )
        for at, sort in enumerate(order)
    ]


def no_rows_reason(run: Run) -> str:
    """Return why a result may have no rows at all."""
    if run.mode == Mode.REFINE:
        return "The statement was carried out, and no stored row passed it."
    where = " in its time range" if run.starts_at else ""
    return f"The query ran and matched nothing{where}."


def column_kinds(known: Sequence[Column]) -> dict[str, str]:
    """Return column name -> kind."""
    return {column.name: column.kind for column in known}
