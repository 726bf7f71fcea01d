"""Every address x everybody: a stranger gets 404, a teammate without the right 403.

A new route without an entry here fails the test.
"""

from __future__ import annotations

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from queries.models import (
    Connection,
    Export,
    Invitation,
    Membership,
    Run,
    SavedQuery,
    Team,
)
from queries.urls import urlpatterns
from tests.views.shared_objects import (
    COLLECTION_SUFFIXES,
    ROLES,
    finish_export,
    make_shared_objects,
)

pytestmark = pytest.mark.django_db

SIGN_IN = 302  # to the sign-in page; what else may be a redirect is told apart below

# (method, route): what an anonymous visitor, a stranger, a viewer, an editor and the owner get.
# The thing is the owner's and shared with the team; forms are sent empty, so that 422 and 400
# mean "may, but what was sent is wrong".
EXPECTED = {
    ("GET", "home"): (SIGN_IN, 302, 302, 302, 302),
    ("GET", "healthz"): (200, 200, 200, 200, 200),
    ("GET", "login"): (200, 302, 302, 302, 302),
    ("POST", "login"): (200, 302, 302, 302, 302),
    ("POST", "logout"): (SIGN_IN, 302, 302, 302, 302),
    ("GET", "password_change"): (SIGN_IN, 200, 200, 200, 200),
    ("POST", "password_change"): (SIGN_IN, 422, 422, 422, 422),
    ("GET", "account"): (SIGN_IN, 200, 200, 200, 200),
    ("POST", "account"): (SIGN_IN, 422, 422, 422, 422),
    ("POST", "theme_set"): (400, 400, 400, 400, 400),
    ("GET", "sign_in_link"): (302, 302, 302, 302, 302),
    ("GET", "invitation_accept"): (200, 200, 200, 200, 200),
    ("POST", "invitation_accept"): (422, 422, 422, 422, 422),
    ("GET", "team_list"): (SIGN_IN, 200, 200, 200, 200),
    ("POST", "team_list"): (SIGN_IN, 422, 422, 422, 422),
    ("GET", "team_detail"): (SIGN_IN, 404, 200, 200, 200),
    ("POST", "team_detail"): (SIGN_IN, 404, 403, 403, 422),
    ("GET", "team_delete"): (SIGN_IN, 404, 403, 403, 200),
    ("POST", "team_delete"): (SIGN_IN, 404, 403, 403, 302),
    ("POST", "member_add"): (SIGN_IN, 404, 403, 403, 422),
    ("POST", "member_change"): (SIGN_IN, 404, 403, 403, 422),
    ("POST", "member_remove"): (SIGN_IN, 404, 302, 403, 302),  # a viewer leaves
    ("POST", "invitation_revoke"): (SIGN_IN, 404, 403, 403, 302),
    ("GET", "connection_list"): (SIGN_IN, 200, 200, 200, 200),
    ("GET", "connection_new"): (SIGN_IN, 200, 200, 200, 200),
    ("POST", "connection_new"): (SIGN_IN, 422, 422, 422, 422),
    ("GET", "connection_detail"): (SIGN_IN, 404, 200, 200, 200),
    ("POST", "connection_detail"): (SIGN_IN, 404, 403, 403, 422),
    ("POST", "connection_test"): (SIGN_IN, 404, 403, 403, 302),
    ("GET", "connection_delete"): (SIGN_IN, 404, 403, 403, 200),
    ("POST", "connection_delete"): (SIGN_IN, 404, 403, 403, 302),
    ("GET", "connection_jobs"): (SIGN_IN, 404, 403, 403, 200),
    ("GET", "connection_catalog"): (SIGN_IN, 404, 200, 200, 200),
    ("POST", "connection_cancel_all"): (SIGN_IN, 404, 403, 403, 302),
    ("POST", "run_import"): (SIGN_IN, 404, 403, 403, 302),
    ("GET", "saved_query_list"): (SIGN_IN, 200, 200, 200, 200),
    ("GET", "saved_query_new"): (SIGN_IN, 200, 200, 200, 200),
    ("POST", "saved_query_new"): (SIGN_IN, 422, 422, 422, 422),
    ("GET", "saved_query_detail"): (SIGN_IN, 404, 200, 200, 200),
    ("GET", "saved_query_edit"): (SIGN_IN, 404, 403, 200, 200),
    ("POST", "saved_query_edit"): (SIGN_IN, 404, 403, 422, 422),
    ("POST", "saved_query_duplicate"): (SIGN_IN, 404, 302, 302, 302),
    ("POST", "saved_query_delete"): (SIGN_IN, 404, 403, 403, 302),
    ("POST", "saved_query_favourite"): (SIGN_IN, 404, 302, 302, 302),
    ("POST", "saved_query_layout"): (SIGN_IN, 404, 403, 302, 302),
    ("POST", "saved_query_run"): (SIGN_IN, 404, 422, 422, 422),
    ("GET", "run_list"): (SIGN_IN, 200, 200, 200, 200),
    ("GET", "run_new"): (SIGN_IN, 200, 200, 200, 200),
    ("POST", "run_new"): (SIGN_IN, 422, 422, 422, 422),
    ("POST", "run_preview"): (SIGN_IN, 422, 422, 422, 422),
    ("POST", "run_cancel_all"): (SIGN_IN, 302, 302, 302, 302),
    ("GET", "run_detail"): (SIGN_IN, 404, 200, 200, 200),
    ("GET", "run_status"): (SIGN_IN, 404, 200, 200, 200),
    ("POST", "run_cancel"): (SIGN_IN, 404, 403, 403, 302),
    ("POST", "run_rerun"): (SIGN_IN, 404, 302, 302, 302),
    ("POST", "run_share"): (SIGN_IN, 404, 403, 403, 302),
    ("POST", "run_delete_rows"): (SIGN_IN, 404, 403, 403, 302),
    ("POST", "run_delete"): (SIGN_IN, 404, 403, 403, 302),
    ("GET", "run_results"): (SIGN_IN, 404, 200, 200, 200),
    ("GET", "run_refine"): (SIGN_IN, 404, 200, 200, 200),
    ("POST", "run_refine"): (SIGN_IN, 404, 422, 422, 422),
    ("GET", "run_row"): (SIGN_IN, 404, 200, 200, 200),
    ("GET", "run_columns"): (SIGN_IN, 404, 200, 200, 200),
    ("GET", "run_column"): (SIGN_IN, 404, 404, 404, 404),  # which one is not said
    ("GET", "run_condition"): (SIGN_IN, 404, 200, 200, 200),
    ("GET", "run_timeline"): (SIGN_IN, 404, 200, 200, 200),
    ("GET", "run_chart"): (SIGN_IN, 404, 200, 200, 200),
    ("POST", "run_export"): (SIGN_IN, 404, 302, 302, 302),
    ("POST", "run_download"): (SIGN_IN, 404, 302, 302, 302),
    ("POST", "run_export_estimate"): (SIGN_IN, 404, 200, 200, 200),
    ("GET", "run_logs"): (SIGN_IN, 404, 200, 200, 200),
    ("POST", "run_delete_remote"): (SIGN_IN, 404, 403, 403, 302),
    ("POST", "run_provider_file"): (SIGN_IN, 404, 302, 302, 302),
    ("GET", "export_list"): (SIGN_IN, 200, 200, 200, 200),
    ("GET", "export_detail"): (SIGN_IN, 404, 404, 404, 200),
    ("GET", "export_download"): (SIGN_IN, 404, 404, 404, 200),
    ("GET", "export_manifest"): (SIGN_IN, 404, 404, 404, 200),
    ("POST", "export_cancel"): (SIGN_IN, 404, 404, 404, 302),
    ("POST", "export_delete"): (SIGN_IN, 404, 404, 404, 302),
}
ROUTES = sorted({pattern.name for pattern in urlpatterns})
# Without these, nobody could ever sign in.
OPEN = {"healthz", "login", "theme_set", "sign_in_link", "invitation_accept"}
UNSAFE = sorted(name for method, name in EXPECTED if method == "POST")
READING = {entry for entry in EXPECTED if entry[0] == "GET"} - {("GET", "sign_in_link")}
PRIVATE = ("run_", "saved_query_", "connection_")
POST_ONLY = [name for name in UNSAFE if ("GET", name) not in EXPECTED]


CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "object-src 'none'; frame-ancestors 'none'"
)


@pytest.fixture
def world(settings, data_dir):
    settings.UPSTREAM_HOSTS = ["127.0.0.1:9"]
    made = make_shared_objects()
    finish_export(made, data_dir)
    return made


def as_role(world, role, **kind):
    client = Client(**kind)
    if role != "anonymous":
        client.force_login(world.users[role])
    return client


def ask(client, world, method, name):
    """The response; whatever it is, it carries the security headers."""
    path = reverse(name, args=world.url_arguments(name))
    response = client.generic(
        method, path, content_type="application/x-www-form-urlencoded"
    )
    check_headers(response)
    if response.streaming:
        list(response.streaming_content)  # at its end the file is closed
    return response


def check_headers(response):
    directives = response["Content-Security-Policy"].split("; ")
    assert sorted(directives) == sorted(CSP.split("; "))
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]
    assert "no-store" in response["Cache-Control"]
    assert len(response["X-Request-ID"]) == 16


def rows():
    models = (Run, SavedQuery, Connection, Team, Membership, Invitation, Export)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_every_route_has_an_entry():
    assert sorted({name for _method, name in EXPECTED}) == ROUTES


@pytest.mark.parametrize(("method", "name"), sorted(EXPECTED))
def test_everybody_gets_what_is_expected(world, method, name):
    got, before = [], rows()
    for role in ROLES:
        with transaction.atomic():
            response = ask(as_role(world, role), world, method, name)
            got.append(response.status_code)
            if role == "anonymous" and name not in OPEN:
                assert response["Location"].startswith("/accounts/login/")
            if response.status_code in {403, 404} or (method, name) in READING:
                assert rows() == before
            transaction.set_rollback(True)
    assert tuple(got) == EXPECTED[method, name]


