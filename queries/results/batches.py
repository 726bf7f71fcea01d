"""Batches of an export: the columns' own names and types, whatever the SQL called them."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing

import pyarrow as pa

from queries.results.columns import ORIGINAL, Column
from queries.results.errors import ResultsDamagedError


def batch_schema(columns: Iterable[Column], *, with_original: bool) -> pa.Schema:
    """Return a field for each column, in this order, and last the rows' JSON if requested."""
    fields = [pa.field(column.name, column.arrow_type) for column in columns]
    if with_original:
        fields.append(pa.field(ORIGINAL, pa.binary()))
    return pa.schema(fields)


def as_batches(
    rows: Generator[pa.RecordBatch], schema: pa.Schema
) -> Generator[pa.RecordBatch]:
    """Yield the cells without row numbers, under the columns' names and in their types.

    Raises ResultsDamagedError where a row has no text.
    """
    with closing(rows):
        for batch in rows:
            arrays = [
                cell.cast(to.type)
                for cell, to in zip(batch.columns[1:], schema, strict=True)
            ]
            # No other column of a result is binary.
            if arrays[-1].type == pa.binary() and arrays[-1].null_count:
                raise ResultsDamagedError
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
