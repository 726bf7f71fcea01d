"""Panels of the grid, loaded when opened: columns, one column, filters, charts.

Each belongs to the grid's present URL, which comes as ``view`` (a query string). Without JavaScript
each is a page of its own, whose links lead back to the grid.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET
from django_htmx.http import push_url, reswap, retarget

from queries import stored_results
from queries.cell_values import severity_key
from queries.charts.builders import (
    MAX_CHART_ROWS,
    aggregate_chart,
    chart_axes,
    epoch_columns_as_times,
    histogram_chart,
)
from queries.charts.columns import (
    category_columns,
    numeric_columns,
    time_columns,
    x_axis_columns,
)
from queries.forms.grid_forms import CONDITION_FIELDS, validation_error
from queries.forms.grid_view import parse_grid_state
from queries.models import ResultSet, Run, SavedQuery
from queries.results import Column, Condition, Filter, ResultError, ResultReader
from queries.shortcuts import AuthedRequest, get_visible_or_404, wants_fragment
from queries.views.explore import extended_query
from queries.views.explore.filter_texts import column_kinds, operation_choices
from queries.views.explore.grid_links import GridUrl
from queries.views.explore.saved_layout import saved_layout, with_saved_columns

MAX_TOP_VALUES = 15
MAX_SUGGESTIONS = 50
MAX_CHART_COLUMNS = 30
MAX_STACK_COLUMNS = 500
# Ids of the forms of a new filter: for any column, and for the one whose panel it is in.
FILTER_FORM_ID, COLUMN_FILTER_FORM_ID = "condition-form", "condition-named"
Context = dict[str, Any]
TYPE_NAMES = {
    "i": "integer",
    "w": "integer",
    "g": "big integer",
    "f": "number",
    "b": "boolean",
    "t": "time",
    "j": "list or object",
    "s": "text",
}


class PanelRequest:
    """A request about a run's rows: the grid's URL it belongs to, and access to the rows."""

    def __init__(self, request: AuthedRequest, pk: uuid.UUID) -> None:
        visible = Run.objects.visible_to(request.user)
        self.request = request
        self.run = get_visible_or_404(
            visible.select_related("saved_query", "result"), pk
        )
        # Without a view the rest of the address is the grid's own, as links write it by hand.
        text = request.GET.get("view")
        query = request.GET if text is None else QueryDict(text)
        self.address = GridUrl(self.run, query)
        remembered = with_saved_columns(self.run, query)
        self.state, self.state_query = (
            parse_grid_state(remembered),
            remembered.urlencode(),
        )

    @property
    def zone(self) -> tzinfo:
        """The zone in which times are shown."""
        utc = self.address.param("tz") == "utc"
        return UTC if utc else timezone.get_current_timezone()

    def render(
        self, name: str, build_context: Callable[[PanelRows], Context]
    ) -> HttpResponse:
        """Render the page or its fragment; read errors are shown in the panel."""
        context: Context = {
            "run": self.run,
            "address": self.address,
            "here": self.address.with_params(),
        }
        if self.zone is UTC:
            context["zone_name"] = "UTC"
        try:
            result_set = stored_results.available_result(self.run)
            with stored_results.open_result(result_set) as reader:
                context |= build_context(PanelRows(self, result_set, reader))
        except (stored_results.ResultUnavailableError, ResultError) as error:
            context["trouble"] = str(error)
        part = "#panel" if wants_fragment(self.request) else ""
        return render(self.request, f"queries/{name}.html{part}", context)


class PanelRows:
    """The rows of a panel."""

    def __init__(
        self, asked: PanelRequest, result_set: ResultSet, reader: ResultReader
    ) -> None:
        self.address, self.run, self.zone = asked.address, asked.run, asked.zone
        self.result_set, self.reader = result_set, reader
        self.columns = stored_results.stored_columns(result_set)
        self.filter: Filter = asked.address.state.filter(self.columns)

    def column(self, name: str) -> Column:
        """Return a column by name; 404 when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise Http404(f"There is no column {name!r}.")

    def filter_without(self, column: Column) -> Filter:
        """Return the filter without its conditions on this column, to list the other choices."""
        others = (c for c in self.filter.conditions if c.column != column.name)
        return replace(self.filter, conditions=tuple(others))


