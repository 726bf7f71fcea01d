"""Helpers that views share: rows by id, the client address, the time zone, redirects."""

from __future__ import annotations

import zoneinfo
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from queries.accounts.services import THEMES

if TYPE_CHECKING:
    from uuid import UUID

    from django_htmx.middleware import HtmxDetails

    from queries.models import User

Row = TypeVar("Row", bound=Model)


class AuthedRequest(HttpRequest):
    """A request of a signed-in user, with django-htmx's details (for type checkers)."""

    user: User
    htmx: HtmxDetails


def client_ip(request: HttpRequest) -> str | None:
    """Return the address the request came from, as the outermost trusted proxy saw it.

    Each proxy appends the address it was called from to ``X-Forwarded-For``; entries left of our own
    proxies' were sent by the client and may be forged.
    """
    seen = request.headers.get("X-Forwarded-For", "").split(",")
    if settings.PROXY_COUNT and len(seen) >= settings.PROXY_COUNT:
        try:
            return str(ip_address(seen[-settings.PROXY_COUNT].strip()))
        except ValueError:
            pass
    return request.META.get("REMOTE_ADDR") or None


def request_time_zone(request: HttpRequest) -> zoneinfo.ZoneInfo:
    """Return the zone to show and read times in; unknown names mean UTC."""
    name = getattr(request.user, "time_zone", "") or request.COOKIES.get("tz", "")
    try:
        return zoneinfo.ZoneInfo(name or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Return what every page template may use: ``theme``, ``zone_name`` and ``version``."""
    theme = request.COOKIES.get("theme", "auto")
    return {
        "theme": theme if theme in THEMES else "auto",
        "zone_name": timezone.get_current_timezone_name(),
        "version": settings.VERSION,
    }


def get_visible_or_404(
    visible: QuerySet[Row], pk: UUID | int, *, allowed: QuerySet[Row] | None = None
) -> Row:
    """Return the row ``pk``: 404 unless it is ``visible``, 403 unless it is ``allowed`` too."""
    found = get_object_or_404(visible, pk=pk)
    if allowed is not None and not allowed.filter(pk=pk).exists():
        raise PermissionDenied
    return found


def wants_fragment(request: AuthedRequest) -> bool:
    """Return whether htmx requests a part of the page; Back requests a whole one."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def safe_next_url(request: HttpRequest, fallback: str = "/") -> str:
    """Return the target of ``next`` (form field or query) if it is on this site, else the fallback."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else fallback
