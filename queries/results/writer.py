"""Write rows as they arrive to durable parts, small at first so that they show quickly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from queries.results.columns import ORIGINAL, ROW_NUMBER, Column
from queries.results.errors import StorageError
from queries.results.flatten import Flattener
from queries.results.parts import Part, storing_part

#: Of what a result set's parts and columns look like on the disk, compacted or not; recorded with each result set.
#: 1 is what 0.1.0 wrote. Raise it when the code of the release before could not read what is written from now on;
#: every version up to this one must stay readable.
FORMAT_VERSION: Final = 1
Row = tuple[Mapping[str, Any], bytes]
_MORE_PATIENT: Final = 8  # parts until the wait for the next one has doubled
# Rows that are taken apart at once: few, or they leave the processor's cache meanwhile.
_HEAP_ROWS: Final = 128
_HEAP_BYTES: Final = 2**20
# Rows that are turned into a table at once. Python's values take several times a table's memory.
_TABLE_ROWS: Final = 2_048


@dataclass(frozen=True)
class Limits:
    """When a part is due, and how large a result may get.

    A part is due after `part_rows` rows (`first_part_rows` for the first, then twice as many each
    time), or `flush_seconds` after its first row (growing, so that a slow stream does not leave
    thousands of files), or when the buffered rows make `part_bytes` of JSON or `part_cells` cells,
    whichever comes first.
    """

    part_rows: int = 20_000
    first_part_rows: int = 500
    flush_seconds: float = 1.0
    part_bytes: int = 32 * 2**20
    part_cells: int = 4_000_000
    columns: int = 2_000


@dataclass
class _Buffer:
    """Buffered rows; the last ones are not yet in tables, or not yet flattened."""

    tables: list[pa.Table] = field(default_factory=list)
    originals: list[bytes] = field(default_factory=list)
    heap: list[Mapping[str, Any]] = field(default_factory=list)
    rows: int = 0
    size: int = 0
    since: float = 0.0


class _FlushReason(Enum):
    """Why reading rows stopped."""

    DUE = auto()  # the buffered rows make a part
    STORED = auto()  # an earlier part has become durable
    ENDED = auto()


class PartWriter:
    """Writes the rows of one result into `directory`.

    `hints` maps column names to "timestamp" or "severity" (see `cells.column_arrays`). To continue a
    result that has parts already, pass its `columns` and the number of its rows as `first_row`. Memory
    is bounded by the limits, however many rows there are.

    While rows arrive fast a thread stores a part while the next part's rows arrive: Arrow releases the
    interpreter meanwhile.
    """

    def __init__(
        self,
        directory: Path,
        *,
        hints: Mapping[str, str] | None = None,
        limits: Limits = Limits(),
        clock: Callable[[], float] = time.monotonic,
        columns: Sequence[Column] = (),
        first_row: int = 0,
    ) -> None:
        self._directory = directory
        self._limits = limits
        self._clock = clock
        self._flattener = Flattener(hints or {}, columns, limits.columns)
        self._held = _Buffer()
        self._first_row = first_row
        self._next_row = first_row  # the number of the next row that enters a table
        self._storing: tuple[Future[Part], pa.Table] | None = None
        self._parts: list[Part] = []

    @property
    def columns(self) -> list[Column]:
        """The merged columns of all parts written, in order of first appearance."""
        return self._flattener.columns

    @property
    def columns_dropped(self) -> int:
        """Keypaths beyond the limit: only in the rows' JSON. Counted up to 10,000."""
        return self._flattener.dropped

    @property
    def rows(self) -> int:
        """Number of durable rows, earlier writers' included, which is the next part's first."""
        return self._first_row + sum(part.rows for part in self._parts)

    @property
    def size(self) -> int:
        """Bytes of the parts this writer has written."""
        return sum(part.size for part in self._parts)

    def write(self, rows: Iterable[Row]) -> Iterator[Part]:
        """Read rows and yield each part when it is durable, the last one at the end.

        A row is its values by top-level name and its original JSON. When `rows` raises, the rows received
        before become durable and are yielded first; then the exception is raised. Raises StorageFullError
        and StorageError; rows of parts already yielded stay.
        """
        source = iter(rows)
        because = _FlushReason.DUE
        with ThreadPoolExecutor(1, "parts") as pool:  # no thread before it is needed
            while because is not _FlushReason.ENDED:
                because = _FlushReason.ENDED
                try:
                    because = self._fill(source)
                finally:
                    yield from self._durable(because, pool)

    def _fill(self, source: Iterator[Row]) -> _FlushReason:
        held, clock = self._held, self._clock
        heap, originals = held.heap, held.originals
        patience = self._limits.flush_seconds * (1 + len(self._parts) / _MORE_PATIENT)
        due_rows = self._due_rows()
        room, full = self._room()
        for values, original in source:
            if not held.rows:
                held.since = clock()
            heap.append(values)
            originals.append(original)
            held.rows += 1
            held.size += len(original)
            if held.rows >= due_rows or clock() - held.since >= patience:
                return _FlushReason.DUE
            if len(heap) >= room or held.size >= full:
                self._take_apart()
                if self._is_large():
                    return _FlushReason.DUE
                if self._storing is not None and self._storing[0].done():
                    return _FlushReason.STORED
                room, full = self._room()
        return _FlushReason.ENDED

    def _due_rows(self) -> int:
        begun = len(self._parts) + (self._storing is not None)
        limits = self._limits
        return min(limits.part_rows, limits.first_part_rows << min(begun, 32))

    def _room(self) -> tuple[int, int]:
        """Return how many rows to collect before flattening, and how large the buffer may get.

        One row to begin with: the width of rows is not known before.
        """
        held, limits, width = self._held, self._limits, self._flattener.width
        rows = limits.part_cells // width - held.rows if width else 1
        return (
            max(1, min(rows, _HEAP_ROWS)),
            min(held.size + _HEAP_BYTES, limits.part_bytes),
        )

    def _is_large(self) -> bool:
        """Return whether the buffered rows have reached the memory limit."""
        cells = self._held.rows * self._flattener.width
        limits = self._limits
        return self._held.size >= limits.part_bytes or cells >= limits.part_cells

    def _take_apart(self) -> None:
        held = self._held
        try:
            self._flattener.add(held.heap)
        finally:
            held.heap.clear()
        if len(held.originals) >= _TABLE_ROWS:
            self._tabulate()

    def _tabulate(self) -> None:
        """Convert the flattened rows to a table, which takes far less memory."""
        held, flattener, first = self._held, self._flattener, self._next_row
        columns = {
            ROW_NUMBER: pa.array(range(first, first + flattener.rows), pa.int64()),
            ORIGINAL: pa.array(held.originals[: flattener.rows], pa.binary()),
            **flattener.arrays(),
        }
        held.tables.append(pa.table(columns))
        held.originals.clear()
        self._next_row += flattener.rows
        flattener.clear()

    def _durable(
        self, because: _FlushReason, pool: ThreadPoolExecutor
    ) -> Iterator[Part]:
        """Yield stored parts, oldest first; the buffered rows become one if it is due."""
        if self._storing is not None:
            yield self._counted(self._stored(*self._storing))
        if because is _FlushReason.STORED or not self._held.rows:
            return
        table = self._table()
        if because is _FlushReason.DUE and len(table) >= self._limits.part_rows:
            self._held = _Buffer()
            self._storing = pool.submit(_store, self._directory, table), table
        else:
            part = _store(self._directory, table)
            self._held = _Buffer()
            yield self._counted(part)

    def _stored(self, storing: Future[Part], table: pa.Table) -> Part:
        self._storing = None
        try:
            return storing.result()
        except StorageError:  # buffered as before, in case there is space later
            self._held.tables.insert(0, table)
            self._held.rows += len(table)
            raise

    def _counted(self, part: Part) -> Part:
        self._parts.append(part)
        return part

    def _table(self) -> pa.Table:
        """Return all buffered rows as one table."""
        self._take_apart()
        self._tabulate()
        held = self._held
        held.tables = [pa.concat_tables(held.tables, promote_options="default")]
        return held.tables[0]


def _store(directory: Path, table: pa.Table) -> Part:
    first = table[ROW_NUMBER][0].as_py()
    with storing_part(
        directory, range(first, first + len(table)), table.schema
    ) as pending:
        pending.write(table)
    return pending.part
