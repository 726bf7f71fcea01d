"""What tests of accounts share."""

from __future__ import annotations

from django.urls import reverse

from tests.factories import PASSWORD

NEW_PASSWORD = "a much longer secret 42"
LOGIN_PATH = "/accounts/login/"


def sign_in(client, email, password=PASSWORD, **extra):
    """Fill the sign-in form in and send it."""
    return client.post(LOGIN_PATH, {"username": email, "password": password} | extra)


def is_signed_in(client):
    """Tell whether the client's session is alive."""
    return client.get(reverse("account")).status_code == 200
