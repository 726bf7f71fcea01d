"""Whole Arrow columns of text at once: the few moves every writer is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

#: A piece is what is turned into bytes in one go. It bounds memory, however large or wide the batches are.
PIECE_ROWS = 10_000  # what a result's reader delivers at once
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
    """The values as text, nulls kept. Numbers in their shortest exact form."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        return _decoded(array)
    text = array if pa.types.is_string(array.type) else array.cast(pa.string())
    if pa.types.is_floating(array.type):
        return _spelled(text, pc.is_finite(array))
    return text


def joined(*parts: pa.StringArray | str, between: str = "") -> pa.StringArray:
    """Concatenate columns and constants row by row; a null in any part makes the row null."""
    constants = (constant(part) if isinstance(part, str) else part for part in parts)
    return pc.binary_join_element_wise(*constants, constant(between))


def as_bytes(array: pa.StringArray) -> bytes:
    """All values, one after the other, as UTF-8: the column's own buffer, without a Python string per row."""
    _, offsets, data = array.buffers()
    ends = memoryview(offsets).cast("i")
    start, end = ends[array.offset], ends[array.offset + len(array)]
    return memoryview(data)[start:end].tobytes()


def patched(
    array: pa.StringArray, mask: pa.BooleanArray, repair: Callable[[str], str]
) -> pa.StringArray:
    """Send only the values under the mask (null counts as false) through a Python function."""
    mask = mask.fill_null(False)  # noqa: FBT003 - Arrow's own signature
    repaired = [repair(value) for value in array.filter(mask).to_pylist()]
    return (
        pc.replace_with_mask(array, mask, pa.array(repaired, pa.string()))
        if repaired
        else array
    )


def count(mask: pa.BooleanArray) -> int:
    """How many values of a mask are true."""
    return pc.sum(mask).as_py() or 0


def has_bytes(data: bytes, unwanted: bytes) -> bool:
    """Whether any of these single bytes occurs: one pass, before any slower work. For a few bytes `in` is faster."""
    return len(data.translate(None, unwanted)) != len(data)


def _decoded(array: pa.BinaryArray) -> pa.StringArray:
    """Bytes as text; the rare ones that are no UTF-8 with a mark in place of what cannot be read."""
    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:
        values = (
            value and value.decode(errors="replace") for value in array.to_pylist()
        )
        return pa.array(values, pa.string())


def _spelled(text: pa.StringArray, finite: pa.BooleanArray) -> pa.StringArray:
    """Give NaN and the infinities the names of JSON's proto3 mapping, which Coralogix and Python also read."""
    names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return patched(text, pc.invert(finite), names.__getitem__)


@lru_cache(maxsize=4096)
def constant(value: str) -> Any:
    """An Arrow constant. Kept: to make one, pyarrow looks for numpy each time, which costs more than a join."""
    return pa.scalar(value, pa.string())
