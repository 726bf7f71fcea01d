"""Pack rows: a text that its template rebuilds byte for byte is not stored."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from queries.results.columns import ORIGINAL, ROW_NUMBER, TEMPLATE, Column
from queries.results.engine import Bounds, Engine
from queries.results.errors import ResultError
from queries.results.row_templates import Documents, learn, template_number
from queries.results.row_texts import (
    Templates,
    columns_of,
    read_templates,
    rows_with_texts,
    templates_metadata,
)
from queries.results.sql import source

_PARTS: Final = 4  # of which rows are read to learn from, spread over the result
_ROWS: Final = 200  # of each
_TEMPLATES: Final = 4
_WIDEST: Final = 1_000  # columns; to write a text from more takes longer than it saves
# Compaction waits for threads rather than leave a large file.
_BOUNDS: Final = Bounds(memory="128MB", seconds=60.0, wait=60.0)
_CHOSEN: Final = f"{ROW_NUMBER} IN (SELECT unnest($numbers))"


class RowPacker:
    """Removes the texts of rows in the parts `paths`.

    Texts stay where there are too many columns, where rows have no template in common, and where the
    comparison fails. Raises ResultsMissingError and ResultsDamagedError.
    """

    def __init__(
        self, paths: Sequence[Path], columns: Sequence[Column], documents: Documents
    ) -> None:
        self._paths = paths
        self._columns = columns
        self._documents = documents
        self._known = read_templates(paths)  # of parts that were packed before
        self._learnt: Templates = {}
        if not self._known and 0 < len(columns) <= _WIDEST:
            with suppress(ResultError, pa.ArrowInvalid, OSError):
                self._learnt = self._learn()
            pa.default_memory_pool().release_unused()

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """Return the schema of the packed tables, from that of the parts."""
        if self._learnt:
            return schema.append(pa.field(TEMPLATE, pa.int64()))
        return schema

    @property
    def facts(self) -> dict[bytes, bytes]:
        """Return the metadata of a file of packed tables."""
        return templates_metadata({**self._known, **self._learnt})

    def packed(self, path: Path, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Yield the tables of one part, in order, without the texts that a template rebuilds."""
        if not self._learnt:
            yield from tables
            return
        compared = self._compared(path)
        first = 0
        for table in tables:
            here = compared and compared.slice(first, len(table))
            yield _without_texts(table, here)
            first += len(table)

    def _learn(self) -> Templates:
        """Learn templates until every sample matches one, or one more would not help."""
        learnt: Templates = {}
        sampled = self._paths[:: max(1, len(self._paths) // _PARTS)]
        left = {number: text for path in sampled for number, text in _samples(path)}
        while left and len(learnt) < _TEMPLATES:
            template = learn(left.values(), self._columns, self._documents)
            more = {**learnt, template_number(template): template}
            fitting = self._fitting(sampled, more, left)
            if not fitting:
                break
            learnt = more
            left = {number: left[number] for number in left.keys() - fitting}
        return learnt

    def _fitting(
        self, paths: Sequence[Path], templates: Templates, rows: Iterable[int]
    ) -> set[int]:
        """Return which of these rows match one of the templates."""
        values = {"numbers": list(rows)}
        found = _asked(f"{_comparison(templates)} WHERE {_CHOSEN}", paths, values)
        fitting: list[int] = found.filter(pc.is_valid(found[TEMPLATE]))[
            ROW_NUMBER
        ].to_pylist()
        return set(fitting)

    def _compared(self, path: Path) -> pa.Table | None:
        """Return row and template number of each row; the number is null where a row keeps its text."""
        try:
            return _asked(_comparison(self._learnt), [path], {})
        except ResultError:
            return None


def _asked(sql: str, paths: Sequence[Path], values: Mapping[str, Any]) -> pa.Table:
    """Query an engine of its own: a reused one keeps what it read of every part."""
    scratch = paths[0].parent / f".spill-{secrets.token_hex(4)}"
    with Engine(paths, scratch, _BOUNDS) as engine:
        return engine.table(sql, {"files": list(map(str, paths)), **values})


def _comparison(templates: Templates) -> str:
    cases = (
        f"WHEN encode({rows_with_texts(template)}) = {ORIGINAL} THEN {number:d}"
        for number, template in templates.items()
    )
    return (
        f"SELECT {ROW_NUMBER}, CASE {' '.join(cases)} END::BIGINT AS {TEMPLATE}"  # noqa: S608 - names of our own
        f" FROM {source(columns_of(templates))}"
    )


def _samples(path: Path) -> Iterator[tuple[int, bytes]]:
    """Return some rows of a part, evenly spread: number and text."""
    with pq.ParquetFile(path, pre_buffer=False) as file:
        table = file.read_row_group(
            0, columns=[ROW_NUMBER, ORIGINAL], use_threads=False
        )
    some = table.take(pa.array(range(0, len(table), max(1, len(table) // _ROWS))))
    return zip(some[ROW_NUMBER].to_pylist(), some[ORIGINAL].to_pylist(), strict=True)


def _without_texts(table: pa.Table, compared: pa.Table | None) -> pa.Table:
    """Return the table without the texts of rows that have a template. `compared` are the same rows."""
    if compared is None or not compared[ROW_NUMBER].equals(table[ROW_NUMBER]):
        return table.append_column(TEMPLATE, pa.nulls(len(table), pa.int64()))
    numbers = compared[TEMPLATE]
    kept = pc.if_else(pc.is_null(numbers), table[ORIGINAL], None)
    at = table.schema.get_field_index(ORIGINAL)
    return table.set_column(at, ORIGINAL, kept).append_column(TEMPLATE, numbers)
