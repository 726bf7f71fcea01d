"""Operations on whole Arrow columns of text, shared by the writers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

#: A piece is what is turned into bytes in one go. It bounds memory, however large or wide the batches are.
PIECE_ROWS = 10_000  # the size of a reader's batch
PIECE_CELLS = 250_000
PIECE_BYTES = 8 * 1024 * 1024


def pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Cut a batch into slices (no copies) within the three limits, but never below one row."""
    by_bytes = PIECE_BYTES * batch.num_rows // max(1, batch.nbytes)
    by_cells = PIECE_CELLS // max(1, batch.num_columns)
    size = max(1, min(PIECE_ROWS, by_bytes, by_cells))
    for start in range(0, batch.num_rows, size):
        yield batch.slice(start, size)


def texts(array: pa.Array) -> pa.StringArray:
    """Return the values as text, nulls kept. Numbers in their shortest exact form."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        return _decoded(array)
    text = array if pa.types.is_string(array.type) else array.cast(pa.string())
    if pa.types.is_floating(array.type):
        return _name_non_finite(text, pc.is_finite(array))
    return text


def joined(*parts: pa.StringArray | str, between: str = "") -> pa.StringArray:
    """Concatenate columns and constants row by row; a null in any part makes the row null."""
    constants = (constant(part) if isinstance(part, str) else part for part in parts)
    return pc.binary_join_element_wise(*constants, constant(between))


def as_bytes(array: pa.StringArray) -> bytes:
    """Return all values, concatenated, as UTF-8: the column's own buffer, without a Python string per row."""
    _, offsets, data = array.buffers()
    ends = memoryview(offsets).cast("i")
    start, end = ends[array.offset], ends[array.offset + len(array)]
    return memoryview(data)[start:end].tobytes()


def patched(
    array: pa.StringArray, mask: pa.BooleanArray, repair: Callable[[str], str]
) -> pa.StringArray:
    """Replace only the values under the mask (null counts as false) with a Python function."""
    mask = mask.fill_null(False)  # noqa: FBT003 - Arrow's own signature
    repaired = [repair(value) for value in array.filter(mask).to_pylist()]
    return (
        pc.replace_with_mask(array, mask, pa.array(repaired, pa.string()))
        if repaired
        else array
    )


def count(mask: pa.BooleanArray) -> int:
    """Return how many values of a mask are true."""
    return pc.sum(mask).as_py() or 0


def has_bytes(data: bytes, unwanted: bytes) -> bool:
    """Return whether any of these single bytes occurs: one pass, before slower work. For a few bytes ``in`` is faster."""
    return len(data.translate(None, unwanted)) != len(data)


def _decoded(array: pa.BinaryArray) -> pa.StringArray:
    """Decode bytes; invalid UTF-8 gets replacement characters."""
    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:
        values = (
            value and value.decode(errors="replace") for value in array.to_pylist()
        )
        return pa.array(values, pa.string())


def _name_non_finite(text: pa.StringArray, finite: pa.BooleanArray) -> pa.StringArray:
    """Name NaN and the infinities as proto3's JSON mapping does, which Coralogix and Python also read."""
    names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return patched(text, pc.invert(finite), names.__getitem__)


@lru_cache(maxsize=4096)
def constant(value: str) -> Any:
    """Return a cached Arrow constant: pyarrow looks for numpy each time it makes one, which costs more than a join."""
    return pa.scalar(value, pa.string())
