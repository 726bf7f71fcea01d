"""CSV after RFC 4180: CRLF, a header row, quotes where needed. Nothing is lost in it.

An empty text is "" and a missing value is nothing, so that the two stay apart (as in PostgreSQL's COPY).
In a table of one column a missing value is "" as well: most readers skip an empty line, and a row would be lost.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from queries.formats.base import Batches, Column, Options, Report
from queries.formats.formulas import neutralised
from queries.formats.moments import iso_texts
from queries.formats.text import as_bytes, count, has_bytes, joined, pieces, texts

_SEPARATOR = ","
_LINE_END = "\r\n"


def csv_chunks(
    columns: Sequence[Column], batches: Batches, options: Options, report: Report
) -> Iterator[bytes]:
    """The file, piece by piece. Numbers, booleans and dates are never touched by the formula guard."""
    if options.bom:
        yield codecs.BOM_UTF8
    yield _header(columns, options, report)
    for batch in batches:
        for piece in pieces(batch):
            cells = [_cells(values, options, report) for values in piece.columns]
            yield _lines(cells)


def _header(columns: Sequence[Column], options: Options, report: Report) -> bytes:
    names = [
        _quoted(_text(pa.array([column.name], pa.string()), options, report))
        for column in columns
    ]
    # Excel takes a file that begins with ID for SYLK and refuses it; a quote in front is enough.
    if columns[0].name.startswith("ID") and not options.bom:
        names[0] = pa.array([f'"{columns[0].name.replace(chr(34), chr(34) * 2)}"'])
    return _lines(names)


def _cells(values: pa.Array, options: Options, report: Report) -> pa.StringArray:
    if pa.types.is_timestamp(values.type):
        return iso_texts(values, options.zone)
    text = texts(values)
    if pa.types.is_primitive(values.type):
        return text
    return _quoted(_text(text, options, report))


def _text(text: pa.StringArray, options: Options, report: Report) -> pa.StringArray:
    if options.raw:
        return text
    text, found = neutralised(text)
    report.cells_neutralised += found
    return text


def _quoted(text: pa.StringArray) -> pa.StringArray:
    """Quotes around the cells that need them: separators, quotes, line ends, and the empty text."""
    special = has_bytes(as_bytes(text), b'",\r\n')
    mask = (
        pc.match_substring_regex(text, r'[",\r\n]|^$')
        if special
        else pc.equal(text, "")
    )
    if not count(mask):
        return text
    doubled = pc.replace_substring(text, '"', '""') if special else text
    return pc.if_else(mask, joined('"', doubled, '"'), text)


def _lines(cells: list[pa.StringArray]) -> bytes:
    missing = '""' if len(cells) == 1 else ""
    parts: list[pa.StringArray | str] = []
    for column in cells:
        parts += [column.fill_null(missing), _SEPARATOR]
    return as_bytes(joined(*parts[:-1], _LINE_END))
