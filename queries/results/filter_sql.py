"""Conditions as SQL: each physical column is compared in its own type, values are bound."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from queries.results import parse_value
from queries.results.binding import NEVER, Bind, physical_columns, time_sql
from queries.results.cells import json_text
from queries.results.columns import Column
from queries.results.conditions import Condition
from queries.results.errors import ConditionError
from queries.results.ranges import range_sql

# DuckDB 2.0.0 spoils what follows %n, so nothing may follow it.
_SHOWN: Final = "%Y-%m-%d %H:%M:%S.%n"  # what a search for a time is compared with
_TIME_DIVIDER: Final = re.compile(r"(?<=\d)T(?=\d|$)", re.IGNORECASE)

# Characters of texts that can occur in cells other than text: most searches are words,
# and converting every number to text to find a word is the expensive part of a search.
_POSSIBLE: Final = {
    "i": re.compile(r"-?\d*"),
    "w": re.compile(r"-?\d*"),
    "g": re.compile(r"-?\d*"),
    "f": re.compile(r"[-+.\dainfe]*", re.IGNORECASE),
    "b": re.compile(r"[truefals]*", re.IGNORECASE),
    "t": re.compile(r"[-:. \d]*"),
}
_ANYTHING: Final = re.compile(r".*", re.DOTALL)
_BOOLEANS: Final = {"true": True, "false": False}


def printable(text: str) -> str:
    """Return a text as `cells` stores it, without lone surrogates."""
    return text.encode(errors="backslashreplace").decode()


def contains_sql(searched: Iterable[Column], text: str, bind: Bind) -> str:
    """Return the test for rows where the text occurs in one of these columns.

    Both sides are lowered by DuckDB: Python's rules differ for some letters.
    """
    needle = printable(text)
    # A copied time, "2025-06-19T00:44Z", in the spelling that is shown: "2025-06-19 00:44".
    time = _TIME_DIVIDER.sub(" ", needle).rstrip("zZ")
    tests = [
        f"contains(lower({_shown(letter, name)}), lower({bind(wanted)}))"
        for column in searched
        for letter, name in physical_columns(column)
        for wanted in [time if letter == "t" else needle]
        if _POSSIBLE.get(letter, _ANYTHING).fullmatch(wanted)
    ]
    return " OR ".join(tests) or NEVER


def condition_sql(condition: Condition, column: Column, bind: Bind) -> str:
    """Return the condition as an expression that is never null. Raises ConditionError."""
    positive = _POSITIVE[condition.operation](column, condition.values, bind)
    wanted = condition.operation not in {"not", "lacks", "empty"}
    return f"(({positive}) IS {'' if wanted else 'NOT '}TRUE)"


def present_sql(column: Column) -> str:
    """Return the test whether the row has a value."""
    tests = [f"{name} IS NOT NULL" for _, name in physical_columns(column)]
    return " OR ".join(tests) or NEVER


def _present(column: Column, _values: Sequence[str], _bind: Bind) -> str:
    return present_sql(column)


def _contains(column: Column, values: Sequence[str], bind: Bind) -> str:
    return contains_sql([column], values[0], bind)


def _matches(column: Column, values: Sequence[str], bind: Bind) -> str:
    pattern = printable(values[0])
    try:  # Arrow has the same engine as DuckDB, and says what is wrong
        pc.match_substring_regex(pa.array([""]), pattern=pattern)
    except pa.ArrowInvalid as error:
        why = str(error).removeprefix("Invalid regular expression: ")
        raise ConditionError(
            column.name, f"the regular expression is not valid ({why})"
        ) from error
    tests = [
        f"regexp_matches({_shown(letter, name)}, {bind(pattern)})"
        for letter, name in physical_columns(column)
    ]
    return " OR ".join(tests) or NEVER


def _shown(letter: str, name: str) -> str:
    """Return a cell as the text that is shown for it, in UTC."""
    if letter == "t":
        return f"strftime({name}, '{_SHOWN}')"
    return name if letter in "gjs" else f"{name}::VARCHAR"


def _is(column: Column, values: Sequence[str], bind: Bind) -> str:
    tests = []
    for letter, name in physical_columns(column):
        if letter == "t":
            tests += [
                _within(name, time, bind)
                for time in map(parse_value.parse_time, values)
                if time is not None
            ]
            continue
        equal = [same for text in values for same in _same(letter, column, text)]
        if equal:
            tests.append(f"{name} IN ({', '.join(map(bind, dict.fromkeys(equal)))})")
    return " OR ".join(tests) or NEVER


def _within(name: str, time: range, bind: Bind) -> str:
    return f"({name} >= {time_sql(time.start, bind)} AND {name} < {time_sql(time.stop, bind)})"


def _same(letter: str, column: Column, text: str) -> list[Any]:
    """Return tests for the cells of this type that the text stands for."""
    exact = printable(text)
    value = parse_value.parse_number(text)
    if letter in "iw":
        return [value] if parse_value.is_small(value) else []
    if letter == "f":
        double = parse_value.parse_double(text)
        return [] if double is None else [double]
    if letter == "b":
        known = _BOOLEANS.get(text.strip().lower())
        return [] if known is None else [known]
    return _same_texts(letter, column, exact, value)


def _same_texts(
    letter: str, column: Column, exact: str, value: int | float | None
) -> list[str]:
    if letter == "g":
        giant = isinstance(value, int) and not parse_value.is_small(value)
        return [exact, str(value)] if giant else [exact]
    if letter == "j":
        return [exact, *_compact(exact)]
    return [parse_value.parse_severity(exact)] if column.kind == "severity" else [exact]


def _compact(text: str) -> list[str]:
    """Return a list or object with the spacing that `cells` writes."""
    if text[:1] not in {"[", "{"}:
        return []
    try:
        return [json_text(msgspec.json.decode(text))]
    except (ValueError, RecursionError):
        return []


_POSITIVE: Final = {
    "is": _is,
    "not": _is,
    "contains": _contains,
    "lacks": _contains,
    "matches": _matches,
    "between": range_sql,
    "empty": _present,
    "present": _present,
}
