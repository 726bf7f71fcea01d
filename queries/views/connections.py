"""Connections: list, create, change, test, delete."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from queries.connections import rate_limit
from queries.connections import services as connection_services
from queries.forms.connections import ConnectionForm
from queries.models import Connection
from queries.providers.registry import provider_choices, provider_class
from queries.shortcuts import (
    AuthedRequest,
    get_visible_or_404,
    safe_next_url,
    wants_fragment,
)
from queries.views.capability_texts import (
    provider_limits,
    supported_labels,
    unsupported_capabilities,
)

RECENT_RUNS = 5


@require_GET
def connection_list(request: AuthedRequest) -> HttpResponse:
    """List the user's own connections and those of the user's teams."""
    visible = Connection.objects.visible_to(request.user)
    context = {
        "own": visible.filter(owner=request.user).select_related("team"),
        "shared": visible.exclude(owner=request.user).select_related("owner", "team"),
    }
    return render(request, "queries/connection_list.html", context)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def connection_new(request: AuthedRequest) -> HttpResponse:
    """Show a form generated from the chosen provider, and create a connection."""
    provider = request.GET.get("provider") or provider_choices()[0][0]
    if provider not in dict(provider_choices()):
        raise Http404
    connection = Connection(owner=request.user, provider=provider)
    form = ConnectionForm(request.user, connection, request.POST or None)
    if form.is_valid():
        connection_services.save_connection(connection, form.to_connection_input())
        messages.success(request, f"{connection} is saved. Test it before you use it.")
        return redirect("connection_detail", connection.pk)
    context = {"form": form, "connection": connection, "providers": provider_choices()}
    status = 422 if request.method == "POST" else 200
    return render(request, "queries/connection_new.html", context, status=status)


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def connection_detail(request: AuthedRequest, pk: Any) -> HttpResponse:
    """Show a connection; its owner changes it here."""
    if request.method == "GET":
        visible = Connection.objects.visible_to(request.user)
        return _detail(request, get_visible_or_404(visible, pk))
    connection = _own(request, pk)
    form = ConnectionForm(request.user, connection, request.POST)
    if not form.is_valid():
        return _detail(request, connection, form=form, status=422)
    connection_services.save_connection(connection, form.to_connection_input())
    messages.success(request, "Saved.")
    return redirect("connection_detail", connection.pk)


@require_POST
def connection_test(request: AuthedRequest, pk: Any) -> HttpResponse:
    """Make one cheap call and show its outcome."""
    connection = _own(request, pk)
    result = connection_services.test_connection(connection)
    connection.refresh_from_db()
    not_now = (
        result.message
        if result.error_code == connection_services.RATE_LIMITED_CODE
        else ""
    )
    if wants_fragment(request):
        context = {"connection": connection, "own": True, "announce": True}
        context["not_now"] = not_now
        context["blocked_until"] = rate_limit.blocked_until(connection)
        return render(request, "queries/connection_detail.html#health", context)
    level = messages.SUCCESS if result.ok else messages.ERROR
    messages.add_message(request, level, not_now or connection.test_message)
    back = reverse("connection_detail", args=[connection.pk])
    return redirect(safe_next_url(request, back))


@require_http_methods(["GET", "POST"])
def connection_delete(request: AuthedRequest, pk: Any) -> HttpResponse:
    """Show what deleting it means, then delete it."""
    connection = _own(request, pk)
    if request.method == "GET":
        context = {
            "connection": connection,
            "active": connection_services.count_active_runs(connection),
            "runs": connection.runs.count(),
        }
        return render(request, "queries/connection_delete.html", context)
    connection_services.delete_connection(connection)
    messages.success(request, f"{connection} and its key were deleted.")
    return redirect("connection_list")


def _own(request: AuthedRequest, pk: Any) -> Connection:
    return get_visible_or_404(
        Connection.objects.visible_to(request.user),
        pk,
        allowed=Connection.objects.owned_by(request.user),
    )


def _detail(
    request: AuthedRequest,
    connection: Connection,
    *,
    form: ConnectionForm | None = None,
    status: int = 200,
) -> HttpResponse:
    own = connection.owner == request.user
    provider = provider_class(connection.provider)
    recent = connection.runs.filter(owner=request.user)[:RECENT_RUNS]
    context = {
        "connection": connection,
        "own": own,
        "form": form or (ConnectionForm(request.user, connection) if own else None),
        "recent": recent,
        "can": provider.capabilities,
        "offered": supported_labels(provider),
        "not_offered": unsupported_capabilities(provider),
        "facts": provider_limits(provider),
        "blocked_until": rate_limit.blocked_until(connection),
    }
    return render(request, "queries/connection_detail.html", context, status=status)
