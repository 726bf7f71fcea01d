"""Signing in, guessing passwords, and the end of sessions."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from axes.models import AccessAttempt, AccessLog
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from queries.accounts.services import delete_expired, issue_sign_in_link
from queries.models import SignInLink
from tests.factories import UserFactory
from tests.views.sign_in import LOGIN_PATH, is_signed_in, sign_in

pytestmark = pytest.mark.django_db


# Signing in


def test_email_and_password_sign_in(client, user):
    response = sign_in(client, user.email)
    assert (response.status_code, response["Location"]) == (302, reverse("run_new"))
    assert is_signed_in(client)


def test_the_address_may_be_typed_in_any_case(client, user):
    assert sign_in(client, f"  {user.email.upper()} ").status_code == 302


def test_the_session_id_changes_when_signing_in(client, user):
    client.get(LOGIN_PATH)
    client.cookies["session"] = "fixed-by-an-attacker"
    sign_in(client, user.email)
    assert client.cookies["session"].value != "fixed-by-an-attacker"


def without_token(response):
    return re.sub(rb'(value|content)="[A-Za-z0-9]{64}"', b"", response.content)


@time_machine.travel("2026-11-22T12:00:00Z", tick=False)
def test_unknown_inactive_and_wrong_look_the_same(user):
    inactive = UserFactory(is_active=False)
    answers = [
        sign_in(Client(), user.email, "wrong password"),
        sign_in(Client(), "nobody@example.com", "wrong password"),
        sign_in(Client(), inactive.email),
    ]
    assert {answer.status_code for answer in answers} == {200}
    bodies = {
        without_token(answer).replace(name.encode(), b"")
        for answer, name in zip(
            answers,
            [user.email, "nobody@example.com", inactive.email],
            strict=True,
        )
    }
    assert len(bodies) == 1


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/%0d%0aSet-Cookie:x=1\r\nX: y",
        "\thttps://evil.example",
    ],
)
def test_next_never_leads_away(client, user, target):
    response = sign_in(client, user.email, next=target)
    assert response.status_code == 302
    assert "evil" not in response["Location"].split("?")[0]
    assert "\n" not in response["Location"]
    assert response["Location"].startswith("/")
    assert not response["Location"].startswith(("//", "/\\"))


def test_next_on_this_site_is_followed(client, user):
    assert sign_in(client, user.email, next="/teams/")["Location"] == "/teams/"


def test_anonymous_is_sent_to_sign_in_and_back(client):
    response = client.get("/teams/")
    assert response["Location"] == f"{LOGIN_PATH}?next=/teams/"


def test_htmx_is_sent_to_sign_in_as_a_whole_page(client):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/runs/"}
    response = client.get("/teams/", headers=headers)
    assert (response.status_code, response["HX-Redirect"]) == (
        204,
        f"{LOGIN_PATH}?next=/runs/",
    )


# Brute force


@pytest.fixture
def axes(settings):
    settings.AXES_ENABLED = True


def fail(client, email, times=8, **headers):
    for _ in range(times):
        response = client.post(
            LOGIN_PATH, {"username": email, "password": "wrong"}, headers=headers
        )
    return response


@pytest.mark.usefixtures("axes")
@pytest.mark.parametrize("known", [True, False])
def test_too_many_failures_lock_known_and_unknown_addresses_alike(client, user, known):
    email = user.email if known else "nobody@example.com"
    response = fail(client, email)
    assert response.status_code == 429
    assert b"Too many attempts" in response.content
    assert b"15 min" in response.content
    assert sign_in(client, email).status_code == 429


@pytest.mark.usefixtures("axes")
def test_spelling_the_address_otherwise_gives_no_more_guesses(client, user):
    local, domain = user.email.split("@")
    wide = "".join(chr(ord(c) + 0xFEE0) for c in local)
    fail(client, user.email, times=3)
    fail(client, user.email.upper(), times=2)
    fail(client, f"{wide}@{domain}", times=3)
    assert sign_in(client, user.email).status_code == 429


@pytest.mark.usefixtures("axes")
def test_a_forged_forwarded_address_gives_no_more_guesses(client, user):
    for n in range(8):
        response = fail(client, user.email, 1, **{"X-Forwarded-For": f"203.0.113.{n}"})
    assert response.status_code == 429


@pytest.mark.usefixtures("axes")
def test_behind_a_proxy_only_what_the_proxy_saw_counts(client, user, settings):
    settings.PROXY_COUNT = 1
    for n in range(8):
        seen = f"203.0.113.{n}, 198.51.100.7"
        response = fail(client, user.email, 1, **{"X-Forwarded-For": seen})
    assert response.status_code == 429


@pytest.mark.usefixtures("axes")
def test_the_lock_opens_after_its_time(client, user):
    fail(client, user.email)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert sign_in(client, user.email).status_code == 302


@pytest.mark.usefixtures("axes")
def test_others_are_not_locked_out(client, user):
    fail(client, user.email)
    assert sign_in(client, UserFactory().email).status_code == 302


# Sessions


def test_signing_out_ends_the_session_for_whoever_stole_it(page, user):
    thief = Client()
    thief.cookies["session"] = page.cookies["session"].value
    assert is_signed_in(thief)
    response = page.post(reverse("logout"))
    assert response["Clear-Site-Data"] == '"cache", "storage"'
    assert not is_signed_in(page)
    assert not is_signed_in(thief)


def test_signing_out_takes_a_post(page):
    assert page.get(reverse("logout")).status_code == 405
    assert is_signed_in(page)


def test_a_session_ends_when_the_account_is_deactivated(page, user):
    user.is_active = False
    user.save()
    assert not is_signed_in(page)


def test_a_session_ends_after_seven_days_however_busy(page):
    start = timezone.now()
    for day in (2, 4, 6):
        with time_machine.travel(start + timedelta(days=day)):
            assert is_signed_in(page)
            page.post(reverse("account"), {"name": f"Day {day}", "theme": "dark"})
    with time_machine.travel(start + timedelta(days=7, minutes=1)):
        assert not is_signed_in(page)


def test_what_is_over_is_forgotten_and_the_rest_is_kept(client, user):
    sign_in(client, user.email)
    sign_in(Client(), user.email, "wrong password")
    link = issue_sign_in_link(user)
    delete_expired()
    assert is_signed_in(client)
    assert SignInLink.objects.count() == 1
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        delete_expired()
        assert (Session.objects.count(), SignInLink.objects.count()) == (0, 0)
        assert (AccessAttempt.objects.count(), AccessLog.objects.count()) == (0, 0)
    assert link
