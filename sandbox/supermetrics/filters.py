"""The filter language: ``field op value [AND|OR] ...`` (Supermetrics docs, "Filter"). Values are bound, never pasted.

Conditions on dimensions choose rows, conditions on metrics choose groups. AND binds closer than OR.
Assumption: the sandbox refuses an OR between the two kinds, as rows and groups are chosen at different times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

import duckdb

from sandbox.supermetrics.parameters import bad_request
from sandbox.supermetrics.sources import DataSource, SourceField

MAX_CHARACTERS = 5_000
_JOINT = re.compile(
    r"\s+(AND|OR)\s+(?=[A-Za-z0-9_]+\s*(?:==|!=|>=|<=|>|<|=@|!@|=~|!~))", re.I
)
_CONDITION = re.compile(
    r"\s*([A-Za-z0-9_-]+)\s*(==|!=|>=|<=|=@|!@|=~|!~|>|<)\s*(.*?)\s*", re.S
)
_COMPARED = {"==": "=", "!=": "<>", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
_TEXTS = {
    "=@": "contains(lower({field}), lower(?))",
    "!@": "NOT contains(lower({field}), lower(?))",
    "=~": "regexp_matches({field}, ?)",
    "!~": "NOT regexp_matches({field}, ?)",
}
_PATTERN = re.compile(r"([/#~])(.*)\1([imsx]*)", re.S)


class Condition(NamedTuple):
    """A piece of SQL with its values; ``groups`` if it is about groups."""

    sql: str
    values: tuple[object, ...]
    groups: bool


@dataclass
class Filter:
    """Conditions on rows and on groups, all of which must hold."""

    rows: list[Condition] = field(default_factory=list)
    groups: list[Condition] = field(default_factory=list)


def parse_filter(text: str, source: DataSource) -> Filter:
    """Read a filter; 400 with what is wrong."""
    if len(text) > MAX_CHARACTERS:
        raise bad_request(f"filter is longer than {MAX_CHARACTERS} characters")
    alternatives = [[]] if not text.strip() else _alternatives(text, source)
    if len(alternatives) == 1:
        return Filter(
            [c for c in alternatives[0] if not c.groups],
            [c for c in alternatives[0] if c.groups],
        )
    joined = [_joined(every, "AND") for every in alternatives]
    if len({condition.groups for every in alternatives for condition in every}) > 1:
        raise bad_request(
            "The sandbox cannot OR conditions on dimensions and on metrics"
        )
    whole = _joined(joined, "OR")
    return Filter([], [whole]) if whole.groups else Filter([whole], [])


def _alternatives(text: str, source: DataSource) -> list[list[Condition]]:
    first, *rest = _JOINT.split(text)
    found = [[_condition(first, source)]]
    for joint, condition in zip(rest[::2], rest[1::2], strict=True):
        if joint.upper() == "OR":
            found.append([])
        found[-1].append(_condition(condition, source))
    return found


def _condition(text: str, source: DataSource) -> Condition:
    parts = _CONDITION.fullmatch(text)
    if parts is None:
        raise bad_request(f"filter: {text.strip()[:80]!r} is not a condition")
    name, operator, value = parts.groups()
    about = source.find(name)
    if about is None:
        raise bad_request(f"filter: {name!r} is not a field of {source.id}")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    if operator in _TEXTS:
        return _text(about, operator, value)
    return _comparison(about, operator, value)


def _text(about: SourceField, operator: str, value: str) -> Condition:
    if about.kind == "met":
        raise bad_request(f"filter: {operator} is for dimensions only")
    if operator in ("=~", "!~"):
        value = _pattern(value)
    return Condition(
        _TEXTS[operator].format(field=f"({about.sql})::VARCHAR"), (value,), groups=False
    )


def _pattern(text: str) -> str:
    """A pattern between delimiters, with its letters after them, as the engine takes it."""
    found = _PATTERN.fullmatch(text)
    body, letters = (found[2], found[3]) if found else (text, "")
    flags = "".join(sorted(set(letters) & set("ims")))
    pattern = f"(?{flags}){body}" if flags else body
    try:
        duckdb.execute("SELECT regexp_matches('', ?)", [pattern])
    except duckdb.Error as error:
        raise bad_request(f"filter: {text[:80]!r} is not a pattern") from error
    return pattern


def _comparison(about: SourceField, operator: str, value: str) -> Condition:
    metric, sign = about.kind == "met", _COMPARED[operator]
    number = _number(value)
    if metric and number is None:
        raise bad_request(f"filter: {value[:80]!r} is not a number")
    sql = about.sql.format(f="") if metric else f"({about.sql})"
    if number is not None and (metric or "number" in about.data_type):
        return Condition(f"{sql} {sign} ?", (number,), groups=metric)
    return Condition(f"{sql}::VARCHAR {sign} ?", (value,), groups=False)


def _number(text: str) -> int | float | None:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return None


def _joined(conditions: list[Condition], word: str) -> Condition:
    sql = f" {word} ".join(condition.sql for condition in conditions)
    values = tuple(value for condition in conditions for value in condition.values)
    return Condition(f"({sql})", values, groups=conditions[0].groups)
