"""Middleware: request ids, security headers, sign-in redirects for htmx, the time zone."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import structlog
from django.conf import settings
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from queries.shortcuts import request_time_zone

if TYPE_CHECKING:
    pass

Row = TypeVar("Row", bound=Model)

Handler = Callable[[HttpRequest], HttpResponse]
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class RequestIdMiddleware:
    """Gives each request an id, for the log and the response's ``X-Request-ID``."""

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
    """Headers that Django has no setting for; pages of signed-in users are never stored."""

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
    """Sends an expired session to the sign-in page, instead of placing that page into a fragment."""

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


def login_path() -> str:
    """Return the path of the sign-in page."""
    from django.urls import reverse

    return reverse(settings.LOGIN_URL)


class TimeZoneMiddleware:
    """Shows times in the user's zone: the setting, else the browser's, else UTC."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Activate the zone for the length of the request."""
        with timezone.override(request_time_zone(request)):
            return self.get_response(request)
