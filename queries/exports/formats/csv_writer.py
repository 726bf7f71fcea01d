"""CSV after RFC 4180, and TSV likewise with tabs: CRLF, a header row, quotes where needed. Lossless.

TSV quotes as CSV does (cells with a tab, a quote or a line end), as Excel and pandas read it;
IANA's text/tab-separated-values cannot hold such cells at all.

An empty text is "" and a missing value is empty, so that the two differ (as in PostgreSQL's COPY).
In a table of one column a missing value is "" as well: most readers skip an empty line and would lose a row.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from queries.exports.formats.base import Batches, Column, Options, Report
from queries.exports.formats.formulas import neutralize
from queries.exports.formats.moments import iso_texts
from queries.exports.formats.text import (
    as_bytes,
    constant,
    count,
    joined,
    pieces,
    texts,
)

_LINE_END = "\r\n"


def delimited_chunks(
    columns: Sequence[Column],
    batches: Batches,
    options: Options,
    report: Report,
    *,
    separator: str,
) -> Iterator[bytes]:
    """Yield the file in chunks. The formula guard never changes numbers, booleans and dates."""
    if options.bom:
        yield codecs.BOM_UTF8
    table = _Table(separator, options, report)
    yield table.header([column.name for column in columns])
    for batch in batches:
        for piece in pieces(batch):
            yield table.lines([table.cells(values) for values in piece.columns])


csv_chunks = partial(delimited_chunks, separator=",")
tsv_chunks = partial(delimited_chunks, separator="\t")


class _Table:
    """Formats columns of values as lines of text."""

    def __init__(self, separator: str, options: Options, report: Report) -> None:
        self._separator = separator
        self._special = [separator.encode(), b'"', b"\r", b"\n"]
        self._needs_quotes = rf'[{separator}"\r\n]|^$'
        self._options = options
        self._report = report

    def header(self, names: Sequence[str]) -> bytes:
        """Return the first line."""
        cells = [
            self._quoted(self._text(pa.array([name], pa.string()))) for name in names
        ]
        # Excel reads a file that begins with ID as SYLK and refuses it; a leading quote prevents that.
        if names[0].startswith("ID") and not self._options.bom:
            cells[0] = _in_quotes(pa.array([names[0]], pa.string()))
        return self.lines(cells)

    def cells(self, values: pa.Array) -> pa.StringArray:
        """Return one column as the text of its cells."""
        if pa.types.is_timestamp(values.type):
            return iso_texts(values, self._options.zone)
        text = texts(values)
        if pa.types.is_primitive(values.type):
            return text
        return self._quoted(self._text(text))

    def lines(self, cells: list[pa.StringArray]) -> bytes:
        """Join the columns into lines."""
        missing = constant('""' if len(cells) == 1 else "")
        *others, last = (column.fill_null(missing) for column in cells)
        # One column with the line ends costs less than a separator after each of the others.
        return as_bytes(
            joined(*others, joined(last, _LINE_END), between=self._separator)
        )

    def _text(self, text: pa.StringArray) -> pa.StringArray:
        if self._options.raw:
            return text
        text, count = neutralize(text)
        self._report.cells_neutralised += count
        return text

    def _quoted(self, text: pa.StringArray) -> pa.StringArray:
        """Quote the cells that need it: separators, quotes, line ends, and the empty text."""
        data = as_bytes(text)
        mask = (
            pc.match_substring_regex(text, self._needs_quotes)
            if any(each in data for each in self._special)
            else pc.equal(text, constant(""))
        )
        return pc.if_else(mask, _in_quotes(text), text) if count(mask) else text


def _in_quotes(text: pa.StringArray) -> pa.StringArray:
    if b'"' in as_bytes(text):
        text = pc.replace_substring(text, '"', '""')
    return joined('"', text, '"')
