"""What an export holds: rows and columns of a result, the format, and the estimated size.

The same request makes a file on disk, a stream to the browser, and an estimate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from queries import stored_results
from queries.exports.formats import (
    FORMATS,
    Batches,
    FormatError,
    Options,
    Report,
    check_choices,
    extension,
    safe_file_name,
    stream,
)
from queries.models import Export, ResultSet, Run, User
from queries.results import (
    BusyError,
    Column,
    Filter,
    MemoryLimitError,
    QueryTimeoutError,
    ResultReader,
)
from queries.stored_results import GridState

ALL, SHOWN, ORIGINAL = "all", "shown", "original"
#: Rows of the sample that an estimate measures.
SAMPLE_ROWS = 500
_EVERYTHING = GridState()


class ExportRefusedError(Exception):
    """This export cannot be made; ``str()`` says why, safe to show."""


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """A user's choices for an export.

    ``view`` is the grid's state; ``as_shown`` takes its filter and sort, ``columns`` is "all", "shown" (those of
    the view, in its order) or "original" (each row's own JSON). ``limit`` None means every row. ``exact`` writes
    integers beyond 2^53 as text into JSON. ``compression`` is "", "zip" or "gzip".
    """

    owner: User
    run: Run
    format: str
    file_name: str = ""
    view: GridState = field(default=_EVERYTHING)
    as_shown: bool = False
    columns: str = ALL
    limit: int | None = None
    compression: str = ""
    exact: bool = False
    zone: tzinfo = UTC

    def as_dict(self) -> dict[str, Any]:
        """Return the choices as stored with the export."""
        return {
            "view": self.view.as_dict(),
            "as_shown": self.as_shown,
            "columns": self.columns,
            "limit": self.limit,
            "compression": self.compression,
            "exact": self.exact,
            "zone": str(self.zone),
        }

    @classmethod
    def from_export(cls, export: Export) -> ExportRequest:
        """Return the choices that an export was stored with."""
        stored = export.options
        return cls(
            owner=export.owner,
            run=export.run,
            format=export.format,
            file_name=export.file_name,
            view=GridState.of_dict(stored.get("view", {})),
            as_shown=stored.get("as_shown", False),
            columns=stored.get("columns", ALL),
            limit=stored.get("limit"),
            compression=stored.get("compression", ""),
            exact=stored.get("exact", False),
            zone=ZoneInfo(stored.get("zone", "UTC")),
        )

    @property
    def safe_name(self) -> str:
        """The file's name with its extension."""
        name = self.file_name or (
            f"{self.run.connection_name} {self.run.created_at:%Y-%m-%d %H%M}"
        )
        return safe_file_name(name, extension(self.format, self.compression))

    @property
    def options(self) -> Options:
        """The choices as the writers take them."""
        ending = f".{extension(self.format, self.compression)}"
        return Options(
            original=self.columns == ORIGINAL,
            zone=self.zone,
            bom=FORMATS[self.format].bom,
            exact_as_text=self.exact,
            compression=self.compression,
            inner_name=self.safe_name.removesuffix(ending),
        )


def readable_result(request: ExportRequest) -> ResultSet:
    """Return the result set to read. Raises ExportRefusedError and ResultUnavailableError."""
    form = FORMATS.get(request.format)
    if form is None:
        raise ExportRefusedError(f"Unknown format: {request.format}.")
    try:
        check_choices(
            form,
            original=request.columns == ORIGINAL,
            compression=request.compression,
        )
    except FormatError as error:
        raise ExportRefusedError(str(error)) from error
    if request.run.is_active:
        raise ExportRefusedError("The run has not ended yet.")
    return stored_results.available_result(request.run)


@dataclass(frozen=True)
class SelectedRows:
    """Columns and batches of an open export; the batches end with their reader."""

    columns: Sequence[Column]
    batches: Batches


@contextmanager
def open_rows(request: ExportRequest, result_set: ResultSet) -> Iterator[SelectedRows]:
    """Open the selected rows. Raises ResultError, also while the batches are read."""
    with stored_results.open_result(result_set) as reader:
        yield _select(request, reader, stored_results.stored_columns(result_set))


def selected_columns(request: ExportRequest, columns: Sequence[Column]) -> list[Column]:
    """Return the file's columns in order; none if it holds original rows."""
    if request.columns == ORIGINAL:
        return []
    if request.columns == ALL:
        return list(columns)
    by_name = {column.name: column for column in columns}
    return [by_name[name] for name in request.view.visible_columns(columns)]


def row_filter(request: ExportRequest, columns: Sequence[Column]) -> Filter:
    """Return the filter of the file's rows, before any limit."""
    return request.view.filter(columns) if request.as_shown else Filter()


def _select(
    request: ExportRequest, reader: ResultReader, stored_columns: Sequence[Column]
) -> SelectedRows:
    columns = selected_columns(request, stored_columns)
    batches = reader.batches(
        columns=[column.name for column in columns],
        sort=request.view.sort_order(stored_columns) if request.as_shown else (),
        filter=row_filter(request, stored_columns),
        limit=request.limit,
        with_original=request.columns == ORIGINAL,
    )
    return SelectedRows(columns, batches)


@dataclass(frozen=True)
class Estimate:
    """The expected file: rows (at most, if they could not be counted) and bytes."""

    rows: int
    size: int
    columns: int


def estimate(request: ExportRequest, result_set: ResultSet) -> Estimate:
    """Estimate the file from a count of the rows and the size of a sample.

    Raises ResultError if rows cannot be read, FormatError if the format cannot hold what was chosen.
    """
    stored_columns = stored_results.stored_columns(result_set)
    columns = selected_columns(request, stored_columns)
    with stored_results.open_result(result_set) as reader:
        rows = _count(request, reader, result_set, stored_columns)
        sample = reader.batches(
            columns=[column.name for column in columns],
            limit=SAMPLE_ROWS,
            with_original=request.columns == ORIGINAL,
        )
        empty, full = Report(), Report()
        _drain(request, columns, iter(()), empty)
        _drain(request, columns, sample, full)
    bytes_per_row = (full.size - empty.size) / max(full.rows, 1)
    return Estimate(rows, round(empty.size + bytes_per_row * rows), len(columns))


def _count(
    request: ExportRequest,
    reader: ResultReader,
    result_set: ResultSet,
    columns: Sequence[Column],
) -> int:
    rows = result_set.row_count
    condition = row_filter(request, columns)
    if condition != Filter():
        # Too expensive to count now: use the total. Mistakes in the filter are still raised.
        with suppress(BusyError, QueryTimeoutError, MemoryLimitError):
            rows = reader.count(condition)
    return rows if request.limit is None else min(rows, request.limit)


def _drain(
    request: ExportRequest, columns: Sequence[Column], batches: Batches, report: Report
) -> None:
    for _chunk in stream(
        request.format, columns, batches, options=request.options, report=report
    ):
        pass


def selection_in_words(stored: Mapping[str, Any]) -> list[str]:
    """Describe which rows an export holds and in which order, from its stored choices."""
    if not stored.get("as_shown"):
        return []
    view = GridState.of_dict(stored.get("view", {}))
    phrases = (
        [
            f"rows that contain “{view.q}”"
            + (f" in {view.column}" if view.column else "")
        ]
        if view.q
        else []
    )
    for condition in view.conditions:
        values = " or ".join(condition.values)
        phrases.append(f"{condition.column} {condition.operation} {values}".strip())
    if view.sorts:
        phrases.append(f"sorted by {', '.join(view.sorts)}")
    return phrases