@require_GET
def run_columns(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """List every column with type and presence: show, hide, move, and open one (``of``)."""
    asked = PanelRequest(request, pk)

    def fill(stored: PanelRows) -> Context:
        shown = asked.state.visible_columns(stored.columns)
        presence = stored.reader.presence(filter=stored.filter)
        rows = stored.reader.count(stored.filter)
        ordered = _in_order(stored.columns, shown)
        return {
            "columns": [
                (column, column.name in shown, _share(presence[column.name], rows))
                for column in ordered
            ],
            "shown": len(shown),
            "known": stored.columns,
            "pairs": asked.address.hidden_fields(exclude=("col",)),
            "show_all": asked.address.with_params(
                col="", layout="off" if saved_layout(asked.run) else ""
            ),
            "view_text": asked.state_query,
            "can_remember": _can_remember(request, asked.run),
        }

    return asked.render("run_columns", fill)


def _in_order(known: list[Column], shown: list[str]) -> list[Column]:
    """Return the shown columns in their order, then the others in the result's."""
    places = {name: at for at, name in enumerate(shown)}
    return sorted(known, key=lambda column: places.get(column.name, len(places)))


def _can_remember(request: AuthedRequest, run: Run) -> bool:
    editable = SavedQuery.objects.editable_by(request.user)
    saved = run.saved_query_id
    return saved is not None and editable.filter(pk=saved).exists()


def _share(part: int, whole: int) -> float:
    """Return a percentage; a small share is never 0, an incomplete one never 100."""
    if not part or not whole:
        return 0.0
    return 100.0 if part == whole else min(max(round(100 * part / whole, 1), 0.1), 99.9)


@require_GET
def run_column(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Show one column (``of``): statistics, and its most frequent values to filter by."""
    asked = PanelRequest(request, pk)

    def fill(stored: PanelRows) -> Context:
        column = stored.column(request.GET.get("of", ""))
        found = stored.reader.statistics(
            column.name, filter=stored.filter_without(column), top=MAX_TOP_VALUES
        )
        most = max((rows for _, rows in found.top), default=1)
        return {
            "column": column,
            "found": found,
            "types": _types(column, found.types),
            "present": _share(found.present, found.rows),
            "low": _shown(found.low, stored.zone),
            "high": _shown(found.high, stored.zone),
            "mean": _shown(found.mean, stored.zone),
            "values": [
                _facet(stored, column, value, rows, 100 * rows / most)
                for value, rows in found.top
            ],
            "sorts": _sort_links(asked.address, column),
            "operations": operation_choices(column.kind),
            "form_id": COLUMN_FILTER_FORM_ID,
            "named": True,
            "pairs": asked.address.hidden_fields(),
        }

    return asked.render("run_column", fill)


def _types(column: Column, letters: str) -> str:
    """Return the types of its values as text."""
    if column.kind == "severity" and letters == "s":
        return "severity"
    words = dict.fromkeys(TYPE_NAMES[letter] for letter in letters)
    return ", ".join(words) or "nothing but null"


def _facet(
    stored: PanelRows, column: Column, value: str | None, rows: int, width: float
) -> Context:
    """Return a value of a column with the URLs that filter for it and filter it out."""
    address, name = stored.address, column.name
    if value is None:
        only, never = Condition(name, "empty"), Condition(name, "present")
        links = (address.replace_filter(only), address.replace_filter(never))
        chosen = only in address.state.conditions, never in address.state.conditions
    else:
        only, never = Condition(name, "is", (value,)), Condition(name, "not", (value,))
        links = (
            address.toggle_filter(name, "is", value),
            address.toggle_filter(name, "not", value),
        )
        chosen = (
            value in address.filter_values(name, "is"),
            value in address.filter_values(name, "not"),
        )
    return {
        "value": value,
        "text": _shown_text(value, column, stored.zone),
        "severity": severity_key(value) if column.kind == "severity" else "",
        "rows": rows,
        "width": round(width, 2),
        "only": links[0],
        "never": links[1],
        "is_only": chosen[0],
        "is_never": chosen[1],
        "write": extended_query.extended_query_url(stored.run, stored.columns, [only]),
        "write_not": extended_query.extended_query_url(
            stored.run, stored.columns, [never]
        ),
    }


def _shown_text(value: str | None, column: Column, zone: tzinfo) -> str:
    if value is None:
        return "no value"
    if column.kind == "timestamp":
        return str(_shown(datetime.fromisoformat(value), zone))
    return value or "(empty text)"


def _shown(value: float | datetime | None, zone: tzinfo) -> str:
    """Return a number or a time as the grid shows it."""
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat(" ", "milliseconds")[:23]
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.6g}"
    return "" if value is None else f"{value:,}"


def _sort_links(address: GridUrl, column: Column) -> list[tuple[str, str]]:
    """Return links to sort by a column: alone, and after the present sorts."""
    now = [s for s in address.state.sorts if s not in {column.name, f"-{column.name}"}]
    links = [
        ("Sort ascending", address.with_params(sort=[column.name])),
        ("Sort descending", address.with_params(sort=[f"-{column.name}"])),
    ]
    if now:
        links += [
            ("Then ascending", address.with_params(sort=[*now, column.name])),
            ("Then descending", address.with_params(sort=[*now, f"-{column.name}"])),
        ]
    return links


@require_GET
def run_condition(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the form of a new filter: columns; for one (``fc``) its comparisons and values.

    An invalid form (``fo``) is shown again with its values and the error.
    """
    asked = PanelRequest(request, pk)
    sent_by = (request.htmx and request.htmx.trigger) or ""

    def fill(stored: PanelRows) -> Context:
        name = request.GET.get("fc") or stored.columns[0].name
        column = stored.column(name)
        found = stored.reader.statistics(
            name, filter=stored.filter_without(column), top=MAX_SUGGESTIONS
        )
        return {
            "known": stored.columns,
            "column": column,
            "operations": operation_choices(column.kind),
            "suggestions": [value for value, _ in found.top if value],
            "low": _shown(found.low, stored.zone),
            "high": _shown(found.high, stored.zone),
            "pairs": asked.address.hidden_fields(),
            "asked": {key: request.GET.get(key, "") for key in CONDITION_FIELDS},
            "missing": validation_error(request.GET, column_kinds(stored.columns)),
            "form_id": sent_by if sent_by == COLUMN_FILTER_FORM_ID else FILTER_FORM_ID,
            "named": sent_by == COLUMN_FILTER_FORM_ID,
        }

    response = asked.render("run_condition", fill)
    if sent_by in {
        COLUMN_FILTER_FORM_ID,
        FILTER_FORM_ID,
    }:  # in the place of the form that was sent
        reswap(response, "outerHTML")
        retarget(response, f"#{sent_by}")
        push_url(response, url=False)
    return response


@require_GET
def run_timeline(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the rows over time: by one of the time columns, stacked by severity or a chosen column."""
    asked = PanelRequest(request, pk)

    def fill(stored: PanelRows) -> Context:
        times = time_columns(stored.columns)
        if not times:
            raise ResultError("This result has no column of times.")
        column = _named(asked.address.param("tl"), times) or times[0]
        by = _stacked_by(asked.address.param("by"), stored.columns)
        found = stored.reader.histogram(
            column.name,
            by=by.name if by else None,
            filter=stored.filter,
            zone=stored.zone,
        )
        return {
            "chart": histogram_chart(
                found, column, asked.address.replace_filter, stored.zone
            ),
            "found": found,
            "column": column,
            "by": by,
            "times": times,
            "names": [c for c in stored.columns if c.kind != "timestamp"][
                :MAX_STACK_COLUMNS
            ],
            "pairs": asked.address.hidden_fields(exclude=("tl", "by")),
        }

    return asked.render("run_timeline", fill)


def _stacked_by(name: str, known: list[Column]) -> Column | None:
    """Return the column to stack by: as chosen, else severity; "-" is none."""
    severities = [column for column in known if column.kind == "severity"]
    if name == "-":
        return None
    return _named(name, known) or next(iter(severities), None)


def _named(name: str, among: list[Column]) -> Column | None:
    return next((column for column in among if column.name == name), None)


@require_GET
def run_chart(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Show a small result as bars or lines, by the axes of the URL or the likeliest."""
    asked = PanelRequest(request, pk)

    def fill(stored: PanelRows) -> Context:
        known = stored.columns
        likely = {
            *time_columns(known),
            *category_columns(known),
            *numeric_columns(known),
        }
        page = epoch_columns_as_times(
            stored.reader.page(
                offset=0,
                size=MAX_CHART_ROWS,
                columns=[c.name for c in known if c in likely][:MAX_CHART_COLUMNS],
                sort=asked.address.state.sort_order(known),
                filter=stored.filter,
            )
        )
        axes = chart_axes(
            page.columns, asked.address.param("x"), asked.address.param("y")
        )
        if axes is None:
            raise ResultError("There is nothing to draw in this result.")
        kind = asked.address.param("show") or (
            "line" if axes.x.kind == "timestamp" else "bar"
        )
        drawing = aggregate_chart(page, axes, kind, stored.zone)
        return {
            "drawing": drawing,
            "chart": drawing.chart,
            "axes": drawing.axes,
            "places": dict.fromkeys(
                [*x_axis_columns(page.columns), *numeric_columns(page.columns)]
            ),
            "numbers": numeric_columns(page.columns),
            "pairs": asked.address.hidden_fields(exclude=("x", "y")),
        }

    return asked.render("run_chart", fill)
