"""Read a run's stored rows: connects a run, its result set and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from django.conf import settings

from queries.models import ResultSet, Run
from queries.providers.registry import provider_class
from queries.results import (
    FORMAT_VERSION,
    Column,
    Condition,
    Filter,
    Page,
    ResultReader,
    Sort,
    UnknownFormatError,
)

PAGE_SIZES = (50, 100, 500)
# A page of thousands of columns is unusable and takes seconds; the column chooser has them all.
MAX_DEFAULT_COLUMNS = 60
DEFAULT_PAGE_SIZE = 100


class ResultUnavailableError(Exception):
    """There are no rows to read; ``str()`` says why, safe to show."""


@dataclass(frozen=True, kw_only=True)
class GridState:
    """How a result is shown: the state in a grid's URL.

    ``columns`` are the shown columns in order (empty: all). ``q`` filters rows that contain it,
    in ``column`` or (empty) anywhere, besides ``conditions``. ``sorts`` are column names,
    descending with a leading "-", the most important first.
    """

    page: int = 1
    size: int = DEFAULT_PAGE_SIZE
    sorts: tuple[str, ...] = ()
    q: str = ""
    column: str = ""
    columns: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return asdict(self)

    @classmethod
    def of_dict(cls, stored: Mapping[str, Any]) -> GridState:
        """Return the state of ``as_dict``; missing or unknown values mean the default."""
        values: dict[str, Any] = {
            f.name: stored[f.name] for f in fields(cls) if f.name in stored
        }
        values["conditions"] = tuple(
            Condition(c["column"], c["operation"], tuple(c["values"]))
            for c in stored.get("conditions", ())
        )
        for name in ("sorts", "columns"):
            values[name] = tuple(stored.get(name, ()))
        return cls(**values)

    def sort_order(self, columns: Sequence[Column]) -> tuple[Sort, ...]:
        """Return the sorts by columns that exist (a name may itself begin with "-")."""
        names = {column.name for column in columns}
        sorts: dict[str, Sort] = {}
        for sort in self.sorts:
            if sort in names:
                sorts.setdefault(sort, Sort(sort))
            elif sort.startswith("-") and sort[1:] in names:
                sorts.setdefault(sort[1:], Sort(sort[1:], descending=True))
        return tuple(sorts.values())

    def visible_columns(self, columns: Sequence[Column]) -> list[str]:
        """Return the columns of a page: as chosen, else the first ones of a very wide result."""
        chosen = any(c.name in self.columns for c in columns)
        return self.shown(columns)[: None if chosen else MAX_DEFAULT_COLUMNS]

    def filter(self, columns: Sequence[Column]) -> Filter:
        """Return the filter; the text is searched in all columns when its column does not exist."""
        names = {column.name for column in columns}
        column = self.column if self.column in names else None
        return Filter(self.q, column, self.conditions)

    def shown(self, columns: Sequence[Column]) -> list[str]:
        """Return the names of the chosen columns that exist; all if none does."""
        names = [column.name for column in columns]
        chosen = [name for name in dict.fromkeys(self.columns) if name in set(names)]
        return chosen or names


def result_dir(result_set: ResultSet) -> Path:
    """Return the directory of the parts of ``result_set``."""
    results = Path(settings.DATA_DIR) / "results"
    return results / str(result_set.run_id) / str(result_set.pk)


def is_known_format(result_set: ResultSet) -> bool:
    """Return whether this version can read the stored rows."""
    return 1 <= result_set.format_version <= FORMAT_VERSION


def check_format(result_set: ResultSet) -> None:
    """Raise UnknownFormatError if the rows were stored by a version newer than this one."""
    if not is_known_format(result_set):
        raise UnknownFormatError(result_set.format_version, FORMAT_VERSION)


def stored_columns(result_set: ResultSet) -> list[Column]:
    """Return the stored columns, the most informative first (the provider knows which), ids last.

    Raises UnknownFormatError.
    """
    check_format(result_set)
    kind = provider_class(result_set.run.provider)
    columns = [Column(**column) for column in result_set.columns]
    first = {name: position for position, name in enumerate(kind.leading_columns)}
    last = frozenset(kind.trailing_columns)
    return sorted(
        columns, key=lambda c: (c.name in last, first.get(c.name, len(first)))
    )


def current_result(run: Run) -> ResultSet | None:
    """Return the published result set, or until there is one the newest attempt that has rows."""
    if run.result is not None:
        return run.result
    attempts = run.result_sets.order_by("-created_at")
    return attempts.filter(row_count__gt=0).first() or attempts.first()


def open_result(result_set: ResultSet) -> ResultReader:
    """Return a reader of the parts recorded now; close it, or use it in ``with``. Raises UnknownFormatError."""
    return ResultReader(
        result_dir(result_set),
        list(result_set.parts.values_list("name", flat=True)),
        stored_columns(result_set),
    )


def available_result(run: Run) -> ResultSet:
    """Return the result set to read. Raises ResultUnavailableError and UnknownFormatError."""
    if run.result_removed_at:
        event = "expired" if run.result_removed_why == "expired" else "was deleted"
        raise ResultUnavailableError(
            f"This result {event}. Re-run the query to get its rows."
        )
    result_set = current_result(run)
    if result_set is None:
        raise ResultUnavailableError("This run has no rows.")
    check_format(result_set)
    return result_set


def read_page(run: Run, view: GridState) -> tuple[ResultSet, Page]:
    """Return one page of a run's rows; a page past the end is the last one.

    Raises ResultUnavailableError, and ResultError (its text is safe to show).
    """
    result_set = available_result(run)
    columns = stored_columns(result_set)
    with open_result(result_set) as reader:

        def read(number: int) -> Page:
            return reader.page(
                columns=view.visible_columns(columns),
                offset=(number - 1) * view.size,
                size=view.size,
                sort=view.sort_order(columns),
                filter=view.filter(columns),
            )

        page = read(view.page)
        if page.matched and not page.rows:
            page = read(-(-page.matched // view.size))
    return result_set, page


def read_row(run: Run, n: int) -> bytes:
    """Return the original JSON text of row ``n`` (0-based). Raises as read_page does, and RowNotFoundError."""
    with open_result(available_result(run)) as reader:
        return reader.row(n)


def rows_around(run: Run, view: GridState, position: int) -> dict[int, int]:
    """Return position -> row number of the row at ``position`` (0-based, in the view's order) and its neighbours.

    Raises as read_page does; a position past the end has none.
    """
    result_set = available_result(run)
    columns = stored_columns(result_set)
    first = max(position - 1, 0)
    with open_result(result_set) as reader:
        page = reader.page(
            offset=first,
            size=position - first + 2,
            columns=(),
            sort=view.sort_order(columns),
            filter=view.filter(columns),
        )
    return {first + offset: n for offset, (n, _) in enumerate(page.rows)}
