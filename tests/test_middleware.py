"""What every request passes through."""

from __future__ import annotations

import uuid
import zoneinfo

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.test import RequestFactory

from queries.middleware import RequestIdMiddleware, SecurityHeadersMiddleware
from queries.models import Connection
from queries.shortcuts import (
    client_ip,
    get_visible_or_404,
    request_time_zone,
    safe_next_url,
)
from tests.factories import ConnectionFactory, UserFactory

get = RequestFactory().get


# Looking up


@pytest.mark.django_db
def test_a_row_is_found_refused_or_hidden(user):
    mine, theirs = ConnectionFactory(owner=user), ConnectionFactory()
    visible, none = Connection.objects.visible_to(user), Connection.objects.none()
    assert get_visible_or_404(visible, mine.pk) == mine
    assert get_visible_or_404(visible, mine.pk, allowed=visible) == mine
    with pytest.raises(PermissionDenied):
        get_visible_or_404(visible, mine.pk, allowed=none)
    for pk in (theirs.pk, uuid.uuid4()):
        with pytest.raises(Http404):
            get_visible_or_404(visible, pk, allowed=Connection.objects.all())


# Request ids and headers


def test_each_answer_has_an_id_of_ours():
    middleware = RequestIdMiddleware(lambda _request: HttpResponse())
    forged = get("/", headers={"X-Request-ID": "forged\r\nid"})
    ids = {middleware(forged)["X-Request-ID"] for _ in range(2)}
    assert len(ids) == 2
    assert all(len(found) == 16 for found in ids)


def test_static_files_may_be_cached_and_pages_may_not():
    middleware = SecurityHeadersMiddleware(lambda _request: HttpResponse())
    assert "Cache-Control" not in middleware(get("/static/css/app.css"))
    page = middleware(get("/runs/"))
    assert page["Cache-Control"] == "no-store, private"
    assert "HX-Request" in page["Vary"]


def test_a_view_may_say_otherwise():
    def view(_request):
        return HttpResponse(headers={"Cache-Control": "max-age=5"})

    assert SecurityHeadersMiddleware(view)(get("/"))["Cache-Control"] == "max-age=5"


# Where a request comes from


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "not an address", "192.0.2.1"),
        (1, "6.6.6.6, 2001:DB8::1", "2001:db8::1"),
    ],
)
def test_only_what_our_own_proxies_saw_is_believed(
    settings, proxies, forwarded, address
):
    settings.PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": forwarded}
    request = get("/", headers=headers, REMOTE_ADDR="192.0.2.1")
    assert client_ip(request) == address


def test_behind_a_socket_there_may_be_no_address():
    assert client_ip(get("/", REMOTE_ADDR="")) is None


# Where a form leads back to


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("/runs/?page=2", "/runs/?page=2"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("https:evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("\x08//evil.example", "/"),
        ("http://testserver/ok", "http://testserver/ok"),
    ],
)
def test_next_stays_on_this_site(target, leads_to):
    assert safe_next_url(get("/", {"next": target})) == leads_to
    assert safe_next_url(RequestFactory().post("/", {"next": target})) == leads_to


# Time zones


def request_of(zone="", cookie=""):
    request = get("/")
    request.user = AnonymousUser()
    request.user.time_zone = zone
    request.COOKIES["tz"] = cookie
    return request


@pytest.mark.parametrize(
    ("zone", "cookie", "shown"),
    [
        ("Asia/Kolkata", "Europe/Paris", "Asia/Kolkata"),
        ("", "Europe/Paris", "Europe/Paris"),
        ("", "", "UTC"),
        ("", "Mars/Olympus", "UTC"),
        ("", "../../etc/passwd", "UTC"),
        ("", "/etc/localtime", "UTC"),
        ("", "x" * 5000, "UTC"),
        ("", "Europe", "UTC"),
        ("", "bad\x00zone", "UTC"),
    ],
)
def test_times_are_shown_in_ones_own_zone_else_the_browsers_else_utc(
    zone, cookie, shown
):
    assert request_time_zone(request_of(zone, cookie)) == zoneinfo.ZoneInfo(shown)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cookie", "theme"), [("dark", "dark"), ('"><script>', "auto"), ("", "auto")]
)
def test_the_theme_cookie_is_one_of_three(client, cookie, theme):
    client.force_login(UserFactory())
    client.cookies["theme"] = cookie
    assert f'data-theme="{theme}"' in client.get("/accounts/").text
