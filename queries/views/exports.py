"""Exports: make a file from a run's rows, watch it being made, take it away."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from queries import building, exports
from queries.formats import FORMATS
from queries.forms.exports import ExportForm
from queries.http import AuthedRequest, fetch, wants_fragment
from queries.models import Export, Run, Status
from queries.reading import ResultUnavailableError

PAGE_SIZE = 25
POLL_SECONDS = 2


@require_POST
def run_export(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Make a file of the run's rows: a small one downloads at once, a large one is watched."""
    run = fetch(Run.objects.visible_to(request.user), pk)
    form = ExportForm(request.POST)
    if not form.is_valid():
        problems = [
            f"{name}: {error}"
            for name, errors in form.errors.items()
            for error in errors
        ]
        messages.error(request, f"The file was not made. {' '.join(problems)}")
        return redirect("run_detail", run.pk)
    try:
        export = exports.start_export(form.request(request.user, run))
    except (exports.ExportRefusedError, ResultUnavailableError) as error:
        messages.error(request, str(error))
        return redirect("run_detail", run.pk)
    ready = export.status == Status.SUCCEEDED
    return redirect("export_download" if ready else "export_detail", export.pk)


@require_GET
def export_list(request: AuthedRequest) -> HttpResponse:
    """The person's exports, newest first; polls while one is being made."""
    found = Export.objects.visible_to(request.user).select_related("run")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    poll = POLL_SECONDS if any(export.is_active for export in page) else 0
    part = "#exports" if wants_fragment(request) else ""
    context = {"page": page, "poll": poll}
    return render(request, f"queries/export_list.html{part}", context)


@require_GET
def export_detail(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """One export: how far it is, what is in it, what had to be changed."""
    export = _export(request, pk)
    context = {
        "export": export,
        "format": FORMATS[export.format],
        "notes": list(exports.notes_of(export)),
        "poll": POLL_SECONDS if export.is_active else 0,
    }
    part = "#live" if wants_fragment(request) else ""
    return render(request, f"queries/export_detail.html{part}", context)


@require_GET
def export_download(request: AuthedRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The file, as an attachment that no browser tries to show."""
    export = _export(request, pk)
    if export.status != Status.SUCCEEDED or export.file_removed_at:
        raise Http404("This file has expired or was never made.")
    try:
        file = building.path_of(export).open("rb")
    except FileNotFoundError:
        raise Http404("This file is gone.") from None
    return FileResponse(
        file,
        as_attachment=True,
        filename=export.file_name,
        content_type=exports.media_type_of(export),
    )


@require_POST
def export_cancel(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Stop making the file."""
    exports.cancel_export(_export(request, pk))
    return redirect("export_detail", pk)


@require_POST
def export_delete(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Remove the file and its entry."""
    exports.delete_export(_export(request, pk))
    messages.success(request, "Export deleted.")
    return redirect("export_list")


def _export(request: AuthedRequest, pk: uuid.UUID) -> Export:
    return fetch(Export.objects.visible_to(request.user).select_related("run"), pk)
