"""Runs: start, watch, list and manage them."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from queries import quota
from queries.forms.run_filter import RunFilterForm
from queries.forms.runs import RunForm, initial_from
from queries.models import Connection, Mode, Run, SavedQuery, Team
from queries.models.runs import RunQuerySet
from queries.providers.base import Sample
from queries.providers.errors import ProviderError
from queries.runs import refine as refine_services
from queries.runs import remote_jobs
from queries.runs import services as run_services
from queries.shortcuts import AuthedRequest, get_visible_or_404, wants_fragment
from queries.views.explore import extended_query
from queries.views.explore.grid import canonical_url, grid_context, run_context
from queries.views.provider_extras import provider_extra

PAGE_SIZE = 25
QUICK_WAIT_SECONDS = 2.0
LIST_POLL_SECONDS = 3


@require_GET
def home(request: AuthedRequest) -> HttpResponse:
    """Redirect to the new-query page."""
    return redirect("run_new")


@require_http_methods(["GET", "POST"])
def run_new(request: AuthedRequest) -> HttpResponse:
    """Show the form and start the run. A quick direct run is complete when its page shows."""
    if request.method == "GET":
        return _blank(request)
    form = RunForm(request.user, request.POST)
    if not form.is_valid():
        context = _new_context(request, form)
        return render(request, "queries/run_new.html", context, status=422)
    try:
        run = run_services.start_run(form.to_request())
    except run_services.InvalidRunError as error:
        form.add_error(None, str(error))
        context = _new_context(request, form)
        return render(request, "queries/run_new.html", context, status=422)
    return redirect("run_detail", run_services.wait_for(run, QUICK_WAIT_SECONDS).pk)


@require_POST
def run_preview(request: AuthedRequest) -> HttpResponse:
    """Show the provider's preview of the query in the form; the form stays, and nothing runs."""
    form = RunForm(request.user, request.POST)
    found = _previewed(form) if form.is_valid() else {}
    status = 200 if form.is_valid() else 422
    if wants_fragment(request):
        context = {"form": form, "fragment": True, **found}
        return render(request, "queries/run_new.html#preview", context, status=status)
    context = _new_context(request, form) | found
    return render(request, "queries/run_new.html", context, status=status)


def _previewed(form: RunForm) -> dict[str, Any]:
    asked = form.to_request()
    try:
        told = remote_jobs.preview_query(
            asked.connection, run_services.resolved_spec(asked)
        )
    except ProviderError as error:
        return {"preview_error": error}
    beside = [provider_extra(name, value) for name, value in told.extras.items()]
    return {"preview": told, "beside": beside}


def _blank(request: AuthedRequest) -> HttpResponse:
    """Return an empty form, or no change if the shown form is the same."""
    if refine := _refine_to_edit(request):
        edited = reverse("run_refine", args=[refine.origin_id])
        return redirect(f"{edited}?run={refine.pk}")
    form = RunForm(request.user, initial=_initial(request))
    if not wants_fragment(request):
        return render(request, "queries/run_new.html", _new_context(request, form))
    same = form.provider_slug == request.GET.get("shown")
    if same and not form.depends_on_connection:
        return HttpResponse(status=204)
    context = _new_context(request, form)
    return render(request, "queries/run_new.html#desk", context)


def _initial(request: AuthedRequest) -> dict[str, Any]:
    initial: dict[str, Any] = {"form_key": uuid.uuid4()}
    if source := request.GET.get("run"):
        run = _source(Run, request, source)
        if "f" in request.GET:
            initial["statement"] = extended_query.extended_statement(run, request.GET)
        return initial_from(run, request.user) | initial
    if source := request.GET.get("saved"):
        return (
            initial_from(_source(SavedQuery, request, source), request.user) | initial
        )
    # A link may fill the form; only a POST runs it.
    for name in ("connection", "statement", "mode", "time_range"):
        if value := request.GET.get(name):
            initial[name] = value
    return initial


def _refine_to_edit(request: AuthedRequest) -> Run | None:
    """Return the refine that ``?run=`` names: it has a form of its own, while its origin exists."""
    if not (source := request.GET.get("run")):
        return None
    run: Run = _source(Run, request, source)
    return run if run.mode == Mode.REFINE and run.origin_id else None


def _source(model: type[Run | SavedQuery], request: AuthedRequest, pk: str) -> Any:
    try:
        key = uuid.UUID(pk)
    except ValueError as error:
        raise Http404 from error
    return get_visible_or_404(model.objects.visible_to(request.user), key)


def _new_context(request: AuthedRequest, form: RunForm) -> dict[str, Any]:
    recent = Run.objects.filter(owner=request.user).select_related("connection")[:6]
    return {
        "form": form,
        "connections": Connection.objects.visible_to(request.user).count(),
        "recent": recent,
        "samples": _samples(form),
        "can_preview": form.provider and form.provider.capabilities.preview,
        "connection_pk": str(form["connection"].value() or _first_connection(form)),
    }


def _samples(form: RunForm) -> list[tuple[Sample, uuid.UUID, dict[str, Any], str]]:
    """Return each sample with a key for its run, its settings, and what must be filled in first."""
    if form.provider is None:
        return []
    found = []
    for sample in form.provider.samples:
        settings = {**form.connection_defaults, **sample.settings}
        values = form.settings.initial(settings)
        asked = form.settings.applicable_fields(settings, sample.mode)
        lacks = (
            field.label
            for field in asked
            if field.required and not values[form.settings.form_name(field.name)]
        )
        found.append((sample, uuid.uuid4(), values, next(lacks, "")))
    return found


