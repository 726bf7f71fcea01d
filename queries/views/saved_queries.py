"""Saved queries: find, read, run, change, duplicate, delete."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from queries import time_ranges
from queries.forms.grid_view import parse_grid_state
from queries.forms.provider_fields import ProviderFields
from queries.forms.saved_queries import RunSavedQueryForm, SavedQueryForm
from queries.models import Mode, Run, SavedQuery
from queries.providers.registry import provider_choices, provider_class
from queries.runs import services as run_services
from queries.saved_queries import services as saved_query_services
from queries.shortcuts import (
    AuthedRequest,
    get_visible_or_404,
    safe_next_url,
    wants_fragment,
)

PAGE_SIZE = 30
RECENT_RUNS = 5
QUICK_WAIT_SECONDS = 2.0
MAX_TAG_CHIPS = 30
OWNER_CHOICES = (
    ("", "All"),
    (saved_query_services.OWNED_BY_ME, "Mine"),
    (saved_query_services.OWNED_BY_OTHERS, "Teams'"),
)


@require_GET
def saved_query_list(request: AuthedRequest) -> HttpResponse:
    """Find queries by text, tag and owner; favourites come first."""
    # PostgreSQL takes no NUL in a text.
    chosen = {
        name: request.GET.get(name, "").replace("\0", "").strip()
        for name in ("q", "tag", "whose")
    }
    found = saved_query_services.search(
        request.user, text=chosen["q"], tag=chosen["tag"], ownership=chosen["whose"]
    )
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [(query, uuid.uuid4()) for query in page],
        "chosen": chosen,
        "is_filtered": any(chosen.values()),
        "whose_choices": OWNER_CHOICES,
        "tags": saved_query_services.tags_visible_to(request.user)[:MAX_TAG_CHIPS],
    }
    part = "#found" if wants_fragment(request) else ""
    return render(request, f"queries/saved_query_list.html{part}", context)


@require_http_methods(["GET", "POST"])
def saved_query_new(request: AuthedRequest) -> HttpResponse:
    """Create a query from scratch, or from a run (``?run=``)."""
    query = SavedQuery(owner=request.user, **_beginning(request))
    form = SavedQueryForm(request.user, query, request.POST or None)
    if not form.is_valid():
        return _form(request, form, "queries/saved_query_new.html")
    form.save()
    messages.success(request, f"{query} is saved.")
    return redirect("saved_query_detail", query.pk)


@require_GET
def saved_query_detail(request: AuthedRequest, pk: Any) -> HttpResponse:
    """Show a query, and a button that runs it."""
    query = get_visible_or_404(
        saved_query_services.visible_with_favourites(request.user), pk
    )
    return _detail(request, query, RunSavedQueryForm(request.user, query))


@require_http_methods(["GET", "POST"])
def saved_query_edit(request: AuthedRequest, pk: Any) -> HttpResponse:
    """Change a query, as owner or editor of its team."""
    query = get_visible_or_404(
        SavedQuery.objects.visible_to(request.user),
        pk,
        allowed=SavedQuery.objects.editable_by(request.user),
    )
    form = SavedQueryForm(request.user, query, request.POST or None)
    if not form.is_valid():
        return _form(request, form, "queries/saved_query_edit.html")
    form.save()
    messages.success(request, "Saved.")
    return redirect("saved_query_detail", query.pk)


@require_POST
def saved_query_duplicate(request: AuthedRequest, pk: Any) -> HttpResponse:
    """Create a private copy for the user."""
    original = get_visible_or_404(SavedQuery.objects.visible_to(request.user), pk)
    copy = saved_query_services.duplicate(request.user, original)
    messages.success(request, "This copy is yours alone.")
    return redirect("saved_query_edit", copy.pk)


@require_POST
def saved_query_delete(request: AuthedRequest, pk: Any) -> HttpResponse:
    """Delete a query, as owner; its runs and results stay."""
    query = get_visible_or_404(
        SavedQuery.objects.visible_to(request.user),
        pk,
        allowed=SavedQuery.objects.owned_by(request.user),
    )
    query.delete()
    messages.success(request, f"{query} was deleted.")
    return redirect("saved_query_list")


@require_POST
def saved_query_favourite(request: AuthedRequest, pk: Any) -> HttpResponse:
    """Mark or unmark it as favourite: the target state is sent, so repeating is harmless."""
    query = get_visible_or_404(SavedQuery.objects.visible_to(request.user), pk)
    wanted = request.POST.get("on") == "1"
    saved_query_services.set_favourite(query, request.user, favourite=wanted)
    if wants_fragment(request):
        context = {
            "query": get_visible_or_404(
                saved_query_services.visible_with_favourites(request.user), pk
            )
        }
        return render(request, "queries/saved_query_list.html#star", context)
    return redirect(safe_next_url(request, reverse("saved_query_detail", args=[pk])))


@require_POST
def saved_query_layout(request: AuthedRequest, pk: Any) -> HttpResponse:
    """Store a grid's columns, their order and widths, for every run of the query."""
    query = get_visible_or_404(
        SavedQuery.objects.visible_to(request.user),
        pk,
        allowed=SavedQuery.objects.editable_by(request.user),
    )
    view = parse_grid_state(QueryDict(request.POST.get("view", "")))
    saved_query_services.set_layout(query, view.columns, request.POST.get("widths", ""))
    messages.success(request, f"{query} remembers these columns.")
    return redirect(safe_next_url(request, reverse("saved_query_detail", args=[pk])))


