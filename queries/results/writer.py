"""The writer: rows as they arrive -> durable parts, small at first so that they show quickly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from queries.results.columns import ORIGINAL, ROW_NUMBER, Column
from queries.results.parts import Part, stored
from queries.results.shredder import Shredder

Row = tuple[Mapping[str, Any], bytes]
_MORE_PATIENT: Final = 8  # parts until the wait for the next one has doubled


@dataclass(frozen=True)
class Limits:
    """When a part is due, and how much a result may spread.

    A part is due after `part_rows` rows (`first_part_rows` for the first, then twice as many
    each time), or `flush_seconds` after its first row (growing, so that a slow stream does not
    leave thousands of files), or when the rows held make `part_bytes` of JSON or `part_cells`
    cells, whichever comes first.
    """

    part_rows: int = 20_000
    first_part_rows: int = 500
    flush_seconds: float = 1.0
    part_bytes: int = 32 * 2**20
    part_cells: int = 4_000_000
    columns: int = 2_000


@dataclass
class _Held:
    """Rows taken but not yet durable."""

    originals: list[bytes] = field(default_factory=list)
    size: int = 0
    since: float = 0.0


class PartWriter:
    """Writes the rows of one result into `directory`.

    `hints` maps column names to "timestamp" or "severity" (see `cells.arrays_of`). To go on
    with a result that has parts already, pass its `columns` and the number of its rows as
    `first_row`. Memory is bounded by the limits, however many rows there are.
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
        self._shredder = Shredder(hints or {}, columns, limits.columns)
        self._held = _Held()
        self._first_row = first_row
        self._parts: list[Part] = []

    @property
    def columns(self) -> list[Column]:
        """The columns of all parts written, merged, in order of first appearance."""
        return self._shredder.columns

    @property
    def columns_dropped(self) -> int:
        """Keypaths beyond the limit: only in the rows' JSON. Counted up to 10,000."""
        return self._shredder.dropped

    @property
    def rows(self) -> int:
        """Durable rows, those of earlier writers included: the number of the next part's first."""
        return self._first_row + sum(part.rows for part in self._parts)

    @property
    def size(self) -> int:
        """Bytes of the parts this writer has written."""
        return sum(part.size for part in self._parts)

    def write(self, rows: Iterable[Row]) -> Iterator[Part]:
        """Take rows and yield each part when it is durable, the last one at the end.

        A row is its values by top-level name and its original JSON. When `rows` raises, what
        was received before becomes durable and is yielded first; then the exception goes on.
        Raises StorageFullError and StorageError; rows of parts already yielded stay.
        """
        source = iter(rows)
        more = True
        while more:
            more = False
            try:
                more = self._fill(source)
            finally:
                if self._held.originals:
                    yield self._flush()

    def _fill(self, source: Iterator[Row]) -> bool:
        """Take rows until a part is due (True) or there are no more (False)."""
        held, limits, clock, shredder = (
            self._held,
            self._limits,
            self._clock,
            self._shredder,
        )
        add = shredder.add
        keep = held.originals.append
        due_rows = min(
            limits.part_rows, limits.first_part_rows << min(len(self._parts), 32)
        )
        patience = limits.flush_seconds * (1 + len(self._parts) / _MORE_PATIENT)
        for values, original in source:
            if not held.originals:
                held.since = clock()
            add(values)
            keep(original)
            held.size += len(original)
            count = shredder.rows
            if (
                count >= due_rows
                or held.size >= limits.part_bytes
                or count * shredder.width >= limits.part_cells
                or clock() - held.since >= patience
            ):
                return True
        return False

    def _flush(self) -> Part:
        table = self._table()
        rows = range(self.rows, self.rows + len(table))
        with stored(self._directory, rows, table.schema) as pending:
            pending.write(table)
        self._shredder.clear()
        self._held.originals.clear()
        self._held.size = 0
        self._parts.append(pending.part)
        return pending.part

    def _table(self) -> pa.Table:
        count = len(self._held.originals)
        columns = {
            ROW_NUMBER: pa.array(range(self.rows, self.rows + count), pa.int64()),
            ORIGINAL: pa.array(self._held.originals, pa.binary()),
            **self._shredder.arrays(),
        }
        return pa.table(columns)