def test_teammates_find_nothing_of_what_is_not_shared(world):
    for model in (Run, SavedQuery, Connection):
        model.objects.update(team=None)
    before = rows()
    for role in ("viewer", "editor"):
        client = as_role(world, role)
        for method, name in sorted(EXPECTED):
            if name.startswith(PRIVATE) and not name.endswith(COLLECTION_SUFFIXES):
                response = ask(client, world, method, name)
                assert (name, response.status_code) == (name, 404)
    assert rows() == before


@pytest.mark.parametrize("role", ["anonymous", "owner"])
def test_nothing_unsafe_works_without_a_csrf_token(world, role):
    client, before = as_role(world, role, enforce_csrf_checks=True), rows()
    for name in UNSAFE:
        response = ask(client, world, "POST", name)
        assert (name, response.status_code) == (name, 403)
    assert rows() == before


def test_following_a_link_changes_nothing(world):
    client, before = as_role(world, "owner"), rows()
    for name in POST_ONLY:
        response = ask(client, world, "GET", name)
        assert (name, response.status_code) == (name, 405)
    assert rows() == before


def test_other_methods_are_not_offered(world):
    client, before = as_role(world, "owner"), rows()
    for name in ROUTES:
        for method in ("PUT", "DELETE", "PATCH", "TRACE"):
            response = ask(client, world, method, name)
            # Who is signed in is led away from the sign-in page before anything else.
            expected = 302 if name == "login" else 405
            assert (name, method, response.status_code) == (name, method, expected)
    assert rows() == before


@pytest.mark.parametrize("path", ["/nowhere/", "/setup", "/admin/", "/setup/"])
def test_unknown_addresses_are_hidden_and_carry_the_headers_too(world, path):
    response = as_role(world, "owner").get(path)
    assert response.status_code == 404
    check_headers(response)


@pytest.mark.parametrize("name", ["member_change", "member_remove"])
def test_absurd_numbers_in_addresses_are_not_found(world, name):
    path = reverse(name, args=[world.team.pk, 10**40])
    assert as_role(world, "owner").post(path).status_code == 404
