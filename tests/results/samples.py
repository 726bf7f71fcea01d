"""Results to read: rows written by the product's own writer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from queries.results import (
    Column,
    Filter,
    Limits,
    Page,
    Part,
    PartWriter,
    ResultReader,
    Sort,
)

Row = tuple[Mapping[str, Any], bytes]
SMALL = Limits(part_rows=4, first_part_rows=2)


@dataclass(frozen=True)
class Written:
    """A result on disk, and how to look at it."""

    directory: Path
    parts: list[Part]
    columns: list[Column]

    @property
    def names(self) -> list[str]:
        return [part.name for part in self.parts]

    @property
    def kinds(self) -> dict[str, str]:
        return {column.name: column.kind for column in self.columns}

    def reader(self, **options: Any) -> ResultReader:
        return ResultReader(self.directory, self.names, self.columns, **options)

    def page(self, **wanted: Any) -> Page:
        with self.reader() as reader:
            return reader.page(**{"offset": 0, "size": 1_000_000, **wanted})

    def cells(self, **wanted: Any) -> list[list[object]]:
        return [cells for _, cells in self.page(**wanted).rows]

    def sorted(self, *sort: Sort) -> list[int]:
        return [n for n, _ in self.page(sort=sort).rows]

    def found(self, text: str, column: str | None = None) -> list[int]:
        return [n for n, _ in self.page(filter=Filter(text, column)).rows]

    def column(self, name: str) -> list[object]:
        return [cells[0] for cells in self.cells(columns=[name])]


def original(values: Mapping[str, Any]) -> bytes:
    """The JSON text of a row."""
    return json.dumps(values).encode()


def rows_of(values: Iterable[Mapping[str, Any]]) -> list[Row]:
    return [(row, original(row)) for row in values]


def write_rows(
    directory: Path, rows: Iterable[Row], limits: Limits = SMALL, **options: Any
) -> Written:
    """Write rows, several parts of them where there are more than two."""
    writer = PartWriter(directory, limits=limits, **options)
    parts = list(writer.write(rows))
    return Written(directory, parts, writer.columns)


def write(
    directory: Path, values: Iterable[Mapping[str, Any]], **options: Any
) -> Written:
    """Write rows whose JSON is that of their values."""
    return write_rows(directory, rows_of(values), **options)


def write_column(directory: Path, values: Iterable[Any], **options: Any) -> Written:
    """A result of one column, named x."""
    return write(directory, [{"x": value} for value in values], **options)


def write_cell(directory: Path, value: Any) -> object:
    """What becomes of one value that JSON cannot write; texts come back whole."""
    written = write_rows(directory, [({"x": value}, b"{}")])
    return written.cells(cell_characters=10**6)[0][0]
