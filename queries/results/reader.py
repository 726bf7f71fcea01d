"""Read pages, single rows and whole exports from a result's parts."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar
from weakref import WeakSet

import pyarrow as pa
import pyarrow.compute as pc

from queries.results import row_texts, sql
from queries.results.batches import as_batches, batch_schema
from queries.results.cache import ANSWERS, BLOCKS, ORDERS
from queries.results.columns import ORIGINAL, ROW_NUMBER, Column
from queries.results.conditions import Condition, Filter
from queries.results.engine import Bounds, Engine, Interrupt
from queries.results.engine_pool import ENGINE_POOL
from queries.results.errors import (
    ConditionError,
    ResultsDamagedError,
    ResultsMissingError,
    RowNotFoundError,
    UnknownColumnError,
)
from queries.results.external_sort import sort_rows
from queries.results.histogram import Histogram, histogram
from queries.results.pages import Page, around, rows_in
from queries.results.parts import part_table
from queries.results.prefetch import prefetch
from queries.results.row_texts import read_templates
from queries.results.sql import Selection, Sort
from queries.results.statistics import Ask, ColumnStatistics, presences, statistics

BATCH_ROWS: Final = 10_000
BATCH_CELLS: Final = 250_000
CELL_CHARACTERS: Final = 4_096
_EVERYTHING: Final = Filter()
_BOUNDS: Final = Bounds()
T = TypeVar("T")


class ResultReader:
    """Reads the rows of `parts` (file names) in `directory`; use it as a context manager.

    Cheap to make: no file is opened before the first query. One thread at a time. Raises
    ResultsMissingError when a part is missing, QueryTimeoutError and MemoryLimitError when a query
    exceeds `bounds`, UnknownColumnError for a column that is not in `columns`.
    """

    def __init__(
        self,
        directory: Path,
        parts: Sequence[str],
        columns: Sequence[Column],
        *,
        bounds: Bounds = _BOUNDS,
    ) -> None:
        self._directory = directory
        self._parts = {name: part_table(name) for name in sorted(parts)}
        self._columns = {column.name: column for column in columns}
        files = tuple(directory / name for name in self._parts)
        self._key = (files, bounds)
        self._engine: Engine | None = None
        self._streams: WeakSet[Generator[pa.RecordBatch]] = WeakSet()

    def __enter__(self) -> ResultReader:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in list(self._streams):
            stream.close()
        if self._engine:
            ENGINE_POOL.release(self._key, self._engine)
            self._engine = None

    @property
    def total(self) -> int:
        """Number of rows."""
        return sum(map(len, self._parts.values()))

    def page(
        self,
        *,
        offset: int,
        size: int,
        columns: Sequence[str] | None = None,
        sort: Sequence[Sort] = (),
        filter: Filter = _EVERYTHING,  # noqa: A002 - the word for it
        cell_characters: int = CELL_CHARACTERS,
    ) -> Page:
        """`size` rows from the `offset`-th on, after filtering and sorting all rows.

        Only `columns` are read (None: all, in the result's order). Cells are what JSON had:
        None, bool, int, float or str; lists and empty objects are JSON text, times are
        `datetime` in UTC (microseconds). Longer texts end in "…" after `cell_characters`.
        """
        chosen = self._chosen(columns)
        wanted = slice(max(offset, 0), max(offset, 0) + max(size, 0))
        ahead = around(wanted, len(chosen))
        if sort or filter:
            order = self._ordered(sort, filter)
            matched, numbers = len(order), order[ahead].to_pylist()
        else:
            matched, numbers = self.total, self._numbers(ahead)
        within = slice(wanted.start - ahead.start, wanted.stop - ahead.start)
        rows = self._rows(numbers, within, chosen, cell_characters)
        return Page(chosen, rows, self.total, matched)

    def count(self, filter: Filter = _EVERYTHING) -> int:  # noqa: A002 - the word for it
        """Return how many rows pass the filter."""
        return len(self._ordered((), filter)) if filter else self.total

    def statistics(
        self,
        column: str,
        *,
        filter: Filter = _EVERYTHING,  # noqa: A002 - the word for it
        top: int = 10,
    ) -> ColumnStatistics:
        """Return statistics of one column over the rows that pass the filter."""
        chosen = self._column(column)

        def find() -> ColumnStatistics:
            return statistics(*self._narrowed(filter), chosen, top)

        if not self._parts:
            return ColumnStatistics(chosen)
        return self._remembered(("statistics", chosen, filter, top), find)

    def presence(
        self,
        *,
        filter: Filter = _EVERYTHING,  # noqa: A002 - the word for it
    ) -> dict[str, int]:
        """Return, by column name, how many of the rows that pass the filter have a value."""
        columns = list(self._columns.values())

        def find() -> dict[str, int]:
            return presences(*self._narrowed(filter), columns)

        if not self._parts:
            return dict.fromkeys(self._columns, 0)
        return dict(self._remembered(("presence", tuple(columns), filter), find))

    def histogram(
        self,
        column: str,
        *,
        by: str | None = None,
        filter: Filter = _EVERYTHING,  # noqa: A002 - the word for it
        buckets: int = 60,
        zone: tzinfo = UTC,
    ) -> Histogram:
        """Count the rows that pass the filter over the times of a column, stacked by another.

        At most about 100 steps, in `zone`. Raises ResultError when the column holds no times.
        """
        chosen, stacked = self._column(column), None if by is None else self._column(by)

        def find() -> Histogram:
            asking = self._narrowed(filter)
            return histogram(*asking, chosen, stacked, (buckets, zone))

        if not self._parts:
            return Histogram()
        key = ("histogram", chosen, stacked, filter, buckets, str(zone))
        return self._remembered(key, find)

    def _ask(
        self,
        statement: str,
        values: Mapping[str, Any],
        numbers: pa.Table | None = None,
    ) -> pa.Table:
        values = {"files": self._files(), **values}
        return self._open().table(statement, values, numbers)

    def _narrowed(
        self,
        filter: Filter,  # noqa: A002 - the word for it
        sort: Sequence[Sort] = (),
    ) -> tuple[Ask, Selection]:
        """Return how to query the rows that pass the filter, and the selection.

        Texts are searched once for all queries: then their row numbers are known.
        """
        selected = self._selection(sort, filter)
        if not (filter.is_expensive and self._parts):
            return self._ask, selected
        numbers = self._ordered((), filter)
        if len(numbers) == self.total:
            return self._ask, self._selection(sort, _EVERYTHING)
        chosen = pa.table({ROW_NUMBER: numbers})
        return partial(self._ask, numbers=chosen), sql.among(selected)

    def _remembered(self, question: tuple[Any, ...], find: Callable[[], T]) -> T:
        found: T = ANSWERS.get((self._directory, *self._parts, question), find)
        return found

    def row(self, n: int) -> bytes:
        """Return the original JSON of row `n`, byte for byte. Raises RowNotFoundError."""
        files = self._files([n])
        if not files:
            raise RowNotFoundError
        values = {"files": files, "number": n}
        found = self._open().table(row_texts.row(read_templates(files)), values)
        texts: list[bytes | None] = found[ORIGINAL].to_pylist()
        if not (texts and texts[0] is not None):
            raise ResultsDamagedError
        return texts[0]

    def batches(
        self,
        *,
        columns: Sequence[str] | None = None,
        sort: Sequence[Sort] = (),
        filter: Filter = _EVERYTHING,  # noqa: A002 - the word for it
        limit: int | None = None,
        with_original: bool = False,
        batch_rows: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """All rows, or the first `limit`, in batches: one Arrow column per column asked for.

        Fields bear the columns' names in the order asked for, and `Column.arrow_type`. With
        `with_original` a last field "_original" holds each row's JSON (binary); together with
        `columns=()` it is the only one. Batches have `batch_rows` rows or fewer (None: 10,000, of
        more than 25 columns fewer). Memory stays flat: sorted rows wait on the disk for
        their turn (StorageFullError when there is no room). A thread reads ahead of the consumer
        of the batches, and has ended when the iterator is closed or the reader is.
        """
        chosen = self._chosen(columns)
        if not (self._parts and (chosen or with_original)):
            return
        templates = read_templates(self._key[0]) if with_original else {}
        cells = [*map(sql.merged, chosen)]
        if with_original:
            cells.append(row_texts.row_text_sql(templates))
        schema = batch_schema(chosen, with_original=with_original)
        batch_rows = batch_rows or min(BATCH_ROWS, -(-BATCH_CELLS // len(cells)))
        selection = self._selection(sort, filter)
        used = [*chosen, *selection.columns, *row_texts.columns_of(templates)]
        statement = sql.export(cells, used, selection)
        halt = Interrupt()
        rows = self._export(statement, selection, limit, batch_rows, halt)
        stream = as_batches(rows, schema)
        if min(self.total, self.total if limit is None else limit) > batch_rows:
            stream = prefetch(stream, halt)
        self._streams.add(stream)
        yield from stream

    def _export(
        self,
        statement: str,
        selection: Selection,
        limit: int | None,
        batch_rows: int,
        halt: Interrupt,
    ) -> Generator[pa.RecordBatch]:
        """Yield batches of row numbers and cells, in the selected order."""
        values = {"files": self._files(), **selection.values}
        limit = None if limit is None else max(limit, 0)
        engine = self._open()
        if not selection.order_by:
            return engine.stream(
                f"{statement} LIMIT $limit",
                {**values, "limit": limit},
                batch_rows,
                halt,
            )
        order = self._order(selection)[:limit]
        batches = engine.stream(statement, values, BATCH_ROWS, halt)
        return sort_rows(batches, order, self._scratch("sort"), batch_rows)

    def _chosen(self, names: Sequence[str] | None) -> list[Column]:
        return [
            self._column(name) for name in (self._columns if names is None else names)
        ]

    def _column(self, name: str) -> Column:
        try:
            return self._columns[name]
        except KeyError as error:
            raise UnknownColumnError from error

    def _selection(self, sort: Sequence[Sort], filter: Filter) -> Selection:  # noqa: A002
        orders = [(self._column(by.column), by.descending) for by in sort]
        searched = self._chosen(None if filter.column is None else [filter.column])
        conditions = [(by, self._conditioned(by)) for by in filter.conditions]
        found = sql.selection(orders, searched, filter.text, conditions)
        return replace(found, files=self._key[0])

    def _conditioned(self, condition: Condition) -> Column:
        if condition.column not in self._columns:
            raise ConditionError(condition.column, "this result has no such column")
        return self._columns[condition.column]

    def _ordered(
        self,
        sort: Sequence[Sort],
        filter: Filter,  # noqa: A002 - the word for it
    ) -> pa.Int64Array:
        """Return the numbers of the rows that pass the filter, in order."""
        selected = self._selection(sort, filter)
        if not sort:
            return self._order(selected)
        return self._order(selected, lambda: self._narrowed(filter, sort))

    def _order(
        self,
        selection: Selection,
        narrowed: Callable[[], tuple[Ask, Selection]] | None = None,
    ) -> pa.Int64Array:
        """Return the numbers of the selected rows, in order; cached for the next page.

        `narrowed` may have a faster way to query the same.
        """
        if not self._parts:
            return pa.array([], pa.int64())

        def find() -> pa.Int64Array:
            ask, quicker = narrowed() if narrowed else (self._ask, selection)
            found = ask(sql.numbers(quicker), quicker.values)
            return found[ROW_NUMBER].combine_chunks()

        statement = sql.numbers(selection)
        key = (self._directory, *self._parts, statement, *selection.values.items())
        return ORDERS.get(key, find)

    def _rows(
        self,
        numbers: Sequence[int],
        within: slice,
        columns: Sequence[Column],
        longest: int,
    ) -> list[tuple[int, list[object]]]:
        """Return the cells of the rows at the positions `within`, in this order.

        All of them are read at once, as that takes hardly longer, and cached.
        """
        wanted = numbers[within]
        if not (wanted and columns):
            return [(number, []) for number in wanted]
        files = self._files(numbers)
        if not all(Path(file).is_file() for file in files):
            raise ResultsMissingError
        values = {"files": files, "numbers": list(numbers)}
        statement = sql.rows(dict.fromkeys(columns), longest + 1, [*map(Path, files)])
        table = BLOCKS.get(
            (*files, statement, *numbers),
            lambda: self._open().table(statement, values).combine_chunks(),
        )
        if len(table) < len(set(numbers)):
            raise ResultsDamagedError
        places = pc.index_in(pa.array(wanted), value_set=table[ROW_NUMBER])
        found = rows_in(table.take(places), columns, longest)
        return [(number, found[number]) for number in wanted]

    def _numbers(self, wanted: slice) -> list[int]:
        """Return row numbers by position, from the parts' names, without reading rows."""
        numbers: list[int] = []
        passed = 0
        for rows in self._parts.values():
            start, stop = wanted.start - passed, wanted.stop - passed
            numbers += rows[max(start, 0) : max(stop, 0)]
            passed += len(rows)
        return numbers

    def _files(self, numbers: Sequence[int] | None = None) -> list[str]:
        """Return the paths of all parts, or of those that hold one of these rows."""
        return [
            str(self._directory / name)
            for name, rows in self._parts.items()
            if numbers is None or any(number in rows for number in numbers)
        ]

    def _open(self) -> Engine:
        if self._engine is None:
            if not all(file.is_file() for file in self._key[0]):
                raise ResultsMissingError
            self._engine = ENGINE_POOL.acquire(
                self._key, lambda: self._scratch("spill")
            )
        return self._engine

    def _scratch(self, purpose: str) -> Path:
        """Return a directory for what does not fit in memory; recovery removes what a crash left."""
        return self._directory / f".{purpose}-{secrets.token_hex(4)}"
