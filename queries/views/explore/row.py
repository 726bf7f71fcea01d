"""A run's rows: the grid by URL, and one opened row."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET

from queries import stored_results
from queries.forms.grid_view import parse_grid_state
from queries.models import Mode, Run
from queries.providers.registry import provider_class
from queries.results import ResultError, RowNotFoundError
from queries.shortcuts import AuthedRequest, get_visible_or_404, wants_fragment
from queries.templatetags.json_tree import VerbatimFloat
from queries.views.explore.grid_links import GridUrl
from queries.views.runs import run_detail

MAX_POSITION_DIGITS = 12
# A row may have many megabytes; a page should not.
MAX_ROW_CHARACTERS = 500_000
# Columns whose names go with a row, so that its values can become filters.
MAX_FILTER_COLUMNS = 1_000


@require_GET
def run_results(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the run's page at its rows: the same page, addressed by the grid's state."""
    return run_detail(request, pk)


@require_GET
def run_row(request: AuthedRequest, pk: uuid.UUID, n: int) -> HttpResponse:
    """Show row ``n`` (0-based) as received: a JSON tree, with copy.

    ``at`` is its position in the order and filter of ``view``, for links to the next and the previous one.
    """
    run = get_visible_or_404(Run.objects.visible_to(request.user), pk)
    context = {"run": run, "n": n, "number": n + 1}
    try:
        context |= _row(run, n) | _neighbours(request, run, n)
    except RowNotFoundError:
        raise Http404(f"There is no row {n + 1}.") from None
    except (stored_results.ResultUnavailableError, ResultError) as error:
        context["trouble"] = str(error)
    part = "#row" if wants_fragment(request) else ""
    return render(request, f"queries/run_row.html{part}", context)


def _row(run: Run, n: int) -> dict[str, object]:
    text = stored_results.read_row(run, n).decode("utf-8", "replace")
    known = stored_results.stored_columns(stored_results.available_result(run))[
        :MAX_FILTER_COLUMNS
    ]
    return {
        "text": text[:MAX_ROW_CHARACTERS],
        "cut": len(text) > MAX_ROW_CHARACTERS,
        "tree": _tree(text),
        "columns": json.dumps([column.name for column in known]),
        "roots": {}
        if run.mode == Mode.REFINE
        else provider_class(run.provider).column_roots,
    }


def _neighbours(request: AuthedRequest, run: Run, n: int) -> dict[str, object]:
    """Return the URLs of the rows before and after, as the grid orders them, and of the grid itself."""
    query = QueryDict(request.GET.get("view", ""))
    view, at = parse_grid_state(query), request.GET.get("at", "")
    place = (
        int(at)
        if at.isascii() and at.isdigit() and len(at) < MAX_POSITION_DIGITS
        else n
    )
    numbers: dict[int, int] = {}
    with suppress(ResultError):  # the row itself can be shown all the same
        numbers = stored_results.rows_around(run, view, place)
    address = GridUrl(run, query)
    found: dict[str, object] = {"back": address.with_params()}
    if numbers.get(place) != n:  # the URL was edited, or rows have arrived since
        return found
    for name, there in (("previous", place - 1), ("following", place + 1)):
        if there in numbers:
            found[name] = address.row_url(numbers[there], there)
    return found


def _tree(text: str) -> object:
    """Parse the row, and JSON texts inside it (such as Coralogix's userData)."""
    try:
        value = _parsed(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, dict):
        return {name: _unfolded(inner) for name, inner in value.items()}
    return value


def _parsed(text: str) -> object:
    return json.loads(text, parse_float=VerbatimFloat)


def _unfolded(value: object) -> object:
    """Parse JSON inside a text; a list of key-value pairs becomes an object."""
    if isinstance(value, list) and value and all(map(_is_pair, value)):
        pairs = {pair["key"]: pair.get("value") for pair in value}
        return pairs if len(pairs) == len(value) else value
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return _parsed(value)
        except (ValueError, RecursionError):
            return value
    return value


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("key"), str)
        and value.keys() <= {"key", "value"}
    )
