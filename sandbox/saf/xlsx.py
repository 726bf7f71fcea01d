"""A workbook of one sheet, written row by row: the few XML parts that every reader asks for."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape

_TYPES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
_RELATION = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{kind}" Target="{target}"/></Relationships>'
)
_BOOK = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="Results" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
_SHEET = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
MAX_ROWS = 1_048_575  # under a heading
_MAX_CELL_CHARACTERS = 32_767
_MAX_EXACT_INTEGER = 10**15

Cell = str | int | float | None


def write_workbook(path: Path, heading: list[str], rows: Iterable[list[Cell]]) -> None:
    """Write a workbook with a heading; rows beyond what a sheet holds are left out."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", _TYPES)
        book.writestr(
            "_rels/.rels",
            _RELATION.format(kind="officeDocument", target="xl/workbook.xml"),
        )
        book.writestr("xl/workbook.xml", _BOOK)
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            _RELATION.format(kind="worksheet", target="worksheets/sheet1.xml"),
        )
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(_SHEET.encode())
            sheet.write(_row(list(heading)))
            for _, cells in zip(range(MAX_ROWS), rows, strict=False):
                sheet.write(_row(cells))
            sheet.write(b"</sheetData></worksheet>")


def _row(cells: Iterable[Cell]) -> bytes:
    return f"<row>{''.join(map(_cell, cells))}</row>".encode()


def _cell(value: Cell) -> str:
    if value is None:
        return "<c/>"
    if not isinstance(value, str | bool) and abs(value) < _MAX_EXACT_INTEGER:
        return f"<c><v>{value!r}</v></c>"
    text = escape(_NOT_XML.sub("\ufffd", str(value))[:_MAX_CELL_CHARACTERS])
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
