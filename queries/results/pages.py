"""Convert the cells of one page from Arrow to Python, each as the value that the row's JSON had."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from queries.results.columns import ROW_NUMBER, Column, physical_name

Cells = list[Any]
ROWS_AHEAD: Final = 500
CELLS_AHEAD: Final = 50_000


@dataclass(frozen=True)
class Page:
    """Some rows of a result: (row number, cells in the order of `columns`).

    `total` is the number of rows of the result, `matched` of those that pass the filter.
    """

    columns: list[Column]
    rows: list[tuple[int, list[object]]]
    total: int
    matched: int


def around(wanted: slice, columns: int) -> slice:
    """Return the positions to read with the requested ones: a few pages, the same for each of them.

    Most of the time is spent on finding a row's position in the files, little on the row.
    """
    size = wanted.stop - wanted.start
    pages = min(ROWS_AHEAD, CELLS_AHEAD // max(columns, 1)) // max(size, 1)
    start = wanted.start - wanted.start % max(size * pages, 1)
    stop = start + size * pages
    return slice(start, stop) if wanted.stop <= stop else wanted


def rows_in(
    table: pa.Table, columns: Iterable[Column], longest: int
) -> dict[int, list[object]]:
    """Return row number -> cells, from a table of physical columns; texts truncated to `longest`."""
    numbers = table[ROW_NUMBER].to_pylist()
    cells = [_cells(table, column, longest) for column in columns]
    return {n: [column[at] for column in cells] for at, n in enumerate(numbers)}


def _cells(table: pa.Table, column: Column, longest: int) -> Cells:
    cells: Cells = [None] * len(table)
    for letter in column.types:
        values = _DECODERS.get(letter, _plain)(
            table[physical_name(column.name, letter)]
        )
        cells = [
            value if cell is None else cell
            for cell, value in zip(cells, values, strict=True)
        ]
    return [_cut(cell, longest) for cell in cells]


def _cut(cell: Any, longest: int) -> Any:
    too_long = cell.__class__ is str and len(cell) > longest
    return f"{cell[:longest]}…" if too_long else cell


def _plain(values: pa.ChunkedArray) -> Sequence[Any]:
    return values.to_pylist()  # type: ignore[no-any-return]


def _times(values: pa.ChunkedArray) -> Sequence[Any]:
    """Convert to `datetime`, which has microseconds only; the files keep nanoseconds."""
    return _plain(values.cast(pa.timestamp("us", "UTC"), safe=False))


def _giants(values: pa.ChunkedArray) -> Sequence[Any]:
    """Convert digits to integers; those beyond Python's limit of 4,300 digits stay hexadecimal text."""
    return [None if v is None else v if "0x" in v else int(v) for v in _plain(values)]


_DECODERS: Final[dict[str, Callable[[pa.ChunkedArray], Sequence[Any]]]] = {
    "t": _times,
    "g": _giants,
}
