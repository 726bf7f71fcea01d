"""The shape of the sandbox's rows on disk: one Parquet file, newest row first."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 20_000
METADATA_KEY = b"sandbox"

# For rows on the way, whose user data may still be any text.
LOOSE_SCHEMA = pa.schema(
    [
        ("ts", pa.timestamp("ns")),
        ("severity", pa.int8()),
        ("logid", pa.string()),
        ("templateid", pa.string()),
        ("application", pa.string()),
        ("subsystem", pa.string()),
        ("labels", pa.string()),
        ("user_data", pa.string()),
    ]
)
# Marked as JSON, so that the database need not parse each value once more in each query.
_JSON = pa.json_(pa.string())
SCHEMA = pa.schema(
    [
        field.with_type(_JSON) if field.name in ("labels", "user_data") else field
        for field in LOOSE_SCHEMA
    ]
)


class Source(NamedTuple):
    """Where a line comes from; ``labels`` is the JSON text of all its labels."""

    application: str
    subsystem: str
    labels: str


class LogLine(NamedTuple):
    """One row: nanoseconds since the epoch (UTC), severity 1 to 6, and the user data as JSON text.

    A plain line of text is a JSON string here; on the wire it is the text itself.
    """

    ns: int
    severity: int
    source: Source
    template: str
    logid: str
    user_data: str


def source(application: str, subsystem: str, **others: str) -> Source:
    """A source with the two labels every line has, and any of the optional ones (``computername`` ...)."""
    labels = {"applicationname": application, "subsystemname": subsystem, **others}
    return Source(
        application, subsystem, msgspec.json.encode(labels, order="sorted").decode()
    )


def uuid_text(number: int) -> str:
    """A 128-bit number in the form of a UUID."""
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def nanoseconds(moment: datetime) -> int:
    """Since the epoch; exact to the microsecond a datetime has."""
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000


def write_rows(
    path: Path,
    lines: Iterable[LogLine],
    metadata: Mapping[str, Any],
    schema: pa.Schema = SCHEMA,
) -> int:
    """Write ``lines`` in the order given and return their number; one row group is in memory at a time."""
    return write_batches(path, _batches(lines), metadata, schema)


def write_batches(
    path: Path,
    batches: Iterable[pa.RecordBatch],
    metadata: Mapping[str, Any],
    schema: pa.Schema = SCHEMA,
) -> int:
    """Write batches and return the number of rows; readers see the whole file or none of it.

    ``about`` is kept in the file and read by ``read_about``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    kept = schema.with_metadata({METADATA_KEY: msgspec.json.encode(metadata)})
    written = 0
    try:
        with temporary.open("wb") as file:
            with pq.ParquetWriter(
                file, kept, compression="zstd", compression_level=1
            ) as writer:
                for batch in batches:
                    writer.write_batch(batch.cast(schema), row_group_size=ROW_GROUP)
                    written += batch.num_rows
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return written


def read_metadata(path: Path) -> dict[str, Any]:
    """What ``write_rows`` was told about the file; empty when there is no such file or it is not one of ours."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (FileNotFoundError, pa.ArrowInvalid):
        return {}
    about: dict[str, Any] = msgspec.json.decode(metadata.get(METADATA_KEY, b"{}"))
    return about


def _batches(lines: Iterable[LogLine]) -> Iterator[pa.RecordBatch]:
    rest = iter(lines)
    while group := list(islice(rest, ROW_GROUP)):
        ns, severities, sources, templates, logids, user_data = zip(*group, strict=True)
        columns = [
            ns,
            severities,
            logids,
            templates,
            *zip(*sources, strict=True),
            user_data,
        ]
        arrays = [
            pa.array(values, kind.type)
            for values, kind in zip(columns, LOOSE_SCHEMA, strict=True)
        ]
        yield pa.record_batch(arrays, schema=LOOSE_SCHEMA)
