"""What a provider finds wrong with a connection's options stands at the field it is about."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from queries.models import Connection

pytestmark = pytest.mark.django_db

NEW = reverse("connection_new")
FILLED = {
    "name": "Cluster",
    "option_address": "https://saf.example.com:9200/opensearch",
    "option_auth": "basic",
    "option_user": "anna",
    "key": "a password with spaces",
}


@pytest.fixture
def client_of_owner(client: Client, user, settings):
    settings.UPSTREAM_HOSTS = ["saf.example.com"]
    client.force_login(user)
    return client


def errors(client, **changes):
    response = client.post(f"{NEW}?provider=saf", FILLED | {"provider": "saf"} | changes)  # fmt: skip
    if response.status_code == 302:
        return {}
    return {name: " ".join(e) for name, e in response.context["form"].errors.items()}


def test_a_password_without_a_user_name_is_said_at_the_user_name(client_of_owner):
    found = errors(client_of_owner, option_user="")
    assert list(found) == ["option_user"]
    assert Connection.objects.count() == 0


def test_a_certificate_that_is_none_is_said_at_the_certificate(client_of_owner):
    assert list(errors(client_of_owner, option_ca_certificate="hello")) == ["option_ca_certificate"]  # fmt: skip


def test_an_address_with_port_and_path_is_kept_and_the_key_belongs_to_its_origin(client_of_owner):  # fmt: skip
    assert errors(client_of_owner) == {}
    connection = Connection.objects.get()
    assert connection.origin == "https://saf.example.com:9200"
    assert connection.options["address"] == FILLED["option_address"]
