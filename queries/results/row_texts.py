"""SQL for the texts of rows: as stored, or rebuilt from the row's cells by its template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from queries.results.binding import physical_columns, severity_rank
from queries.results.columns import ORIGINAL, ROW_NUMBER, TEMPLATE, TEMPLATES, Column
from queries.results.engine import quote_path
from queries.results.errors import ResultsDamagedError
from queries.results.footers import read_footer
from queries.results.row_templates import RowTemplate
from queries.results.sql import ISO_TIME, source

Templates = Mapping[int, RowTemplate]  # by the number that rows name them by

_SECONDS: Final = len("2026-01-01T00:00:00")
_LEVEL: Final = f"{severity_rank('{0}')}::VARCHAR"
_LEVELS: Final = {
    "number": _LEVEL,
    "digits": f"to_json({_LEVEL})::VARCHAR",
    "lower": "to_json(lower({0}))::VARCHAR",
    "upper": "to_json(upper({0}))::VARCHAR",
}


def templates_metadata(templates: Templates) -> dict[bytes, bytes]:
    """Return a file's metadata about the templates that its rows name."""
    return {TEMPLATES: msgspec.json.encode(templates)} if templates else {}


def read_templates(files: Iterable[Path | str]) -> dict[int, RowTemplate]:
    """Return all templates that rows of these files name.

    Raises ResultsMissingError and ResultsDamagedError.
    """
    found: dict[int, RowTemplate] = {}
    for file in files:
        found |= _decoded(read_footer(Path(file)).templates)
    return found


@lru_cache(maxsize=256)
def _decoded(text: bytes) -> Templates:
    try:
        return msgspec.json.decode(text, type=dict[int, RowTemplate])
    except ValueError as error:
        raise ResultsDamagedError from error


def columns_of(templates: Templates) -> list[Column]:
    """Return the columns from which the texts are rebuilt."""
    found = (column for place in templates.values() for column in place.columns())
    return list(dict.fromkeys(found))


def row_text_sql(templates: Templates) -> str:
    """Return the text of a row, as bytes; NULL where a file is damaged."""
    if not templates:
        return ORIGINAL
    texts = (
        f"WHEN {number:d} THEN {rows_with_texts(place)}"
        for number, place in templates.items()
    )
    return f"coalesce({ORIGINAL}, encode(CASE {TEMPLATE} {' '.join(texts)} END))"


def row(templates: Templates) -> str:
    """Return a statement for the text of the row `$number`, as bytes."""
    return (
        f"SELECT {row_text_sql(templates)} AS {ORIGINAL}"  # noqa: S608 - names of our own
        f" FROM {source(columns_of(templates))} WHERE {ROW_NUMBER} = $number"
    )


def rows_with_texts(template: RowTemplate) -> str:
    """Return the text of a row as its template writes it."""
    return f"'{{' || {_members(template)} || '}}'"


def _value(place: RowTemplate) -> str:
    """Return the JSON of one node; NULL where the row has no value there."""
    if place.shape == "pairs":
        return f"'[' || {_members(place)} || ']'"
    cells = dict(physical_columns(place.column)) if place.column else {}
    text = cells.pop("s", "")
    found = [_object(place)] if place.members else []
    found += [_cell(place, letter, name) for letter, name in cells.items()]
    if place.shape == "text":
        found = [f"to_json({json})::VARCHAR" for json in found]
    if text:  # one that is no JSON is itself what stands in the row
        found.append(_text(text, place.form))
    if len(found) == 1:
        return found[0]
    return f"coalesce({', '.join(found)})" if found else "NULL::VARCHAR"


def _object(place: RowTemplate) -> str:
    # No CASE around the members, and they stand here once (`nullif` would double them): DuckDB
    # finds what is alike only outside of a CASE, and each level would double the work.
    cells = (name for column in place.columns() for _, name in physical_columns(column))
    present = " OR ".join(f"{name} IS NOT NULL" for name in cells) or "false"
    return f"'{{' || {_members(place)} || CASE WHEN {present} THEN '}}' END"


def _members(place: RowTemplate) -> str:
    """Return all members that the row has, concatenated."""
    blank = " " if place.spaced else ""
    members = list(_each(place, blank))
    return f"concat_ws(',{blank}', {', '.join(members)})" if members else "''"


def _each(place: RowTemplate, blank: str) -> Iterator[str]:
    for key, member in place.members.items():
        name, value = msgspec.json.encode(key).decode(), _value(member)
        before, after = f"{name}:{blank}", ""
        if place.shape == "pairs":
            before = f'{{"key":{blank}{name},{blank}"value":{blank}'
            after = "}"
        text = f"{quote_path(before)} || {value}" + (
            after and f" || {quote_path(after)}"
        )
        null = quote_path(f"{before}null{after}")
        yield f"coalesce({text}, {null})" if member.nullable else text


def _cell(place: RowTemplate, letter: str, name: str) -> str:
    """Return the JSON of one cell that is not a text."""
    if letter == "t":
        return _time(name, place.form)
    if letter == "f":
        return f"to_json({name})::VARCHAR"
    return name if letter in "gj" else f"{name}::VARCHAR"


def _text(name: str, form: str) -> str:
    return _LEVELS.get(form, "to_json({0})::VARCHAR").format(name)


def _time(name: str, form: str) -> str:
    kind, *how = form.split("/")
    if kind == "count":
        return f"(epoch_ns({name}) // {int(how[0]):d})::VARCHAR"
    if kind != "iso":
        return "NULL::VARCHAR"
    separator, digits, zone = how[0], int(how[1]), how[2]
    length = _SECONDS + 1 + digits if digits else _SECONDS
    text = f"left(strftime({name}, '{ISO_TIME}'), {length:d})"
    if separator != "T":
        text = f"replace({text}, 'T', {quote_path(separator)})"
    return f"'\"' || {text} || {quote_path(zone + chr(34))}"
