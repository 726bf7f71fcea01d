"""Write rows as files: JSON, NDJSON, CSV, TSV, XLSX and Parquet, as pure streams.

Every format is a generator: batches in, bytes out, with at most a part of a batch in memory. Files,
downloads and archives all use that stream. No module here knows where the rows come from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from queries.exports.formats import archive
from queries.exports.formats.base import (
    Batches,
    Column,
    Format,
    FormatError,
    Options,
    Report,
)
from queries.exports.formats.csv_writer import csv_chunks, tsv_chunks
from queries.exports.formats.files import atomic_file, behind, safe_file_name
from queries.exports.formats.json_writer import json_chunks, ndjson_chunks
from queries.exports.formats.parquet_writer import parquet_chunks
from queries.exports.formats.xlsx.writer import xlsx_chunks

__all__ = [
    "FORMATS",
    "Batches",
    "Column",
    "Format",
    "FormatError",
    "Options",
    "Report",
    "check_choices",
    "extension",
    "media_type",
    "safe_file_name",
    "stream",
    "write",
]

_XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Progress = Callable[[int, int], None]

#: For files that are compressed inside: gzip would gain nothing, a .zip adds the manifest.
_PACKED = (archive.ZIP,)

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        form.slug: form
        for form in (
            Format(
                "json", "JSON", "json", "application/json", json_chunks, originals=True
            ),
            Format(
                "ndjson",
                "NDJSON",
                "ndjson",
                "application/x-ndjson",
                ndjson_chunks,
                originals=True,
            ),
            Format(
                "csv", "CSV", "csv", "text/csv; charset=utf-8", csv_chunks, bom=True
            ),
            Format(
                "tsv",
                "TSV",
                "tsv",
                "text/tab-separated-values; charset=utf-8",
                tsv_chunks,
                bom=True,
            ),
            Format(
                "xlsx",
                "Excel (XLSX)",
                "xlsx",
                _XLSX_TYPE,
                xlsx_chunks,
                compressions=_PACKED,
                inline_cells=150_000,
            ),
            Format(
                "parquet",
                "Parquet",
                "parquet",
                "application/vnd.apache.parquet",
                parquet_chunks,
                compressions=_PACKED,
                embeds_manifest=True,
            ),
        )
    }
)


def stream(
    slug: str,
    columns: Sequence[Column],
    batches: Batches,
    *,
    options: Options = Options(),  # noqa: B008 - frozen
    report: Report | None = None,
) -> Generator[bytes]:
    """Yield the file's bytes. ``report``, if given, is filled on the way.

    ``batches``: record batches with these columns in this order, or, for ``options.original``, one column of JSON text
    (or bytes). Raises KeyError for an unknown slug and FormatError for a choice the format cannot serve, both at once;
    ValueError when a batch has another number of columns. Exceptions of ``batches`` pass through.
    """
    chosen = FORMATS[slug]
    _check(chosen, columns, options)
    return _chunks(chosen, columns, batches, options, report or Report())


def write(
    slug: str,
    destination: Path,
    columns: Sequence[Column],
    batches: Batches,
    *,
    options: Options = Options(),  # noqa: B008 - frozen
    progress: Progress | None = None,
) -> Report:
    """Write the complete file or none; the directory must exist, and a file of that name is replaced.

    ``progress`` is called with the rows and bytes written so far, after each batch; its exceptions stop the
    work. Raises as `stream` does, and OSError.
    """
    report = Report()
    digest = hashlib.sha256()
    if progress is not None:
        batches = _with_progress(batches, progress, report)
    chunks = stream(slug, columns, batches, options=options, report=report)
    with atomic_file(destination) as file, behind(file.write, digest.update) as put:
        for chunk in chunks:
            put(chunk)
    report.sha256 = digest.hexdigest()
    if not options.compression:
        report.data_size, report.data_sha256 = report.size, report.sha256
    return report


def extension(slug: str, compression: str = "") -> str:
    """Return the file name's extension: csv, csv.zip or csv.gz."""
    plain = FORMATS[slug].extension
    return f"{plain}.{archive.EXTENSIONS[compression]}" if compression else plain


def media_type(slug: str, compression: str = "") -> str:
    """Return the Content-Type of a download."""
    return archive.MEDIA_TYPES[compression] if compression else FORMATS[slug].media_type


def check_choices(chosen: Format, *, original: bool, compression: str) -> None:
    """Raise FormatError, with a text for users, if the format cannot serve the choices."""
    if original and not chosen.originals:
        able = " or ".join(form.label for form in FORMATS.values() if form.originals)
        raise FormatError(f"{chosen.label} cannot hold raw rows. Choose {able}.")
    if compression and compression not in chosen.compressions:
        able = " or ".join(chosen.compressions)
        raise FormatError(
            f"{chosen.label} is already compressed. Choose no compression, or {able}."
        )


def _check(chosen: Format, columns: Sequence[Column], options: Options) -> None:
    check_choices(chosen, original=options.original, compression=options.compression)
    if not columns and not options.original:
        raise FormatError("Choose at least one column.")


def _chunks(
    chosen: Format,
    columns: Sequence[Column],
    batches: Batches,
    options: Options,
    report: Report,
) -> Generator[bytes]:
    width = 1 if options.original else len(columns)
    counted = _counted(batches, width, report)
    chunks = chosen.writer(columns, counted, options, report)
    for chunk in _compressed(chosen, chunks, options, report):
        if chunk:
            report.size += len(chunk)
            yield chunk


def _compressed(
    chosen: Format, chunks: Iterator[bytes], options: Options, report: Report
) -> Iterator[bytes]:
    if not options.compression:
        return chunks
    chunks = archive.measure(chunks, report)
    if options.compression == archive.GZIP:
        return archive.gzip_stream(chunks)
    manifest = partial(options.manifest, report) if options.manifest else None
    name = safe_file_name(options.inner_name, chosen.extension)
    return archive.zip_stream(chunks, name, manifest)


def _counted(batches: Batches, width: int, report: Report) -> Batches:
    """Pass the batches on; a batch is counted when the writer requests the next."""
    for batch in batches:
        if batch.num_columns != width:
            raise ValueError(f"{batch.num_columns} columns of data for {width} names")
        yield batch
        report.rows += batch.num_rows


def _with_progress(batches: Batches, progress: Progress, report: Report) -> Batches:
    done = 0
    for batch in batches:
        yield batch
        done += batch.num_rows
        progress(done, report.size)
