"""Exports: create, watch, download, cancel and delete files of a run's rows."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import (
    Http404,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST, require_safe

from queries import quota, stored_results
from queries.exports import builder, selection, streaming
from queries.exports import manifest as manifests
from queries.exports import services as export_services
from queries.exports.formats import FORMATS, FormatError, media_type
from queries.exports.selection import ExportRequest
from queries.forms.exports import ExportForm
from queries.models import Export, Run, Status
from queries.results import ResultError
from queries.shortcuts import AuthedRequest, get_visible_or_404, wants_fragment
from queries.views.byte_ranges import file_response, stream_headers

PAGE_SIZE = 25
POLL_SECONDS = 2
EXPORT_ERRORS = (
    selection.ExportRefusedError,
    stored_results.ResultUnavailableError,
    ResultError,
    FormatError,
)
#: A client that reads nothing for this long is gone, and must not hold a server thread.
SEND_TIMEOUT_SECONDS = 60


@require_POST
def run_export(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Create a file of the run's rows: a small one downloads at once, a large one shows its progress."""
    run = get_visible_or_404(Run.objects.visible_to(request.user), pk)
    wanted = _wanted(request, run)
    return _file_made(request, wanted) if wanted else redirect("run_detail", run.pk)


@require_POST
def run_download(request: AuthedRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Stream the file without keeping it; create a kept file where that is not possible."""
    run = get_visible_or_404(Run.objects.visible_to(request.user), pk)
    wanted = _wanted(request, run)
    if wanted is None:
        return redirect("run_detail", run.pk)
    if request.META.get("SERVER_PROTOCOL") == "HTTP/1.0":
        # Without chunks, a stream that breaks looks like one that ended.
        messages.info(
            request,
            "A proxy on the way speaks HTTP/1.0, so the file is made here first.",
        )
        return _file_made(request, wanted)
    try:
        download = streaming.Download(wanted, selection.readable_result(wanted))
    except streaming.NoSlotError as error:
        messages.info(request, f"{error} So the file is made here first.")
        return _file_made(request, wanted)
    except EXPORT_ERRORS as error:
        messages.error(request, str(error))
        return redirect("run_detail", run.pk)
    _let_go_of_silent_reader(request)
    kind = media_type(wanted.format, wanted.compression)
    headers = stream_headers(wanted.safe_name, kind)
    return StreamingHttpResponse(download, headers=headers)


@require_POST
def run_export_estimate(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the estimated size of the chosen file."""
    run = get_visible_or_404(Run.objects.visible_to(request.user), pk)
    form = ExportForm(request.POST)
    context: dict[str, object] = {"usage": quota.export_usage(request.user)}
    if form.is_valid():
        wanted = form.to_request(request.user, run)
        try:
            context["estimate"] = selection.estimate(
                wanted, selection.readable_result(wanted)
            )
        except EXPORT_ERRORS as error:
            context["refusal"] = str(error)
    else:
        context["refusal"] = form.error_summary()
    return render(request, "queries/_export_estimate.html", context)


def _wanted(request: AuthedRequest, run: Run) -> ExportRequest | None:
    """Return the choices of the menu; errors are shown."""
    form = ExportForm(request.POST)
    if form.is_valid():
        return form.to_request(request.user, run)
    messages.error(request, f"The file was not made. {form.error_summary()}")
    return None


def _file_made(request: AuthedRequest, wanted: ExportRequest) -> HttpResponse:
    try:
        export = export_services.start_export(wanted)
    except EXPORT_ERRORS as error:
        messages.error(request, str(error))
        return redirect("run_detail", wanted.run.pk)
    ready = export.status == Status.SUCCEEDED
    if export.asked_before and not ready:
        messages.info(request, export_services.DUPLICATE_NOTE)
    return redirect("export_download" if ready else "export_detail", export.pk)


@require_GET
def export_list(request: AuthedRequest) -> HttpResponse:
    """List the user's exports, newest first; polls while one is being built."""
    found = Export.objects.visible_to(request.user).select_related("run")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    poll = POLL_SECONDS if any(export.is_active for export in page) else 0
    part = "#exports" if wants_fragment(request) else ""
    usage = quota.export_usage(request.user)
    context = {"page": page, "poll": poll, "usage": usage}
    return render(request, f"queries/export_list.html{part}", context)


@require_GET
def export_detail(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Show one export: progress, content, changes to the data."""
    export = _export(request, pk)
    context = {
        "export": export,
        "format": FORMATS[export.format],
        "notes": list(export_services.export_notes(export)),
        "selection": selection.selection_in_words(export.options),
        "poll": POLL_SECONDS if export.is_active else 0,
    }
    part = "#live" if wants_fragment(request) else ""
    return render(request, f"queries/export_detail.html{part}", context)


@require_safe
def export_download(request: AuthedRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Send the file as an attachment that browsers do not render; a broken download can be resumed."""
    export = _export(request, pk)
    if export.status != Status.SUCCEEDED or export.file_removed_at:
        raise Http404("This file has expired or was never made.")
    _let_go_of_silent_reader(request)
    try:
        return file_response(
            request,
            builder.file_path(export),
            name=export.file_name,
            content_type=export_services.export_media_type(export),
            etag=export.sha256,
        )
    except FileNotFoundError:
        raise Http404("This file is gone.") from None


@require_GET
def export_manifest(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Send the manifest as a file."""
    export = _export(request, pk)
    manifest = export.report.get("manifest")
    if not manifest:
        raise Http404("This file was never made.")
    headers = stream_headers(f"{export.file_name}.manifest.json", "application/json")
    return HttpResponse(manifests.as_bytes(manifest), headers=headers)


@require_POST
def export_cancel(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Stop building the file."""
    export_services.cancel_export(_export(request, pk))
    return redirect("export_detail", pk)


@require_POST
def export_delete(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Delete the file and its entry."""
    export_services.delete_export(_export(request, pk))
    messages.success(request, "Export deleted.")
    return redirect("export_list")


def _let_go_of_silent_reader(request: AuthedRequest) -> None:
    """Set a send timeout for a client that vanished; gunicorn itself would wait for ever."""
    if socket := request.META.get("gunicorn.socket"):
        socket.settimeout(SEND_TIMEOUT_SECONDS)


def _export(request: AuthedRequest, pk: uuid.UUID) -> Export:
    return get_visible_or_404(
        Export.objects.visible_to(request.user).select_related("run"), pk
    )
