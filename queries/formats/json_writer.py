"""JSON (one array) and NDJSON (one object a line), from the rows' original text or from the shown columns.

Original text is written as it came: number forms, big integers, the order of keys and repeated keys survive.
From columns: integers are exact; NaN and the infinities are the strings "NaN", "Infinity", "-Infinity" (proto3's
JSON mapping; null would make them missing values); timestamps are ISO 8601 in UTC; a missing value is null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from queries.formats.base import Batches, Column, Options, Report
from queries.formats.json_text import checked, encoded, json_strings
from queries.formats.moments import iso_texts
from queries.formats.text import as_bytes, joined, pieces, texts

Rows = Callable[[pa.RecordBatch], pa.StringArray]


def ndjson_chunks(
    columns: Sequence[Column], batches: Batches, options: Options, report: Report
) -> Iterator[bytes]:
    """One JSON value a line, each line ended."""
    rows = _originals(report) if options.original else _objects(columns, report)
    for batch in batches:
        for piece in pieces(batch):
            yield as_bytes(joined(rows(piece), "\n"))


def json_chunks(
    columns: Sequence[Column], batches: Batches, options: Options, report: Report
) -> Iterator[bytes]:
    """One array, a row a line, so that it can be read and compared by people too."""
    rows = _originals(report) if options.original else _objects(columns, report)
    separator = b"[\n"
    for batch in batches:
        for piece in pieces(batch):
            # Every row brings the comma before it; the very first comma gives way to the bracket.
            yield separator + as_bytes(joined(",\n", rows(piece)))[2:]
            separator = b",\n"
    yield b"[]\n" if separator == b"[\n" else b"\n]\n"


def _originals(report: Report) -> Rows:
    return lambda piece: checked(texts(piece.column(0)), report).fill_null("null")


def _objects(columns: Sequence[Column], report: Report) -> Rows:
    keys = [f"{encoded(key)}:" for key in _unique(columns)]
    heads = ["{" + keys[0], *("," + key for key in keys[1:])]

    def rows(piece: pa.RecordBatch) -> pa.StringArray:
        parts: list[pa.StringArray | str] = []
        for head, column, values in zip(heads, columns, piece.columns, strict=True):
            parts += [head, _values(values, column.kind, report).fill_null("null")]
        return joined(*parts, "}")

    return rows


def _values(values: pa.Array, kind: str, report: Report) -> pa.StringArray:
    if pa.types.is_timestamp(values.type):
        return joined('"', iso_texts(values), '"')
    text = texts(values)
    if pa.types.is_floating(values.type):
        return pc.if_else(pc.is_finite(values), text, joined('"', text, '"'))
    if kind == "json":
        return checked(text, report)
    return text if _is_literal(values.type) else json_strings(text)


def _is_literal(kind: pa.DataType) -> bool:
    whole = pa.types.is_integer(kind) or pa.types.is_decimal(kind)
    return bool(whole or pa.types.is_boolean(kind))


def _unique(columns: Sequence[Column]) -> Iterator[str]:
    """The names as keys: a repeated one gets (2), (3), because a reader would keep only the last."""
    taken = {column.name for column in columns}
    seen: set[str] = set()
    for column in columns:
        key, number = column.name, 1
        while key in seen or (number > 1 and key in taken):
            number += 1
            key = f"{column.name} ({number})"
        seen.add(key)
        yield key
