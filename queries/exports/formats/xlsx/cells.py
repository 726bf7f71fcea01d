"""Rows of a worksheet as XML, by the column: numbers, dates and booleans as such, everything else as text.

The output contains no formula and no link: only `v` (a number, 0 or 1) and inline text. Text that
looks like a formula gets Excel's quote prefix (ECMA-376 part 1, 18.8.45: quotePrefix), which keeps it text when
the cell is edited; the value itself is not changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from queries.exports.formats.base import Report
from queries.exports.formats.formulas import looks_like_formula
from queries.exports.formats.moments import excel_serials, iso_texts
from queries.exports.formats.text import as_bytes, constant, count, joined, texts
from queries.exports.formats.xlsx.text import escaped, truncate

#: The cell formats, in the order of the styles part.
_HEADER_STYLE, _DATE_STYLE = ' s="1"', ' s="2"'
_QUOTED = {"": ' s="3"', _HEADER_STYLE: ' s="4"'}
_BOOLEAN = ' t="b"'
#: Excel keeps 15 digits of a number (Microsoft, "Excel specifications and limits").
_DIGITS = 15
_SHORT = rf"^-?[0-9.]{{1,{_DIGITS}}}$"


class Content(NamedTuple):
    """One column's values, each either as a number or as text."""

    number: pa.StringArray | None = None
    text: pa.StringArray | None = None
    style: str = ""


class Cells:
    """Turns batches into rows of XML, and counts what had to be changed."""

    def __init__(self, names: Sequence[str], zone: tzinfo, report: Report) -> None:
        self._names = names
        self._letters = [letters(index) for index in range(len(names))]
        self._zone = zone
        self._report = report
        #: How many cells were cut, by column name.
        self.cut: Counter[str] = Counter()

    def header(self) -> bytes:
        """Return the first row: the column names, in bold."""
        names = (pa.array([name], pa.string()) for name in self._names)
        contents = [Content(text=name, style=_HEADER_STYLE) for name in names]
        return self._xml(1, 1, contents)

    def rows(self, piece: pa.RecordBatch, first: int) -> bytes:
        """Return the rows of a slice; ``first`` is the number of its first row in the sheet, from 1."""
        contents = [self._content(values) for values in piece.columns]
        return self._xml(first, piece.num_rows, contents)

    def _xml(self, first: int, length: int, contents: Sequence[Content]) -> bytes:
        numbers = pa.array(range(first, first + length), pa.int32()).cast(pa.string())
        cells = [
            self._cells(index, content, numbers)
            for index, content in enumerate(contents)
        ]
        return as_bytes(joined('<row r="', numbers, '">', *cells, "</row>"))

    def _cells(
        self, index: int, content: Content, numbers: pa.StringArray
    ) -> pa.StringArray:
        """Return one column as XML; a missing value has no cell."""
        reference = (f'<c r="{self._letters[index]}', numbers)
        cells = []
        if content.number is not None:
            head = f'"{content.style}><v>'
            cells.append(joined(*reference, head, content.number, "</v></c>"))
        if content.text is not None:
            text = escaped(self._cut(content.text, index))
            style = content.style if content.style == _HEADER_STYLE else ""
            guard = self._guarded(content.text, style)
            head = ' t="inlineStr"><is><t xml:space="preserve">'
            cells.append(joined(*reference, '"', guard, head, text, "</t></is></c>"))
        return pc.coalesce(*cells, constant(""))

    def _content(self, values: pa.Array) -> Content:
        kind = values.type
        if pa.types.is_timestamp(kind):
            return self._moments(values)
        if pa.types.is_boolean(kind):
            return Content(
                number=values.cast(pa.int8()).cast(pa.string()), style=_BOOLEAN
            )
        text = texts(values)
        if pa.types.is_floating(kind):
            return _split(text, text, pc.is_finite(values))
        if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
            return self._exact(text)
        return Content(text=text)

    def _guarded(self, text: pa.StringArray, style: str) -> pa.StringArray | str:
        """Return the style of each cell: with Excel's quote prefix where the text looks like a formula."""
        mask = looks_like_formula(text)
        if mask is None:
            return style
        self._report.cells_neutralised += count(mask)
        return pc.if_else(mask, constant(_QUOTED[style]), constant(style))

    def _moments(self, values: pa.TimestampArray) -> Content:
        serials, datable = excel_serials(values, self._zone)
        self._report.cells_as_text += count(pc.invert(datable))
        iso = iso_texts(values, self._zone)
        return _split(texts(serials), iso, datable, _DATE_STYLE)

    def _exact(self, text: pa.StringArray) -> Content:
        if not count(pc.greater(pc.binary_length(text), _DIGITS)):
            return Content(number=text)
        short = pc.match_substring_regex(text, _SHORT)
        self._report.cells_as_text += count(pc.invert(short))
        return _split(text, text, short)

    def _cut(self, text: pa.StringArray, index: int) -> pa.StringArray:
        text, count = truncate(text)
        if count:
            self._report.cells_cut += count
            self.cut[self._names[index]] += count
        return text


def letters(index: int) -> str:
    """Return the name of a column, counted from 0: A, Z, AA, XFD."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _split(
    number: pa.StringArray, text: pa.StringArray, good: pa.BooleanArray, style: str = ""
) -> Content:
    """Return the numbers where they are exact, the texts elsewhere."""
    if not count(pc.invert(good)):
        return Content(number=number, style=style)
    nothing = pa.scalar(None, pa.string())
    return Content(
        pc.if_else(good, number, nothing), pc.if_else(good, nothing, text), style
    )
