"""Reading a run's stored rows: the one place where a run, its result set and its files meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from queries.models import ResultSet, Run
from queries.providers.registry import provider_class
from queries.results import Column, Filter, Page, ResultReader, Sort

SIZES = (50, 100, 500)
# A page of thousands of columns helps nobody and takes seconds; the chooser has them all.
MOST_COLUMNS_UNASKED = 60
DEFAULT_SIZE = 100


class ResultUnavailableError(Exception):
    """There are no rows to read; ``str()`` says why, in words for the person who asked."""


@dataclass(frozen=True, kw_only=True)
class View:
    """How a result is looked at: what the URL of a grid carries.

    ``columns`` are the shown columns in order (empty: all). ``q`` filters rows that contain
    it, in ``column`` or (empty) anywhere. ``sort`` is a column, descending with a leading "-".
    """

    page: int = 1
    size: int = DEFAULT_SIZE
    sort: str = ""
    q: str = ""
    column: str = ""
    columns: tuple[str, ...] = ()

    def sorts(self, known: Sequence[Column]) -> tuple[Sort, ...]:
        """The sort, if it names a column that exists (a name may itself begin with "-")."""
        names = {column.name for column in known}
        if self.sort in names:
            return (Sort(self.sort, descending=False),)
        if self.sort.startswith("-") and self.sort[1:] in names:
            return (Sort(self.sort[1:], descending=True),)
        return ()

    def on_page(self, known: Sequence[Column]) -> list[str]:
        """The columns of a page: as chosen, else the first ones of a very wide result."""
        chosen = any(c.name in self.columns for c in known)
        return self.shown(known)[: None if chosen else MOST_COLUMNS_UNASKED]

    def filter(self, known: Sequence[Column]) -> Filter:
        """The filter; an unknown column means all columns."""
        names = {column.name for column in known}
        return Filter(self.q, self.column if self.column in names else None)

    def shown(self, known: Sequence[Column]) -> list[str]:
        """The names of the shown columns that exist, in the result's order; all if none does."""
        chosen = [c.name for c in known if c.name in set(self.columns)]
        return chosen or [c.name for c in known]


def directory_of(result_set: ResultSet) -> Path:
    """Where the parts of ``result_set`` lie."""
    results = Path(settings.DATA_DIR) / "results"
    return results / str(result_set.run_id) / str(result_set.pk)


def columns_of(result_set: ResultSet) -> list[Column]:
    """The stored columns, those first that say most (the provider knows which), ids last."""
    kind = provider_class(result_set.run.provider)
    columns = [Column(**column) for column in result_set.columns]
    first = {name: place for place, name in enumerate(kind.leading_columns)}
    last = frozenset(kind.trailing_columns)
    return sorted(
        columns, key=lambda c: (c.name in last, first.get(c.name, len(first)))
    )


def result_of(run: Run) -> ResultSet | None:
    """The published result set, or while there is none the newest attempt that has rows."""
    if run.result is not None:
        return run.result
    attempts = run.result_sets.order_by("-created_at")
    return attempts.filter(row_count__gt=0).first() or attempts.first()


def open_result(result_set: ResultSet) -> ResultReader:
    """A reader of the parts recorded now; close it, or use it in ``with``."""
    return ResultReader(
        directory_of(result_set),
        list(result_set.parts.values_list("name", flat=True)),
        columns_of(result_set),
    )


def available_result(run: Run) -> ResultSet:
    """The result set to read; raises ResultUnavailableError when it is gone or not there."""
    if run.result_removed_at:
        why = "expired" if run.result_removed_why == "expired" else "was deleted"
        raise ResultUnavailableError(
            f"This result {why}. Run the query again to get its rows."
        )
    found = result_of(run)
    if found is None:
        raise ResultUnavailableError("This run has no rows.")
    return found


def read_page(run: Run, view: View) -> tuple[ResultSet, Page]:
    """One page of a run's rows. A page past the end is the last one.

    Raises ResultUnavailableError, and the store's ResultError (its text is safe to show).
    """
    result_set = available_result(run)
    known = columns_of(result_set)
    with open_result(result_set) as reader:

        def at(number: int) -> Page:
            return reader.page(
                columns=view.on_page(known),
                offset=(number - 1) * view.size,
                size=view.size,
                sort=view.sorts(known),
                filter=view.filter(known),
            )

        page = at(view.page)
        if page.matched and not page.rows:
            page = at(-(-page.matched // view.size))
    return result_set, page


def read_row(run: Run, n: int) -> bytes:
    """The original JSON text of row ``n`` (0-based). Raises like read_page; RowNotFound."""
    with open_result(available_result(run)) as reader:
        return reader.row(n)
