"""Excel workbooks, compressed while they are written: memory and disk hold only the current slice.

Excel knows no time zones: a timestamp is the clock of the chosen zone, to the millisecond. NaN and the infinities,
integers of more than 15 digits and dates before March 1900 are not numbers in Excel and are written as exact text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC

import pyarrow as pa

from queries.exports.formats.base import (
    EXCEL_ROWS,
    Batches,
    Column,
    FormatError,
    Options,
    Report,
)
from queries.exports.formats.text import pieces
from queries.exports.formats.xlsx import parts
from queries.exports.formats.xlsx.book import Sheet, Workbook
from queries.exports.formats.xlsx.cells import Cells
from queries.exports.formats.xlsx.text import MAX_CELL_CHARACTERS

#: Microsoft, "Excel specifications and limits".
EXCEL_COLUMNS = 16_384
#: A part of 2 GiB needs ZIP64 headers, which make Excel offer a repair (XlsxWriter's documentation, `use_zip64`):
#: the rows continue on another sheet before. A single piece stays far below what is left.
SHEET_BYTES = 2**31 - 2**28


def xlsx_chunks(
    columns: Sequence[Column], batches: Batches, options: Options, report: Report
) -> Iterator[bytes]:
    """Yield the workbook in chunks: sheets `Rows`, or `Rows 1`, `Rows 2` ..., and `Notes` if cells were truncated."""
    if len(columns) > EXCEL_COLUMNS:
        raise FormatError(
            f"An Excel sheet has at most {EXCEL_COLUMNS:,} columns. Choose fewer columns or another format."
        )
    with closing(Workbook()) as book:
        rows = RowSheets(book, columns, options, report)
        for batch in batches:
            for piece in pieces(batch):
                rows.add(piece)
                yield book.buffer.take()
        rows.finish()
        yield book.buffer.take()


class RowSheets:
    """Spreads the rows over as many sheets as they need, each with the header."""

    def __init__(
        self,
        book: Workbook,
        columns: Sequence[Column],
        options: Options,
        report: Report,
    ) -> None:
        self._book = book
        self._report = report
        self._most_rows = min(options.sheet_rows, EXCEL_ROWS)
        names = [column.name for column in columns]
        self._cells = Cells(names, options.zone, report)
        self._header = self._cells.header()
        self._widths = [parts.width(column.kind) for column in columns]
        self._sheet = self._next_sheet()

    def add(self, piece: pa.RecordBatch) -> None:
        """Write rows, on the next sheet when this one is full. A sheet is started only for a row."""
        while piece.num_rows:
            if self._used >= self._most_rows or self._sheet.size > SHEET_BYTES:
                self._sheet = self._next_sheet()
            fitting = piece.slice(0, self._most_rows - self._used)
            self._sheet.write(self._cells.rows(fitting, self._used + 1))
            self._used += fitting.num_rows
            piece = piece.slice(fitting.num_rows)

    def finish(self) -> None:
        """Add the notes, if any, and end the workbook."""
        many = self._report.sheets > 1
        numbers = range(1, self._report.sheets + 1)
        names = [f"Rows {number}" for number in numbers] if many else ["Rows"]
        if self._report.cells_cut:
            self._add_notes()
            names.append("Notes")
        self._book.finish(names)

    def _next_sheet(self) -> Sheet:
        sheet = self._book.open_sheet(self._widths)
        sheet.write(self._header)
        self._report.sheets += 1
        self._used = 1
        return sheet

    def _add_notes(self) -> None:
        lines = pa.record_batch([pa.array(_cut_notes(self._cells.cut))], ["Notes"])
        notes = Cells(["Notes"], UTC, Report())
        sheet = self._book.open_sheet([parts.NOTES_WIDTH])
        sheet.write(notes.header() + notes.rows(lines, 2))


def _cut_notes(cut: Mapping[str, int]) -> list[str]:
    return [
        f"Cells cut: {sum(cut.values()):,}. Excel holds at most {MAX_CELL_CHARACTERS:,} characters per cell.",
        "CSV, JSON and NDJSON files of the same rows hold all of the text.",
        *(f"Cut in column {name}: {count:,}" for name, count in cut.items()),
    ]
