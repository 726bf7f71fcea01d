"""Merge many small parts into one file: fewer footers to read, larger row groups to scan."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from queries.results.columns import Column
from queries.results.errors import ResultsDamagedError, ResultsMissingError
from queries.results.parts import Part, StoredPart, part_table, storing_part
from queries.results.row_packing import RowPacker
from queries.results.row_templates import WHOLE, Documents

GROUP_ROWS: Final = 100_000
GROUP_BYTES: Final = 32 * 2**20  # of Arrow memory, which bounds the process


def compact(
    directory: Path,
    parts: Sequence[str],
    columns: Sequence[Column],
    documents: Documents = WHOLE,
    *,
    group_rows: int = GROUP_ROWS,
    group_bytes: int = GROUP_BYTES,
) -> Part:
    """Merge parts into one new part, in flat memory, and keep the old ones.

    Rows whose text can be rebuilt from their cells are stored without it (see `row_templates`): `columns`
    are the result's, `documents` says how texts and columns belong together. The caller records the new
    part in place of the old ones and only then deletes those, so that a crash at any moment leaves a
    readable result. The parts must follow one another without a gap. Raises StorageError,
    ResultsMissingError and ResultsDamagedError.
    """
    names = sorted(parts)
    rows = _joined([part_table(name) for name in names])
    paths = [directory / name for name in names]
    with _reading():
        schema = pa.unify_schemas([pq.read_schema(path) for path in paths])
    packer = RowPacker(paths, columns, documents)
    with storing_part(directory, rows, packer.schema(schema)) as pending:
        pending.facts = packer.facts
        held: list[pa.Table] = []
        for path in paths:
            for table in packer.packed(path, _tables(path, schema)):
                if held and not _fits([*held, table], group_rows, group_bytes):
                    _release(held, pending)
                held.append(table)
        _release(held, pending)
    return pending.part


def _joined(ranges: Sequence[range]) -> range:
    """Return the rows of all parts. Raises ResultsDamagedError when some are missing or duplicated."""
    if not ranges:
        raise ResultsMissingError
    for before, after in itertools.pairwise(ranges):
        if before.stop != after.start:
            raise ResultsDamagedError
    return range(ranges[0].start, ranges[-1].stop)


def _tables(path: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the row groups of one file, each with all columns of `schema`."""
    with _reading(), pq.ParquetFile(path, pre_buffer=False) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, use_threads=False)
            yield pa.concat_tables(
                [schema.empty_table(), table], promote_options="default"
            )


def _fits(tables: Sequence[pa.Table], rows: int, size: int) -> bool:
    return (
        sum(map(len, tables)) <= rows and sum(table.nbytes for table in tables) <= size
    )


def _release(held: list[pa.Table], pending: StoredPart) -> None:
    """Write the collected tables as one row group and return their memory to the system."""
    pending.write(pa.concat_tables(held))
    held.clear()
    pa.default_memory_pool().release_unused()


@contextmanager
def _reading() -> Iterator[None]:
    """Raise ResultsDamagedError or ResultsMissingError for a part that cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise ResultsMissingError from error
    except (pa.ArrowInvalid, OSError) as error:
        raise ResultsDamagedError from error
