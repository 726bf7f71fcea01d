"""The page of a refine: the form, and starting it."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from queries import stored_results
from queries.forms.grid_view import parse_grid_state
from queries.forms.refine import RefineForm
from queries.models import Mode, ResultSet, Run
from queries.runs import refine as refine_services
from queries.runs import services as run_services
from queries.runs.engine.refine import DATAPRIME, LANGUAGES
from queries.runs.engine.row_documents import row_document_layout
from queries.runs.refine import InvalidRefineError
from queries.shortcuts import AuthedRequest, get_visible_or_404
from queries.views.refine.examples import (
    MAX_LISTED_COLUMNS,
    QueryColumn,
    example_queries,
    query_columns,
)
from queries.views.refine.initial_query import InitialQuery, initial_query

QUICK_WAIT_SECONDS = 2.0
ERROR_POSITION = re.compile(r" in line (\d+) at column (\d+)$")
TEMPLATE = "queries/run_refine.html"


@require_http_methods(["GET", "POST"])
def run_refine(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the form for a run's rows and start the refine; a quick one is complete when its page shows."""
    visible = Run.objects.visible_to(request.user)
    origin = get_visible_or_404(visible.select_related("owner", "result"), pk)
    posted = request.method == "POST"
    try:
        result_set = refine_services.refinable_result(origin)
    except InvalidRefineError as error:
        context = {"origin": origin, "why_not": str(error)}
        return render(request, TEMPLATE, context, status=409 if posted else 200)
    shown = stored_results.stored_columns(result_set)
    columns = query_columns(shown, row_document_layout(origin, shown))
    if not posted:
        form = _filled(request, columns)
    else:
        form = RefineForm(request.POST)
        if run := _started(request, origin, form):
            return redirect(
                "run_detail", run_services.wait_for(run, QUICK_WAIT_SECONDS).pk
            )
    context = _context(origin, result_set, columns) | {"form": form}
    return render(request, TEMPLATE, context, status=422 if posted else 200)


def _started(request: AuthedRequest, origin: Run, form: RefineForm) -> Run | None:
    if not form.is_valid():
        return None
    try:
        return refine_services.start_refine(form.to_request(request.user, origin))
    except InvalidRefineError as error:
        form.attach_error(error)
        return None


def _filled(request: AuthedRequest, columns: list[QueryColumn]) -> RefineForm:
    """Return the form as a link fills it: from an earlier refine, an example, or the grid's filters."""
    if earlier := _earlier(request):
        language, begun = earlier.settings["language"], InitialQuery(earlier.statement)
    else:
        language = request.GET.get("language", DATAPRIME)
        language = language if language in LANGUAGES else DATAPRIME
        view = parse_grid_state(QueryDict(request.GET.get("view", "")))
        asked = request.GET.get("statement")
        begun = InitialQuery(asked) if asked else initial_query(language, columns, view)
    form = RefineForm(
        initial={
            "language": language,
            "statement": begun.statement,
            "form_key": uuid.uuid4(),
        }
    )
    form.attach_omitted_filters(begun.unsupported_filters)
    message = (earlier.error or {}).get("message", "") if earlier else ""
    if place := ERROR_POSITION.search(message):
        form.set_error_position(int(place[1]), int(place[2]))
    return form


def _earlier(request: AuthedRequest) -> Run | None:
    try:
        pk = uuid.UUID(request.GET.get("run", ""))
    except ValueError:
        return None
    visible = Run.objects.visible_to(request.user)
    return visible.filter(pk=pk, mode=Mode.REFINE).first()


def _context(
    origin: Run, read: ResultSet, columns: list[QueryColumn]
) -> dict[str, Any]:
    return {
        "origin": origin,
        "result_set": read,
        "columns": columns[:MAX_LISTED_COLUMNS],
        "more_columns": max(0, len(columns) - MAX_LISTED_COLUMNS),
        "examples": example_queries(columns),
    }
