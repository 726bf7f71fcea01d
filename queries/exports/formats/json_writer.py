"""JSON (one array) and NDJSON (one object a line), from the rows' original text or from the shown columns.

Original text is written unchanged: number spelling, big integers, the order of keys and repeated keys survive.
From columns: integers are exact; NaN and the infinities are the strings "NaN", "Infinity", "-Infinity" (proto3's
JSON mapping; null would make them missing values); timestamps are ISO 8601 in UTC; a missing value is null.
If chosen, integers beyond 2^53 are strings, in nested values and original rows too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from queries.exports.formats.base import Batches, Column, Options, Report, unique_names
from queries.exports.formats.json_text import (
    checked,
    encode,
    escaped,
    large_integers_as_text,
)
from queries.exports.formats.moments import iso_texts
from queries.exports.formats.text import as_bytes, constant, joined, pieces, texts

Rows = Callable[[pa.RecordBatch], pa.StringArray]
Parts = list[pa.StringArray | str]
_NULL = "null"


def ndjson_chunks(
    columns: Sequence[Column], batches: Batches, options: Options, report: Report
) -> Iterator[bytes]:
    """Yield one JSON value a line, each line ended."""
    rows = _rows(columns, options, report, after="\n")
    for batch in batches:
        for piece in pieces(batch):
            yield as_bytes(rows(piece))


def json_chunks(
    columns: Sequence[Column], batches: Batches, options: Options, report: Report
) -> Iterator[bytes]:
    """Yield one array with a row a line, so that people can read and compare it too."""
    rows = _rows(columns, options, report, before=",\n")
    begun = False
    for batch in batches:
        for piece in pieces(batch):
            data = as_bytes(rows(piece))
            # Every row starts with a comma; the bracket replaces the first one.
            yield data if begun else b"[" + data[1:]
            begun = True
    yield b"\n]\n" if begun else b"[]\n"


def _rows(
    columns: Sequence[Column],
    options: Options,
    report: Report,
    *,
    before: str = "",
    after: str = "",
) -> Rows:
    """Return a function from a slice to rows of text between ``before`` and ``after``; one join, because each join copies."""
    parts = _originals(report) if options.original else _objects(columns, report)

    def rows(piece: pa.RecordBatch) -> pa.StringArray:
        text = joined(*_merged([before, *parts(piece), after]))
        return large_integers_as_text(text, report) if options.exact_as_text else text

    return rows


def _originals(report: Report) -> Callable[[pa.RecordBatch], Parts]:
    return lambda piece: [
        checked(texts(piece.column(0)), report).fill_null(constant(_NULL))
    ]


def _objects(
    columns: Sequence[Column], report: Report
) -> Callable[[pa.RecordBatch], Parts]:
    keys = [f"{encode(key)}:" for key in unique_names(columns)]
    heads = ["{" + keys[0], *("," + key for key in keys[1:])]

    def parts(piece: pa.RecordBatch) -> Parts:
        parts: Parts = []
        for head, column, values in zip(heads, columns, piece.columns, strict=True):
            parts += [head, *_values(values, column.kind, report)]
        return [*parts, "}"]

    return parts


def _values(values: pa.Array, kind: str, report: Report) -> Parts:
    if pa.types.is_timestamp(values.type):
        return _strings(iso_texts(values))
    text = texts(values)
    if pa.types.is_floating(values.type):
        text = pc.if_else(pc.is_finite(values), text, joined('"', text, '"'))
    elif kind == "json":
        text = checked(text, report)
    elif not _is_literal(values.type):
        return _strings(escaped(text))
    return [text.fill_null(constant(_NULL))]


def _strings(text: pa.StringArray) -> Parts:
    """Quote texts except nulls. Without nulls, the quotes are merged into the neighbouring constants."""
    if not text.null_count:
        return ['"', text, '"']
    return [joined('"', text, '"').fill_null(constant(_NULL))]


def _merged(parts: Parts) -> Parts:
    """Merge neighbouring constants: each costs a copy per row."""
    merged: Parts = [parts[0]]
    for part in parts[1:]:
        if isinstance(part, str) and isinstance(merged[-1], str):
            merged[-1] += part
        else:
            merged.append(part)
    return merged


def _is_literal(kind: pa.DataType) -> bool:
    is_exact = pa.types.is_integer(kind) or pa.types.is_decimal(kind)
    return bool(is_exact or pa.types.is_boolean(kind))
