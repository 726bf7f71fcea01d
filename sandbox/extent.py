"""How much data a file holds, and how much of it lies in a time range; read from its footer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from sandbox.table import nanoseconds


@dataclass(frozen=True)
class Extent:
    """The row groups of a file as (first, last, bytes), times in nanoseconds since the epoch."""

    rows: int
    groups: tuple[tuple[int, int, int], ...]

    @property
    def first(self) -> datetime | None:
        """The time of the oldest row, to the second."""
        return _moment(min((first for first, _, _ in self.groups), default=None))

    @property
    def last(self) -> datetime | None:
        """The time of the newest row, to the second."""
        return _moment(max((last for _, last, _ in self.groups), default=None))

    def bytes_between(self, start: datetime | None, end: datetime | None) -> int:
        """The bytes a scan of that range reads: whole row groups, uncompressed."""
        low = -(2**63) if start is None else nanoseconds(start)
        high = 2**63 if end is None else nanoseconds(end)
        return sum(
            size for first, last, size in self.groups if first < high and last >= low
        )


def extent_of(path: Path) -> Extent:
    """Read the extent of a file of the sandbox's rows."""
    footer = pq.read_metadata(path)
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    spans = []
    for group in groups:
        times = group.column(0).statistics
        spans.append((times.min_raw, times.max_raw, group.total_byte_size))
    return Extent(footer.num_rows, tuple(spans))


def _moment(ns: int | None) -> datetime | None:
    return None if ns is None else datetime.fromtimestamp(ns // 10**9, UTC)