@require_POST
def saved_query_run(request: AuthedRequest, pk: Any) -> HttpResponse:
    """Run it as the present user, on a connection the user may use."""
    query = get_visible_or_404(
        saved_query_services.visible_with_favourites(request.user), pk
    )
    form = RunSavedQueryForm(request.user, query, request.POST)
    if not form.is_valid():
        return _detail(request, query, form, status=422)
    try:
        run = run_services.start_run(form.to_request())
    except (
        run_services.InvalidRunError
    ) as error:  # a query that was valid when saved may be invalid now
        messages.error(request, f"It cannot run as it is: {error}")
        return redirect(f"{reverse('run_new')}?saved={query.pk}")
    return redirect("run_detail", run_services.wait_for(run, QUICK_WAIT_SECONDS).pk)


def _beginning(request: AuthedRequest) -> dict[str, Any]:
    """Return the initial values of a new query."""
    if not (source := request.GET.get("run")):
        provider = request.GET.get("provider") or provider_choices()[0][0]
        if provider not in dict(provider_choices()):
            raise Http404
        return {"provider": provider}
    try:
        pk = uuid.UUID(source)
    except ValueError:
        raise Http404 from None
    # A refine is not a provider query, so it cannot be saved.
    asked = Run.objects.visible_to(request.user).exclude(mode=Mode.REFINE)
    run = get_visible_or_404(asked, pk)
    names = ("provider", "statement", "mode", "settings", "time_range")
    spans = ("range_start", "range_end")
    return {name: getattr(run, name) for name in (*names, *spans)}


def _form(request: AuthedRequest, form: SavedQueryForm, template: str) -> HttpResponse:
    context = {"form": form, "query": form.query, "providers": provider_choices()}
    status = 422 if request.method == "POST" else 200
    return render(request, template, context, status=status)


def _detail(
    request: AuthedRequest,
    query: SavedQuery,
    form: RunSavedQueryForm,
    *,
    status: int = 200,
) -> HttpResponse:
    declared = ProviderFields(provider_class(query.provider).query_fields)
    editable = SavedQuery.objects.editable_by(request.user)
    context = {
        "query": query,
        "form": form,
        "own": query.owner == request.user,
        "can_edit": editable.filter(pk=query.pk).exists(),
        "settings": declared.labelled_values(query.settings),
        "range_label": time_ranges.label(query.time_range),
        "recent": query.runs.filter(owner=request.user)[:RECENT_RUNS],
    }
    return render(request, "queries/saved_query_detail.html", context, status=status)
