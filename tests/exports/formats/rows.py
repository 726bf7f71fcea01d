"""Rows for the tests of the writers, and independent readers of the files."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import openpyxl
import pyarrow as pa

from queries.exports.formats import Options, stream

TYPES = {
    "text": pa.string(),
    "severity": pa.string(),
    "json": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("ns", "UTC"),
}

#: Text that has broken writers before.
HARD_TEXTS = [
    "plain",
    "",
    " spaced ",
    "\u00fc\u00e9\u4e2d\u6587",
    "\U0001f469\u200d\U0001f680 to the moon",
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "e\u0301 combining",
    'say "hi", then; go',
    "two\nlines",
    "two\r\nlines\rthree",
    "\ttab",
    "back\\slash",
    "a<b>&c]]>d",
    "_x0041_x0042_ and _x005F_",
    "nul\x00bell\x07escape\x1b",
    "\ufffe\uffff non-characters",
    "\u2028 separators \u2029",
    "007",
    "null",
    "x" * 40_000,
]


@dataclass(frozen=True)
class Shown:
    """A column as the result knows it."""

    name: str
    kind: str


def columns(**kinds: str) -> list[Shown]:
    return [Shown(name, kind) for name, kind in kinds.items()]


def batch(shown: list[Shown], rows: list[tuple]) -> pa.RecordBatch:
    values = list(zip(*rows, strict=True)) or [()] * len(shown)
    arrays = [
        pa.array(each, TYPES[column.kind])
        for column, each in zip(shown, values, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=[each.name for each in shown])


def batches(
    shown: list[Shown], rows: list[tuple], size: int = 7
) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(rows), size):
        yield batch(shown, rows[start : start + size])


def made(slug, shown, rows, *, report=None, **chosen) -> bytes:
    """The whole file."""
    options = Options(**chosen)
    return b"".join(
        stream(slug, shown, batches(shown, rows), options=options, report=report)
    )


def originals(texts: list[str | None]) -> Iterator[pa.RecordBatch]:
    for text in texts:
        yield pa.record_batch([pa.array([text], pa.string())], ["_original"])


def read_csv(data: bytes) -> list[list[str]]:
    csv.field_size_limit(10**9)
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


def workbook(data: bytes) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(data))


def sheet_values(sheet) -> list[list]:
    """The cells as Excel would show them: openpyxl leaves the _xHHHH_ escapes to its caller."""
    return [[_unescaped(cell.value) for cell in row] for row in sheet.iter_rows()]


def _unescaped(value):
    if not isinstance(value, str):
        return value
    return re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), value)


def sheet_xml(data: bytes, number: int = 1) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(f"xl/worksheets/sheet{number}.xml")
