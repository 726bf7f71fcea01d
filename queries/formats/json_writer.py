"""JSON (one array) and NDJSON (one object a line), from the rows' original text or from the shown columns.

Original text is written as it came: number forms, big integers, the order of keys and repeated keys survive.
From columns: integers are exact; NaN and the infinities are the strings "NaN", "Infinity", "-Infinity" (proto3's
JSON mapping; null would make them missing values); timestamps are ISO 8601 in UTC; a missing value is null.
If chosen, integers beyond 2^53 are strings, in nested values and original rows too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from queries.formats.base import Batches, Column, Options, Report, unique_names
from queries.formats.json_text import (
    checked,
    encoded,
    exact_as_text,
    json_strings,
)
from queries.formats.moments import iso_texts
from queries.formats.text import as_bytes, constant, joined, pieces, texts

Rows = Callable[[pa.RecordBatch], pa.StringArray]


def ndjson_chunks(
    columns: Sequence[Column], batches: Batches, options: Options, report: Report
) -> Iterator[bytes]:
    """One JSON value a line, each line ended."""
    rows = _rows(columns, options, report)
    for batch in batches:
        for piece in pieces(batch):
            yield as_bytes(joined(rows(piece), "\n"))


def json_chunks(
    columns: Sequence[Column], batches: Batches, options: Options, report: Report
) -> Iterator[bytes]:
    """One array, a row a line, so that it can be read and compared by people too."""
    rows = _rows(columns, options, report)
    separator = b"[\n"
    for batch in batches:
        for piece in pieces(batch):
            # Every row brings the comma before it; the very first comma gives way to the bracket.
            yield separator + as_bytes(joined(",\n", rows(piece)))[2:]
            separator = b",\n"
    yield b"[]\n" if separator == b"[\n" else b"\n]\n"


def _rows(columns: Sequence[Column], options: Options, report: Report) -> Rows:
    rows = _originals(report) if options.original else _objects(columns, report)
    if not options.exact_as_text:
        return rows
    return lambda piece: exact_as_text(rows(piece), report)


def _originals(report: Report) -> Rows:
    return lambda piece: checked(texts(piece.column(0)), report).fill_null(
        constant("null")
    )


def _objects(columns: Sequence[Column], report: Report) -> Rows:
    keys = [f"{encoded(key)}:" for key in unique_names(columns)]
    heads = ["{" + keys[0], *("," + key for key in keys[1:])]

    def rows(piece: pa.RecordBatch) -> pa.StringArray:
        parts: list[pa.StringArray | str] = []
        for head, column, values in zip(heads, columns, piece.columns, strict=True):
            parts += [
                head,
                _values(values, column.kind, report).fill_null(constant("null")),
            ]
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
