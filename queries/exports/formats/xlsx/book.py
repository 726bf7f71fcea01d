"""The container of a workbook: sheets one after the other in a ZIP archive, the listing parts last."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile

from queries.exports.formats.stream_buffer import LEVEL, StreamBuffer
from queries.exports.formats.xlsx import parts


class Sheet:
    """A worksheet that rows are added to."""

    def __init__(self, part: IO[bytes], start: str) -> None:
        self._part = part
        #: Bytes so far, before compression.
        self.size = 0
        self.write(start.encode())

    def write(self, rows: bytes) -> None:
        """Add rows of XML."""
        self.size += self._part.write(rows)

    def close(self) -> None:
        """End the sheet."""
        self.write(parts.SHEET_END.encode())
        self._part.close()


class Workbook:
    """A workbook being written. ``buffer`` buffers the bytes that are ready to be sent."""

    def __init__(self) -> None:
        self.buffer = StreamBuffer()
        self._archive = ZipFile(self.buffer, "w", ZIP_DEFLATED, compresslevel=LEVEL)
        self._open = ExitStack()
        self._sheets = 0
        # First, because programs that guess a file's type look at the first names.
        self._put("_rels/.rels", parts.ROOT_RELATIONS)
        self._put("xl/styles.xml", parts.STYLES)

    def open_sheet(self, widths: Sequence[int]) -> Sheet:
        """Start a sheet and end the one before. ``widths``: of its columns, in characters."""
        self._open.close()
        self._sheets += 1
        part = self._archive.open(f"xl/worksheets/sheet{self._sheets}.xml", "w")
        sheet = Sheet(part, parts.sheet_start(widths))
        return self._open.enter_context(closing(sheet))

    def finish(self, names: Sequence[str]) -> None:
        """Write the parts that list the sheets."""
        self._open.close()
        links = parts.workbook_relations(self._sheets)
        self._put("xl/workbook.xml", parts.workbook(names))
        self._put("xl/_rels/workbook.xml.rels", links)
        self._put("[Content_Types].xml", parts.content_types(self._sheets))
        self._archive.close()

    def close(self) -> None:
        """Release everything, finished or not."""
        self._open.close()
        self._archive.close()

    def _put(self, name: str, text: str) -> None:
        # Not `writestr`, which stamps the time: the same rows make the same file.
        with self._archive.open(name, "w") as part:
            part.write(text.encode())
