"""The relations that a refine reads: `rows` for SQL, a table for DataPrime.

All SQL here consists of names of our own and of the columns' names as quoted text.
"""
# ruff: noqa: S608 - every statement is put together from names and numbers of our own

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from dataprime import Field, Kind, Table
from dataprime.sql import identifier
from queries.results.binding import severity_rank
from queries.results.columns import ORIGINAL, ROW_NUMBER, Column, physical_name
from queries.results.engine import quote_path
from queries.results.row_templates import Documents
from queries.results.row_texts import read_templates, row_text_sql
from queries.results.sql import ISO_TIME, merged

Keys = tuple[str, ...]

STORED: Final = "stored"
RELATIONS: Final = ("rows", "logs")  # how SQL calls the result
DATASETS: Final = ("rows", "logs", "spans")  # how DataPrime does
ROOTS: Final = ("$m", "$l", "$d")
_STEP: Final = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\['((?:[^'\\]|\\.)*)'\]")
_ESCAPED: Final = re.compile(r"\\(['\\])")
_ORIGINAL: Final = f"TRY_CAST(TRY(decode({ORIGINAL})) AS JSON)"


def views(files: Sequence[str], columns: Sequence[Column]) -> list[str]:
    """Return CREATE VIEW statements: the files as they are stored, and the relations for SQL."""
    parts = ", ".join(quote_path(file) for file in files)
    templates = read_templates(files)
    text = f" REPLACE ({row_text_sql(templates)} AS {ORIGINAL})" if templates else ""
    cells = [f"{_shown(c)} AS {identifier(n)}" for n, c in sql_names(columns).items()]
    return [
        f"CREATE VIEW {STORED} AS SELECT *{text}"
        f" FROM read_parquet([{parts}], union_by_name = true)",
        *(
            f"CREATE VIEW {name} AS SELECT {', '.join(cells) or 'NULL AS nothing'} FROM {STORED}"
            for name in RELATIONS
        ),
    ]


def sql_names(columns: Sequence[Column]) -> dict[str, Column]:
    """Return columns by their SQL names: names that differ only in case get a number, as SQL ignores case."""
    found: dict[str, Column] = {}
    taken: set[str] = set()
    for column in columns:
        name, number = column.name, 1
        while name.lower() in taken:
            number += 1
            name = f"{column.name}_{number}"
        taken.add(name.lower())
        found[name] = column
    return found


def dataprime_table(
    columns: Sequence[Column], documents: Documents, *, all_known: bool
) -> Table:
    """Return the table for DataPrime: a typed keypath per column, and the rows' JSON for the rest.

    `all_known` says that no keypath was left out of the columns.
    """
    below = {path: column for column in columns for path in _paths(column, documents)}
    holders = {path[:n] for path in below for n in range(1, len(path))}
    fields = {
        # Where some rows have an object and others a plain value, only the JSON knows both.
        path: field
        for path, column in below.items()
        if path not in holders and (field := _field(column)) is not None
    }

    def known(path: Keys) -> bool:
        if not all_known or path in below or path in holders:
            return True
        inside = (fields.get(path[:n]) for n in range(1, len(path)))
        return any(field is not None and field.kind is Kind.ANY for field in inside)

    roots = {root: _document(*place) for root, place in documents.items()}
    return Table(
        STORED, fields=fields, roots=roots, order=ROW_NUMBER, has_keypath=known
    )


def _paths(column: Column, documents: Documents) -> list[Keys]:
    """Return the keypaths of a column. `a.b` may be one name, or a `b` inside an `a`."""
    if len(documents) > 1:
        path = nested_path(column.name)
        return [path] if path and path[0] in ROOTS else []
    inside = nested_path(column.name)
    plain = ("$d", column.name)
    return [plain] if inside is None or len(inside) == 1 else [plain, ("$d", *inside)]


def nested_path(name: str) -> Keys | None:
    """Return the keys of a keypath as `keypaths.keypath` spells it; None for other spellings."""
    head = re.match(r"\$?[^.\[]+", name)
    if head is None:
        return None
    keys, at = [head[0]], head.end()
    while at < len(name):
        step = _STEP.match(name, at)
        if step is None:
            return None
        keys.append(step[1] or _ESCAPED.sub(r"\1", step[2] or ""))
        at = step.end()
    return tuple(keys)


def _field(column: Column) -> Field | None:
    """Return the typed value of a column; None when it never had one."""
    if not column.types:
        return None
    cell = merged(column)
    if column.kind == "severity":
        cell = severity_rank(cell)
    elif column.kind == "timestamp":
        cell = _moment(cell)
    kind = Kind.STRING if column.types == "s" else Kind.ANY
    kind = _KINDS.get(column.kind, kind)
    if kind is Kind.ANY:
        cells = (_JSON[t].format(_physical(column, t)) for t in column.types)
        cell = f"coalesce({', '.join(cells)})"
    return Field(cell, kind)


_KINDS: Final = {
    "severity": Kind.SEVERITY,
    "timestamp": Kind.TIMESTAMP,
    "integer": Kind.NUMBER,
    "number": Kind.NUMBER,
    "boolean": Kind.BOOL,
}
# Letter of `columns.TYPES` -> its cells as JSON.
_NUMBER_JSON: Final = (
    "CASE WHEN isfinite({0}) THEN to_json({0}) ELSE to_json({0}::VARCHAR) END"
)
_TEXT_JSON: Final = "coalesce(TRY_CAST({0} AS JSON), to_json({0}))"
_JSON: Final = {
    **dict.fromkeys("iwbs", "to_json({0})"),
    **dict.fromkeys("gj", _TEXT_JSON),
    "f": _NUMBER_JSON,
    "t": f"to_json(strftime({{0}}, '{ISO_TIME}') || 'Z')",
}


def _document(key: str, form: str) -> str:
    """Return the SQL of one document, from a row's original JSON."""
    if not key:
        return _ORIGINAL
    place = "/" + key.replace("~", "~0").replace("/", "~1")
    member = f"json_extract({_ORIGINAL}, {quote_path(place)})"
    if form == "json":
        return member
    if form == "text":
        text = f"({member} ->> '$')"
        return f"coalesce(TRY_CAST({text} AS JSON), to_json({text}))"
    # Put together as text: keys may come twice, which no map allows.
    pairs = f"""from_json({member}, '[{{"key":"VARCHAR","value":"JSON"}}]')"""
    each = "to_json(e.key) || ':' || coalesce(e.value::VARCHAR, 'null')"
    joined = f"array_to_string(list_transform({pairs}, lambda e: {each}), ',')"
    return f"CAST('{{' || coalesce({joined}, '') || '}}' AS JSON)"


def _shown(column: Column) -> str:
    """Return one cell per row for SQL: what the grid shows, lists as JSON, times without a zone (UTC)."""
    if column.kind == "timestamp":
        return _moment(merged(column))
    if column.kind == "json":
        return f"TRY_CAST({merged(column)} AS JSON)"
    return merged(column)


def _moment(sql: str) -> str:
    # DuckDB cannot do much with nanoseconds in a zone.
    return f"make_timestamp_ns(epoch_ns({sql}))"


def _physical(column: Column, letter: str) -> str:
    return f'"{physical_name(column.name, letter)}"'
