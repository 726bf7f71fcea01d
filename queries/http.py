"""What every request passes through, and the small helpers that views share."""

from __future__ import annotations

import uuid
import zoneinfo
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme

from queries.accounts import THEMES

if TYPE_CHECKING:
    from uuid import UUID

    from django_htmx.middleware import HtmxDetails

    from queries.models import User

Row = TypeVar("Row", bound=Model)

Handler = Callable[[HttpRequest], HttpResponse]
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class AuthedRequest(HttpRequest):
    """A request by somebody signed in, with django-htmx's details (for type checkers)."""

    user: User
    htmx: HtmxDetails


class RequestIdMiddleware:
    """Names each request in the log and in the answer's ``X-Request-ID``."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Bind the id for the length of the request; ids from outside are not trusted."""
        request_id = uuid.uuid4().hex[:16]
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class SecurityHeadersMiddleware:
    """Headers Django has no setting for; pages of signed-in people are never stored."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Add the headers; a view's own Cache-Control wins."""
        response = self.get_response(request)
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not request.path.startswith(f"/{settings.STATIC_URL.strip('/')}/"):
            response.setdefault("Cache-Control", "no-store, private")
            # A fragment and its page share a URL: Back must not show a bare fragment.
            patch_vary_headers(response, ("HX-Request", "HX-History-Restore-Request"))
        return response


class HtmxLoginMiddleware:
    """An expired session must lead to the sign-in page, not put it inside a fragment."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Turn a redirect to the sign-in page into one that htmx follows as a whole page."""
        response = self.get_response(request)
        htmx = getattr(request, "htmx", None)
        to_login = response.get("Location", "").startswith(login_path())
        if not (htmx and to_login and response.status_code in {301, 302}):
            return response
        answer = HttpResponse(status=204)
        page = htmx.current_url_abs_path or "/"
        answer["HX-Redirect"] = f"{login_path()}?next={quote(page)}"
        return answer


def client_ip(request: HttpRequest) -> str | None:
    """The address the request came from, as the outermost trusted proxy saw it.

    Each proxy appends the address it was called from to ``X-Forwarded-For``; what stands
    left of our own proxies' entries was sent by the client and may be forged.
    """
    seen = request.headers.get("X-Forwarded-For", "").split(",")
    if settings.PROXY_COUNT and len(seen) >= settings.PROXY_COUNT:
        try:
            return str(ip_address(seen[-settings.PROXY_COUNT].strip()))
        except ValueError:
            pass
    return request.META.get("REMOTE_ADDR") or None


def login_path() -> str:
    """The path of the sign-in page."""
    from django.urls import reverse

    return reverse(settings.LOGIN_URL)


class TimeZoneMiddleware:
    """Shows times in the person's zone: their setting, else the browser's, else UTC."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Activate the zone for the length of the request."""
        with timezone.override(zone_of(request)):
            return self.get_response(request)


def zone_of(request: HttpRequest) -> zoneinfo.ZoneInfo:
    """The zone to show and read times in; unknown names mean UTC."""
    name = getattr(request.user, "time_zone", "") or request.COOKIES.get("tz", "")
    try:
        return zoneinfo.ZoneInfo(name or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")


def page_context(request: HttpRequest) -> dict[str, Any]:
    """What every page template may use: ``theme``, ``zone_name`` and ``version``."""
    theme = request.COOKIES.get("theme", "auto")
    return {
        "theme": theme if theme in THEMES else "auto",
        "zone_name": timezone.get_current_timezone_name(),
        "version": settings.VERSION,
    }


def fetch(
    visible: QuerySet[Row], pk: UUID | int, *, allowed: QuerySet[Row] | None = None
) -> Row:
    """The row ``pk``: 404 unless it is ``visible``, 403 unless it is ``allowed`` too."""
    found = get_object_or_404(visible, pk=pk)
    if allowed is not None and not allowed.filter(pk=pk).exists():
        raise PermissionDenied
    return found


def wants_fragment(request: AuthedRequest) -> bool:
    """Tell whether htmx asks for a piece of the page; Back asks for a whole one."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def safe_next(request: HttpRequest, fallback: str = "/") -> str:
    """Where ``next`` (form field or query) leads, if that is on this site."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else fallback
