"""Links of the grid: every link and chip on the page is the present URL with a change."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from django.http import QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from queries.forms.grid_forms import CONDITION_FIELDS
from queries.forms.grid_view import encode_condition, parse_grid_state
from queries.models import Run
from queries.results import Condition
from queries.stored_results import GridState

# One-time parameters, never part of a link.
_BRIEF = ("page", "rows", "view")
# Parameters that select and order the rows.
_ORDERING = ("sort", "f", "q", "in")


class FilterChip(NamedTuple):
    """An active filter or sort, and the URL without it."""

    label: str
    remove_url: str


def filter_form_url(run: Run, query: QueryDict) -> str:
    """Return the URL of the form of a new filter with its values, and the grid's URL it came from."""
    there = query.copy()
    filled = [
        (name, value) for name in CONDITION_FIELDS for value in there.getlist(name)
    ]
    for name in CONDITION_FIELDS:
        there.pop(name, None)
    encoded = urlencode([*filled, ("view", GridUrl(run, there).query_string)])
    return f"{reverse('run_condition', args=[run.pk])}?{encoded}"


class GridUrl:
    """The URL of a run's grid; each change returns the link to the changed grid's first page."""

    def __init__(self, run: Run, query: QueryDict) -> None:
        self._run = run
        self.path = reverse("run_results", args=[run.pk])
        self._query = query.copy()
        for name in _BRIEF:
            self._query.pop(name, None)

    @property
    def state(self) -> GridState:
        """Return the grid's state."""
        return parse_grid_state(self._query)

    @property
    def query_string(self) -> str:
        """Return its query string, for the field ``view`` of forms and panels."""
        return self._query.urlencode()

    def hidden_fields(self, exclude: Iterable[str] = ()) -> list[tuple[str, str]]:
        """Return names and values for the hidden fields of a form that changes the others."""
        return [
            (name, value)
            for name, values in self._query.lists()
            if name not in exclude
            for value in values
        ]

    def row_url(self, n: int, position: int) -> str:
        """Return the URL of row ``n`` with its position among the shown rows, and the state that orders them."""
        before, after = self._row_path
        path = f"{before}{n}{after}"
        if not self._ordering:
            return path
        return f"{path}?{urlencode([('at', str(position)), ('view', self._ordering)])}"

    @cached_property
    def _row_path(self) -> tuple[str, str]:
        """Return the path before and after the row number: a page has too many rows to reverse each URL."""
        before, _, after = reverse("run_row", args=[self._run.pk, 0]).rpartition("0")
        return before, after

    @cached_property
    def _ordering(self) -> str:
        return urlencode(
            [pair for pair in self.hidden_fields() if pair[0] in _ORDERING]
        )

    def param(self, name: str) -> str:
        """Return one parameter, or ""."""
        return self._query.get(name, "")

    def with_params(self, **values: str | Iterable[str]) -> str:
        """Return the link with these parameters; empty ones are removed."""
        query = self._query.copy()
        for name, value in values.items():
            found = [value] if isinstance(value, str) else list(value)
            query.setlist(name, [one for one in found if one])
        return self._link(query)

    def with_filters(self, conditions: Iterable[Condition]) -> str:
        """Return the link with these conditions instead of all."""
        return self.with_params(
            f=[encode_condition(condition) for condition in conditions]
        )

    def with_filter(self, condition: Condition) -> str:
        """Return the link with one more condition."""
        return self.with_filters([*self.state.conditions, condition])

    def without_filter(self, condition: Condition) -> str:
        """Return the link without that condition."""
        return self.with_filters(c for c in self.state.conditions if c != condition)

    def replace_filter(self, condition: Condition) -> str:
        """Return the link with this condition in place of all of the same column and operation."""
        return self.with_filters([*self._beside(condition), condition])

    def toggle_filter(self, column: str, operation: str, value: str) -> str:
        """Return the link with this value added to "is" (or "not"), or removed if it was there."""
        now = self.filter_values(column, operation)
        values = [one for one in now if one != value] if value in now else [*now, value]
        beside = self._beside(Condition(column, operation, (value,)))
        asked = [Condition(column, operation, tuple(values))] if values else []
        return self.with_filters([*beside, *asked])

    def filter_values(self, column: str, operation: str) -> list[str]:
        """Return what the column "is" (or is "not") now, by all conditions."""
        return [
            value
            for condition in self.state.conditions
            if (condition.column, condition.operation) == (column, operation)
            for value in condition.values
        ]

    def _beside(self, condition: Condition) -> list[Condition]:
        place = (condition.column, condition.operation)
        return [c for c in self.state.conditions if (c.column, c.operation) != place]

    def _link(self, query: QueryDict) -> str:
        for name in [name for name, values in query.lists() if not values]:
            del query[name]
        text = query.urlencode()
        return f"{self.path}?{text}" if text else self.path
