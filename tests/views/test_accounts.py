"""One's own account: password, profile, theme, one-time links."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from queries.accounts.services import issue_sign_in_link
from queries.models import SignInLink, User
from tests.factories import PASSWORD, UserFactory
from tests.views.sign_in import NEW_PASSWORD, is_signed_in, sign_in

pytestmark = pytest.mark.django_db


# Passwords


def change(client, old=PASSWORD, new=NEW_PASSWORD, again=None):
    data = {"old_password": old, "new_password1": new, "new_password2": again or new}
    return client.post(reverse("password_change"), data)


def test_changing_the_password_ends_other_sessions_only(page, user):
    other = Client()
    other.force_login(user)
    assert change(page).status_code == 302
    assert is_signed_in(page)
    assert not is_signed_in(other)
    assert sign_in(Client(), user.email, NEW_PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "again", "words"),
    [
        ("wrong", NEW_PASSWORD, None, "incorrectly"),
        (PASSWORD, "short", None, "too short"),
        (PASSWORD, "password1234", None, "too common"),
        (PASSWORD, NEW_PASSWORD, "another one entirely", "match"),
    ],
)
def test_a_bad_change_is_refused_in_words(page, user, old, new, again, words):
    response = change(page, old, new, again)
    assert response.status_code == 422
    assert words in response.content.decode()
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_somebody_without_a_password_sets_a_first_one(client):
    person = UserFactory(password=None)
    client.force_login(person)
    assert b"Set a password" in client.get(reverse("account")).content
    assert b"old_password" not in client.get(reverse("password_change")).content
    data = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    assert client.post(reverse("password_change"), data).status_code == 302
    assert is_signed_in(client)
    assert sign_in(Client(), person.email, NEW_PASSWORD).status_code == 302


# The account page


def test_name_zone_and_theme_are_saved(page, user):
    data = {"name": "Ada", "time_zone": " europe/helsinki", "theme": "dark"}
    assert page.post(reverse("account"), data).status_code == 302
    user.refresh_from_db()
    assert (user.name, user.time_zone) == ("Ada", "Europe/Helsinki")
    assert page.cookies["theme"].value == "dark"
    html = page.get(reverse("account")).content.decode()
    assert 'data-theme="dark"' in html
    assert "Times are shown in Europe/Helsinki" in html


def test_an_unknown_zone_is_refused_and_changes_nothing(page, user):
    data = {"name": "Ada", "time_zone": "Mars/Olympus", "theme": "auto"}
    response = page.post(reverse("account"), data)
    assert response.status_code == 422
    assert "No such time zone" in response.content.decode()
    assert "Account of Ada" not in response.content.decode()
    user.refresh_from_db()
    assert user.time_zone == ""


@pytest.mark.parametrize("field", ["email", "is_superuser", "password", "is_active"])
def test_the_account_form_takes_nothing_else(page, user, field):
    before = getattr(user, field)
    page.post(reverse("account"), {"name": "x", "theme": "auto", field: "1"})
    user.refresh_from_db()
    assert getattr(user, field) == before


def test_every_offered_zone_is_accepted(page):
    html = page.get(reverse("account")).content.decode()
    assert '<option value="Asia/Kolkata">' in html
    assert '<option value="UTC">' in html


# Theme


def test_the_theme_is_kept_in_a_cookie_and_the_page_comes_back(client):
    response = client.post(reverse("theme_set"), {"theme": "light", "next": "/teams/"})
    assert response["Location"] == "/teams/"
    cookie = client.cookies["theme"]
    assert (cookie.value, cookie["samesite"], cookie["httponly"]) == (
        "light",
        "Lax",
        True,
    )


def test_choosing_a_theme_never_leads_away(client):
    data = {"theme": "light", "next": "//evil.example"}
    assert client.post(reverse("theme_set"), data)["Location"] == "/"


def test_an_unknown_theme_is_refused(client):
    response = client.post(reverse("theme_set"), {"theme": "<script>"})
    assert response.status_code == 400
    assert "theme" not in client.cookies


# One-time links


def link_path(user):
    return reverse("sign_in_link", args=[issue_sign_in_link(user)])


def test_a_link_signs_in_once(client, user):
    path = link_path(user)
    assert client.get(path)["Location"] == reverse("run_new")
    assert is_signed_in(client)
    other = Client()
    response = other.get(path)
    assert response.status_code == 410
    assert "does not work any more" in response.content.decode()
    assert not is_signed_in(other)


def test_a_link_ends_after_an_hour(client, user):
    path = link_path(user)
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert client.get(path).status_code == 410


def test_a_link_of_a_deactivated_account_does_not_work(client, user):
    path = link_path(user)
    User.objects.update(is_active=False)
    assert client.get(path).status_code == 410


def test_an_unknown_link_does_not_work(client):
    path = reverse("sign_in_link", args=["guess"])
    assert client.get(path).status_code == 410


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}],
)
def test_looking_ahead_does_not_use_a_link_up(client, user, headers):
    path = link_path(user)
    assert client.get(path, headers=headers).status_code == 204
    assert client.head(path).status_code == 405
    assert client.get(path).status_code == 302


def test_a_link_signs_out_whoever_was_signed_in(page, user):
    other = UserFactory()
    page.get(link_path(other))
    assert other.email in page.get(reverse("account")).content.decode()
    assert Session.objects.count() == 1


def test_only_the_digest_of_a_link_is_stored(user):
    token = issue_sign_in_link(user)
    assert token not in str(SignInLink.objects.values())
