"""Sort any number of rows in flat memory, by distributing them to chunks on disk.

DuckDB sorts whole rows, needs memory in proportion to them and fails when there is not enough. Here
the order is known beforehand, as row numbers. One pass over the result writes each row to the chunk
where it belongs (rows 0 to 50,000 of the output to the first chunk, and so on); each chunk then fits
in memory.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from queries.results.columns import ROW_NUMBER
from queries.results.parts import storage_errors

CHUNK_BYTES: Final = 32 * 2**20  # of Arrow memory
MAX_CHUNKS: Final = 200  # each is an open file
_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


def sort_rows(
    batches: Iterable[pa.RecordBatch],
    order: pa.Int64Array,
    scratch: Path,
    batch_rows: int,
) -> Generator[pa.RecordBatch]:
    """Yield the rows numbered in `order`, in that order, in batches of at most `batch_rows`.

    `batches` contain at least these rows, with the row number first, which is replaced by the row's
    position in the order. `scratch` is a directory, not yet created, for the chunks. Raises StorageError
    and StorageFullError.
    """
    try:
        for path in _write_chunks(batches, order, scratch):
            with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
                chunk = stream.read_all()
            path.unlink()
            rows = chunk.take(pc.sort_indices(chunk[ROW_NUMBER]))
            del chunk
            yield from rows.to_batches(max_chunksize=batch_rows)
            del rows
            pa.default_memory_pool().release_unused()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_chunks(
    batches: Iterable[pa.RecordBatch], order: pa.Int64Array, scratch: Path
) -> list[Path]:
    """Write all rows to chunks; return the chunks' files in order."""
    paths: dict[int, Path] = {}
    chunks: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
    size = 0
    with storage_errors(), ExitStack() as open_files:
        for batch in _placed(batches, order):
            size = size or _chunk_rows(len(order), batch)
            for number, rows in _split(batch, size):
                if number not in chunks:
                    scratch.mkdir(mode=0o700, exist_ok=True)
                    paths[number] = scratch / f"{number}.arrow"
                    chunks[number] = _new_chunk(paths[number], batch.schema, open_files)
                chunks[number].write_batch(rows)
    return [paths[number] for number in sorted(paths)]


def _placed(
    batches: Iterable[pa.RecordBatch], order: pa.Int64Array
) -> Iterator[pa.RecordBatch]:
    """Return the requested rows sorted by their position in the order, which replaces the number."""
    if not len(order):
        return
    places = pc.inverse_permutation(order, max_index=pc.max(order).as_py())
    for batch in batches:
        numbers = batch.column(0)
        known = pc.if_else(pc.less(numbers, len(places)), numbers, None)
        place = places.take(known)
        wanted = pc.sort_indices(place)[
            : len(place) - place.null_count
        ]  # nulls come last
        if len(wanted):
            yield batch.set_column(0, ROW_NUMBER, place).take(wanted)


def _chunk_rows(rows: int, sample: pa.RecordBatch) -> int:
    """Return the rows of a chunk, so that neither memory nor open files run out."""
    by_size: int = CHUNK_BYTES * len(sample) // sample.nbytes
    return max(by_size, -(-rows // MAX_CHUNKS), 1)


def _split(batch: pa.RecordBatch, size: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the slices of a batch, sorted by position, that belong to one chunk each."""
    runs = pc.run_end_encode(pc.divide(batch.column(0), size))
    start = 0
    for chunk, end in zip(
        runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True
    ):
        yield chunk, batch.slice(start, end - start)
        start = end


def _new_chunk(
    path: Path, schema: pa.Schema, open_files: ExitStack
) -> pa.ipc.RecordBatchStreamWriter:
    file = open_files.enter_context(pa.OSFile(str(path), "wb"))
    return open_files.enter_context(pa.ipc.new_stream(file, schema, options=_OPTIONS))
