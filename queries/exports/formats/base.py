"""Types shared by all formats: input, options, report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Protocol

import pyarrow as pa

#: Rows of one Excel sheet, header included (Microsoft, "Excel specifications and limits").
EXCEL_ROWS = 1_048_576


class FormatError(Exception):
    """The requested file cannot be written. The text is safe to show to a user."""


class Column(Protocol):
    """One column of a result: its shown name and its kind.

    Kinds: text, integer, number, boolean, timestamp, json, severity. Only `json` changes what is written
    (JSON text is embedded, not quoted again); everything else follows the Arrow type of the data.
    """

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> str: ...


@dataclass(frozen=True)
class Options:
    """The user's choices. A format ignores those that do not concern it, except ``original``."""

    #: JSON and NDJSON: write each row's original text (batches of one column, `_original`), not its columns.
    original: bool = False
    #: CSV, TSV and XLSX: the zone of timestamps. JSON and Parquet are always UTC.
    zone: tzinfo = UTC
    #: CSV and TSV: leave formula-looking text as it is. For machines, not for spreadsheets.
    raw: bool = False
    #: CSV and TSV: begin with a byte order mark; without one Excel reads UTF-8 as the system's code page.
    bom: bool = False
    #: JSON and NDJSON: integers beyond 2^53, at any depth, as strings: most readers round them as numbers.
    exact_as_text: bool = False
    #: "" or one of the format's `compressions`. In a .zip the file is called `inner_name`
    #: (default: result.<extension>).
    compression: str = ""
    inner_name: str = ""
    #: Returns the manifest once all rows are written: the last member of a .zip, and Parquet's metadata.
    manifest: Callable[[Report], bytes] | None = None
    #: XLSX: rows of one sheet, header included; more rows continue on further sheets.
    sheet_rows: int = EXCEL_ROWS


@dataclass
class Report:
    """What was written. It grows with the file and is final after the last byte."""

    rows: int = 0
    #: Bytes of the finished file, after any compression.
    size: int = 0
    #: Of the finished file, in hexadecimal; `write` knows it, a stream does not.
    sha256: str = ""
    #: The same two of the data file itself, inside any compression; a stream knows them if it compresses.
    data_size: int = 0
    data_sha256: str = ""
    #: XLSX: sheets that hold rows.
    sheets: int = 0
    #: XLSX: cells truncated because Excel holds at most 32,767 characters in one.
    cells_cut: int = 0
    #: Cells and column names that a spreadsheet could read as a formula, prefixed with ' (CSV, TSV)
    #: or bearing Excel's own mark for that (XLSX).
    cells_neutralised: int = 0
    #: XLSX: integers of more than 15 digits, and dates before March 1900, written as text to stay exact.
    cells_as_text: int = 0
    #: JSON: values that were not valid JSON and were written as a JSON string, so that the file stays valid.
    values_quoted: int = 0
    #: JSON: integers beyond 2^53 written as text, as chosen.
    integers_as_text: int = 0


Batches = Iterator[pa.RecordBatch]
Writer = Callable[[Sequence[Column], Batches, Options, Report], Iterator[bytes]]


@dataclass(frozen=True)
class Format:
    """One file format, with all that the app needs to know of it.

    ``streams``: bytes come out while rows go in. ``originals``: it can hold the provider's rows as received.
    ``embeds_manifest``: the manifest is part of the file, without a zip.
    ``bom``: it starts with a byte order mark, so that spreadsheets read UTF-8. ``inline_cells``: a file of at most
    this many cells is built while the user waits, in under a second on a small machine.
    """

    slug: str
    label: str
    extension: str
    media_type: str
    writer: Writer = field(repr=False)
    streams: bool = True
    originals: bool = False
    compressions: tuple[str, ...] = ("zip", "gzip")
    bom: bool = False
    embeds_manifest: bool = False
    inline_cells: int = 1_000_000


def unique_names(columns: Sequence[Column]) -> Iterator[str]:
    """Yield the names, a repeated one as "name (2)": readers of JSON or Parquet would keep only one of them."""
    taken = {column.name for column in columns}
    seen: set[str] = set()
    for column in columns:
        key, number = column.name, 1
        while key in seen or (number > 1 and key in taken):
            number += 1
            key = f"{column.name} ({number})"
        seen.add(key)
        yield key
