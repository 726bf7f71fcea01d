"""Parquet, row group by row group: memory holds one group, columns keep their types.

Integers are INT64, times are nanoseconds in UTC. Values without a type of their own are text, exactly as in CSV: integers
beyond 64 bits, columns of mixed types, and nested values (JSON text). The manifest is also in the file's
key-value metadata.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import pyarrow as pa
import pyarrow.parquet as pq

from queries.exports.formats.base import Batches, Column, Options, Report, unique_names
from queries.exports.formats.stream_buffer import StreamBuffer
from queries.exports.formats.text import pieces

#: Of one row group, whichever comes first. Readers skip by groups; a smaller one costs them more than it saves us.
GROUP_ROWS = 65_536
GROUP_BYTES = 32 * 1024 * 1024
MANIFEST_KEY = "querydeck.manifest"
_COMPRESSION = "zstd"
#: The types of an empty result; rows bring their own.
_TYPES = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("ns", "UTC"),
}


def parquet_chunks(
    columns: Sequence[Column], batches: Batches, options: Options, report: Report
) -> Iterator[bytes]:
    """Yield the file, a row group at a time."""
    buffer = StreamBuffer()
    first = next(batches, None)
    kinds = [_TYPES.get(column.kind, pa.string()) for column in columns]
    types = kinds if first is None else [_storable(each) for each in first.schema.types]
    schema = pa.schema(list(zip(unique_names(columns), types, strict=True)))
    rows = batches if first is None else chain([first], batches)
    del first  # release it, as the chain does
    with pq.ParquetWriter(
        pa.PythonFile(buffer, mode="w"), schema, compression=_COMPRESSION
    ) as writer:
        yield buffer.take()
        for group in _groups(rows):
            writer.write_table(_table(group, schema), row_group_size=GROUP_ROWS)
            group.clear()
            yield buffer.take()
        if options.manifest:
            writer.add_key_value_metadata({MANIFEST_KEY: options.manifest(report)})
    yield buffer.take()


def _groups(batches: Batches) -> Iterator[list[pa.RecordBatch]]:
    """Collect slices of batches into row groups."""
    group: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        for piece in pieces(batch):
            group.append(piece)
            rows += piece.num_rows
            size += piece.nbytes
            if rows >= GROUP_ROWS or size >= GROUP_BYTES:
                yield group
                group, rows, size = [], 0, 0
    if group:
        yield group


def _table(group: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    arrays = [
        pa.chunked_array([piece.column(index) for piece in group]).cast(field.type)
        for index, field in enumerate(schema)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _storable(kind: pa.DataType) -> pa.DataType:
    return (
        pa.string() if pa.types.is_null(kind) or pa.types.is_dictionary(kind) else kind
    )