def _first_connection(form: RunForm) -> Any:
    first = form.fields["connection"].queryset.first()  # type: ignore[attr-defined]
    return first.pk if first else ""


@require_GET
def run_list(request: AuthedRequest) -> HttpResponse:
    """List every run the user may see, filtered; polls while one of the shown runs is active."""
    form = RunFilterForm(request.user, request.GET)
    # Columns that the list does not show may be large.
    unshown = ("warnings", "notes", "statistics", "error")
    found = form.runs().select_related("owner", "team").defer(*unshown)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "poll": LIST_POLL_SECONDS if any(run.is_active for run in page) else 0,
        "active_count": Run.objects.filter(owner=request.user).active().count(),
        "stored": quota.result_usage(request.user),
    }
    part = "#runs" if wants_fragment(request) else ""
    return render(request, f"queries/run_list.html{part}", context)


@require_GET
def run_detail(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Show one run: its live state, its rows, and its actions."""
    run = get_visible_or_404(_runs(request), pk)
    if there := canonical_url(request, run):
        return redirect(there)
    if wants_fragment(request):
        context = grid_context(request, run)
        response = render(request, "queries/run_detail.html#grid", context)
        # The panel beside the grid belongs to the shown rows, so it is updated too.
        return trigger_client_event(response, "view-changed", after="settle")
    context = run_context(request, run) | grid_context(request, run)
    return render(request, "queries/run_detail.html", context)


@require_GET
def run_status(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Show the live part of a run's page; refreshes the rows when there are more."""
    run = get_visible_or_404(_runs(request), pk)
    context = run_context(request, run) | {"ended": not run.is_active}
    response = render(request, "queries/run_detail.html#live", context)
    if not run.is_active or request.GET.get("rows") != str(run.rows_received):
        trigger_client_event(response, "rows-arrived", after="settle")
    return response


def _runs(request: AuthedRequest) -> RunQuerySet:
    visible = Run.objects.visible_to(request.user)
    return visible.select_related(
        "owner", "team", "connection", "saved_query", "result", "origin"
    )


def _manageable(request: AuthedRequest, pk: uuid.UUID) -> Run:
    allowed = Run.objects.owned_by(request.user)
    return get_visible_or_404(_runs(request), pk, allowed=allowed)


@require_POST
def run_cancel(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Request the cancel of a run; the page shows whether the provider confirmed it."""
    run = _manageable(request, pk)
    run_services.cancel_run(run)
    return redirect("run_detail", run.pk)


@require_POST
def run_cancel_all(request: AuthedRequest) -> HttpResponse:
    """Request the cancel of every active run of the user."""
    count = run_services.cancel_all_runs(request.user)
    messages.success(request, f"Cancelling {count} run{'' if count == 1 else 's'}.")
    return redirect("run_list")


@require_POST
def run_rerun(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Run the same query again: over the same absolute range, or over the range as of now."""
    run = get_visible_or_404(_runs(request), pk)
    if run.mode == Mode.REFINE:
        return _refine_again(request, run)
    usable = Connection.objects.visible_to(request.user)
    if run.connection is None or not usable.filter(pk=run.connection.pk).exists():
        messages.error(
            request, "Its connection is not yours to use; choose another one."
        )
        return HttpResponseRedirect(f"{reverse('run_new')}?run={run.pk}")
    try:
        again = run_services.rerun(
            run,
            owner=request.user,
            from_now=request.POST.get("when") == "now",
            form_key=_form_key(request),
            zone=timezone.get_current_timezone(),
        )
    except run_services.InvalidRunError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(f"{reverse('run_new')}?run={run.pk}")
    return redirect("run_detail", run_services.wait_for(again, QUICK_WAIT_SECONDS).pk)


def _refine_again(request: AuthedRequest, run: Run) -> HttpResponse:
    try:
        again = refine_services.rerun_refine(
            run, owner=request.user, form_key=_form_key(request)
        )
    except (refine_services.InvalidRefineError, PermissionDenied) as error:
        messages.error(request, f"It cannot be refined again. {error}")
        return redirect("run_detail", run.pk)
    return redirect("run_detail", run_services.wait_for(again, QUICK_WAIT_SECONDS).pk)


def _form_key(request: AuthedRequest) -> uuid.UUID:
    try:
        return uuid.UUID(request.POST.get("form_key", ""))
    except ValueError:
        return uuid.uuid4()


@require_POST
def run_share(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Share the run and its result with one of the user's teams, or make it private."""
    run = _manageable(request, pk)
    chosen = request.POST.get("team", "")
    teams = {str(team.pk): team for team in Team.objects.visible_to(request.user)}
    if chosen and chosen not in teams:
        messages.error(request, "You are not in this team, so nothing was changed.")
        return redirect("run_detail", run.pk)
    run_services.share_run(run, teams.get(chosen))
    shared = (
        f"Shared with {teams[chosen]}." if chosen in teams else "Not shared any more."
    )
    messages.success(request, shared)
    return redirect("run_detail", run.pk)


@require_POST
def run_delete_rows(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Delete the stored rows and keep the run."""
    run = _manageable(request, pk)
    run_services.delete_rows(run)
    messages.success(request, "The rows are deleted. The run stays.")
    return redirect("run_detail", run.pk)


@require_POST
def run_delete(request: AuthedRequest, pk: uuid.UUID) -> HttpResponse:
    """Delete the run with its rows and exports; an active one is cancelled first."""
    run_services.delete_run(_manageable(request, pk))
    messages.success(request, "Run deleted.")
    return redirect("run_list")
