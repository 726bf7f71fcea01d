"""Pages for what a provider offers beyond running a query."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from queries.connections import catalogs
from queries.exports import selection
from queries.exports import services as export_services
from queries.forms.exports import ProviderFileForm
from queries.models import Connection, Run
from queries.providers.errors import ProviderError
from queries.runs import remote_jobs
from queries.shortcuts import AuthedRequest, get_visible_or_404, wants_fragment
from queries.stored_results import ResultUnavailableError


@require_GET
def run_logs(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the log of the run's job at the provider."""
    run = get_visible_or_404(Run.objects.visible_to(request.user), pk)
    context: dict[str, object] = {"run": run}
    try:
        context["lines"] = remote_jobs.fetch_logs(run)
    except ProviderError as error:
        context["error"] = error
    part = "#log" if wants_fragment(request) else ""
    return render(request, f"queries/run_logs.html{part}", context)


@require_POST
def run_delete_remote(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Delete the run's result at the provider; the stored rows stay."""
    visible = Run.objects.visible_to(request.user)
    run = get_visible_or_404(visible, pk, allowed=Run.objects.owned_by(request.user))
    try:
        remote_jobs.delete_remote_result(run)
    except ProviderError as error:
        messages.error(request, error.full_message())
    else:
        messages.success(request, "The result was deleted at the provider.")
    return redirect("run_detail", run.pk)


@require_POST
def run_provider_file(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Have the provider make a file of the run's result; a worker downloads it."""
    run = get_visible_or_404(Run.objects.visible_to(request.user), pk)
    form = ProviderFileForm(request.POST)
    if not form.is_valid():
        messages.error(
            request, "The file was not made: choose a format and how many rows."
        )
        return redirect("run_detail", run.pk)
    try:
        export = export_services.start_provider_export(
            form.to_request(request.user, run)
        )
    except (selection.ExportRefusedError, ResultUnavailableError) as error:
        messages.error(request, str(error))
        return redirect("run_detail", run.pk)
    if export.asked_before:
        messages.info(request, export_services.DUPLICATE_NOTE)
    return redirect("export_detail", export.pk)


@require_GET
def connection_jobs(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """List the provider's jobs, including those that were not started here."""
    connection = _own(request, pk)
    context: dict[str, object] = {"connection": connection}
    try:
        context["jobs"] = remote_jobs.list_jobs(connection, request.user)
    except ProviderError as error:
        context["error"] = error
    return render(request, "queries/connection_jobs.html", context)


@require_POST
def run_import(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Import a job that was started elsewhere as a run of the user."""
    connection = _own(request, pk)
    try:
        run = remote_jobs.import_job(
            connection, request.user, request.POST.get("job", "")
        )
    except ProviderError as error:
        messages.error(request, error.full_message())
        return redirect("connection_detail", connection.pk)
    return redirect("run_detail", run.pk)


@require_POST
def connection_cancel_all(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Cancel all running jobs of the key's user, after a confirmation."""
    connection = _own(request, pk)
    if request.POST.get("sure") != "yes":
        messages.error(request, "Nothing was stopped: tick the box first.")
        return redirect("connection_detail", connection.pk)
    try:
        remote_jobs.cancel_all_jobs(connection)
    except ProviderError as error:
        messages.error(request, error.full_message())
    else:
        messages.success(
            request, "The provider was asked to stop all queries of this key."
        )
    return redirect("connection_detail", connection.pk)


@require_GET
def connection_catalog(
    request: AuthedRequest, pk: uuid.UUID, kind: str
) -> HttpResponse:
    """Return options for the input named by ``for``; typing stays possible without."""
    connection = get_visible_or_404(Connection.objects.visible_to(request.user), pk)
    parent = request.GET.get(request.GET.get("of", ""), request.GET.get("parent", ""))
    field = request.GET.get("for", "")[:80]
    context: dict[str, object] = {"field": field, "before": _before(request, field)}
    try:
        choices = catalogs.list_choices(connection, kind, parent[:500])
        typed = request.GET.get(field, "").strip()
        chosen = (choice for choice in choices if choice.value == typed)
        context |= {"choices": choices, "chosen": next(chosen, None)}
    except ProviderError as error:
        context["error"] = error.full_message()
    return render(request, "queries/connection_catalog.html", context)


def _before(request: AuthedRequest, field: str) -> str:
    """Return what stays of a list of values when another one is chosen: all that was typed before."""
    typed = request.GET.get(field, "").strip().rstrip(",")
    return f"{typed[:2_000]}, " if typed and request.GET.get("many") else ""


def _own(request: AuthedRequest, pk: uuid.UUID) -> Connection:
    """Return the connection for its owner only: the list shows, and cancel ends, what the key's user does elsewhere."""
    visible = Connection.objects.visible_to(request.user)
    return get_visible_or_404(
        visible, pk, allowed=Connection.objects.owned_by(request.user)
    )
