"""Connections: the form a provider declares, the key that is never shown, tests, sharing."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from queries.connections import services as connection_services
from queries.models import Connection, RateBucket, Role, Status
from tests.factories import (
    KEY,
    ConnectionFactory,
    MembershipFactory,
    RunFactory,
    TeamFactory,
    UserFactory,
)
from tests.scripted_server import Reply, Upstream, json_reply, ndjson_reply

pytestmark = pytest.mark.django_db

NEW_KEY = "cxup_another_canary_9876543210"
NEW = reverse("connection_list") + "new/"


@pytest.fixture
def upstream(settings):
    """A server that an administrator has allowed."""
    with Upstream() as server:
        settings.UPSTREAM_HOSTS = [server.host_port]
        yield server


@pytest.fixture
def connection(user, upstream):
    return ConnectionFactory(owner=user, origin=upstream.origin)


def url(name, connection):
    return reverse(name, args=[connection.pk])


def filled(**changes):
    data = {"name": "Prod", "option_region": "eu2", "key": NEW_KEY}
    return data | changes


def to(endpoint, **changes):
    return filled(option_region="custom", option_endpoint=endpoint, **changes)


def errors_of(response):
    return {
        name: " ".join(texts) for name, texts in response.context["form"].errors.items()
    }


# Creating


def test_the_form_is_made_from_what_the_provider_declares(page):
    html = page.get(NEW).content.decode()
    assert 'name="option_region"' in html
    for region in ("eu1.coralogix.com", "coralogix.us", "ap3.coralogix.com"):
        assert region in html
    assert 'type="password" name="key"' in html


def test_a_connection_is_stored_with_its_key_sealed(page, user):
    response = page.post(NEW, filled())
    connection = Connection.objects.get()
    assert response["Location"] == url("connection_detail", connection)
    assert connection.owner == user
    assert connection.origin == "https://api.eu2.coralogix.com"
    assert connection.options == {"region": "eu2"}
    assert NEW_KEY not in connection.sealed_key
    assert connection.reveal_key() == NEW_KEY
    assert connection.key_last4 == "3210"


def test_a_key_copied_with_spaces_around_it_is_the_same_key(page):
    page.post(NEW, filled(key=f"  {NEW_KEY}\n"))
    assert Connection.objects.get().reveal_key() == NEW_KEY


def test_an_unknown_provider_is_not_found(page):
    assert page.get(f"{NEW}?provider=nobody").status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"key": ""}, "key"),
        ({"key": "spaces inside it"}, "key"),
        ({"key": "schlüssel"}, "key"),
        ({"option_region": "mars"}, "option_region"),
        ({"option_region": "custom"}, "option_endpoint"),
    ],
)
def test_bad_input_is_refused_at_its_field(page, changes, field):
    response = page.post(NEW, filled(**changes))
    assert response.status_code == 422
    assert list(errors_of(response)) == [field]
    assert NEW_KEY not in response.content.decode()
    assert not Connection.objects.exists()


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://api.eu1.coralogix.com",
        "https://169.254.169.254",
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1",
        "https://localhost",
        "https://10.0.0.8",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://2130706433",
        "https://0x7f000001",
        "https://evil.example",
        "https://api.eu1.coralogix.com@evil.example",
        "https://api.eu1.coralogix.com.evil.example",
        "https://api.eu1.coralogix.com:8443",
        "https://api.eu1.coralogix.com/path",
        "file:///etc/passwd",
        "gopher://api.eu1.coralogix.com",
        "//api.eu1.coralogix.com",
        "javascript:alert(1)",
        "https://exa mple.com",
    ],
)
def test_an_address_that_is_not_allowed_is_refused_at_its_field(
    page, settings, endpoint
):
    settings.UPSTREAM_HOSTS = []
    response = page.post(NEW, to(endpoint))
    assert response.status_code == 422
    assert list(errors_of(response)) == ["option_endpoint"]
    assert not Connection.objects.exists()


def test_an_address_that_the_administrator_allowed_is_accepted(page, upstream):
    assert page.post(NEW, to(upstream.origin)).status_code == 302
    assert Connection.objects.get().origin == upstream.origin


# Changing


def test_an_empty_key_keeps_the_stored_one(page, connection):
    sealed = connection.sealed_key
    data = to(connection.origin, name="Renamed", key="")
    assert page.post(url("connection_detail", connection), data).status_code == 302
    connection.refresh_from_db()
    assert (connection.name, connection.sealed_key) == ("Renamed", sealed)


def test_a_new_key_replaces_the_stored_one_and_what_was_known_of_it(page, connection):
    Connection.objects.update(test_ok=True, tested_at="2026-01-01T00:00Z")
    page.post(url("connection_detail", connection), to(connection.origin))
    connection.refresh_from_db()
    assert connection.reveal_key() == NEW_KEY
    assert (connection.test_ok, connection.tested_at) == (None, None)


@pytest.mark.parametrize("region", ["eu1", "us1-legacy"])
def test_another_address_needs_the_key_again(page, connection, region):
    path = url("connection_detail", connection)
    response = page.post(path, filled(option_region=region, key=""))
    assert response.status_code == 422
    assert "enter the key again" in errors_of(response)["key"]
    connection.refresh_from_db()
    assert connection.origin.startswith("http://127.0.0.1")
    assert page.post(path, filled(option_region=region)).status_code == 302
    connection.refresh_from_db()
    assert connection.reveal_key() == NEW_KEY


def test_the_verb_itself_keeps_a_key_where_it_belongs(connection):
    moved = connection_services.ConnectionInput(name="Moved", options={"region": "eu1"})
    with pytest.raises(connection_services.KeyRequiredError):
        connection_services.save_connection(connection, moved)
    connection.refresh_from_db()
    assert connection.name != "Moved"
    secret = connection_services.ConnectionInput(name="x", options={}, key=NEW_KEY)
    assert NEW_KEY not in repr(secret)


def test_the_provider_and_the_owner_cannot_be_changed(page, connection, user):
    data = to(connection.origin, provider="other", owner=UserFactory().pk)
    page.post(url("connection_detail", connection), data)
    connection.refresh_from_db()
    assert (connection.provider, connection.owner) == ("coralogix", user)


# Sharing


@pytest.fixture
def teammate(connection, user):
    """An editor of the team that the connection is shared with."""
    team = TeamFactory(name="Shop")
    MembershipFactory(team=team, user=user)
    editor = MembershipFactory(team=team, role=Role.EDITOR).user
    connection.team = team
    connection.save()
    client = Client()
    client.force_login(editor)
    return client


def test_a_connection_is_shared_with_a_team_of_ones_own_only(page, connection, user):
    mine, strangers = MembershipFactory(user=user).team, TeamFactory()
    path = url("connection_detail", connection)
    refused = page.post(path, to(connection.origin, key="", team=strangers.pk))
    assert list(errors_of(refused)) == ["team"]
    page.post(path, to(connection.origin, key="", team=mine.pk))
    connection.refresh_from_db()
    assert connection.team == mine


def test_teammates_see_that_they_may_run_and_nothing_of_the_key(teammate, connection):
    Connection.objects.update(test_ok=False, test_message="secret details")
    for path in (reverse("connection_list"), url("connection_detail", connection)):
        html = teammate.get(path).content.decode()
        assert connection.name in html
        assert connection.key_last4 not in html
        assert connection.origin not in html
        assert 'name="key"' not in html
        assert "secret details" not in html


@pytest.mark.parametrize(
    "name", ["connection_detail", "connection_test", "connection_delete"]
)
def test_teammates_cannot_change_test_or_delete_it(teammate, connection, name):
    response = teammate.post(url(name, connection), to("https://evil.example"))
    assert response.status_code == 403
    assert Connection.objects.get().origin == connection.origin


# Testing

WORKS = ndjson_reply({"result": {"results": [{"userData": "{}"}]}})


def test_a_test_says_that_the_key_works(page, connection, upstream):
    upstream.on("*", WORKS)
    response = page.post(url("connection_test", connection), follow=True)
    html = response.content.decode()
    assert "The key works" in html
    assert "Works</span>" in html
    connection.refresh_from_db()
    assert connection.test_ok is True
    assert connection.last_used_at
    sent = upstream.requests[0].headers
    assert sent["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (json_reply({"message": f"bad key {KEY}"}, 401), "key"),
        (json_reply({"message": "no"}, 403), "permission"),
        (json_reply({}, 404), "address"),
        (json_reply({}, 429), "30 requests a minute"),
        (json_reply({}, 500), "again"),
        (Reply(200, b"<html>not json"), "documented"),
        (
            Reply(302, headers={"Location": "http://169.254.169.254/"}),
            "another address",
        ),
    ],
)
def test_a_test_says_in_words_what_is_wrong(page, connection, upstream, reply, words):
    upstream.on("*", reply)
    html = page.post(url("connection_test", connection), follow=True).content.decode()
    connection.refresh_from_db()
    assert connection.test_ok is False
    assert words in connection.test_message
    assert KEY not in connection.test_message + html
    assert "Fails</span>" in html
    assert len(upstream.requests) == 1


def test_a_test_of_an_unreachable_address_says_so(page, user, settings):
    settings.UPSTREAM_HOSTS = ["127.0.0.1:9"]
    connection = ConnectionFactory(owner=user, origin="http://127.0.0.1:9")
    page.post(url("connection_test", connection))
    connection.refresh_from_db()
    assert "No connection" in connection.test_message


def test_an_address_no_longer_allowed_is_not_called(
    page, connection, upstream, settings
):
    settings.UPSTREAM_HOSTS = []
    page.post(url("connection_test", connection))
    connection.refresh_from_db()
    assert connection.test_ok is False
    assert "ask the administrator to allow the address" in connection.test_message
    assert not upstream.requests


def test_a_key_that_cannot_be_read_any_more_is_asked_for_again(
    page, connection, upstream
):
    other = ConnectionFactory(origin=connection.origin)
    Connection.objects.filter(pk=connection.pk).update(sealed_key=other.sealed_key)
    page.post(url("connection_test", connection))
    connection.refresh_from_db()
    assert "cannot be read" in connection.test_message
    assert "Enter the key again" in connection.test_message
    assert not upstream.requests


def test_htmx_gets_only_the_health_panel(page, connection, upstream):
    upstream.on("*", WORKS)
    response = page.post(
        url("connection_test", connection), headers={"HX-Request": "true"}
    )
    html = response.content.decode()
    assert 'id="health"' in html
    assert "The key works" in html
    assert "<html" not in html


def test_tests_count_against_the_keys_rate_limit(page, connection, upstream):
    upstream.on("*", WORKS)
    path = url("connection_test", connection)
    for _ in range(30):
        page.post(path)
    response = page.post(path, headers={"HX-Request": "true"})
    assert "limit of requests" in response.content.decode()
    assert len(upstream.requests) == 30
    connection.refresh_from_db()
    assert connection.test_ok is True
    assert RateBucket.objects.count() == 1


def test_what_a_test_found_is_dropped_if_the_key_changed_meanwhile(
    connection, upstream
):
    upstream.on("*", json_reply({"message": "no"}, 401))
    as_tested = Connection.objects.get()
    Connection.objects.update(key_fingerprint="another")
    assert connection_services.test_connection(as_tested).ok is False
    connection.refresh_from_db()
    assert connection.test_ok is None


# Listing and deleting


def test_the_list_shows_own_and_shared_connections_apart(page, connection, user):
    team = MembershipFactory(user=user).team
    shared = ConnectionFactory(team=team, name="Of the team")
    ConnectionFactory(name="Of a stranger")
    html = page.get(reverse("connection_list")).content.decode()
    own, others = html.split("From your teams")
    assert connection.name in own
    assert f"••••{connection.key_last4}" in own
    assert shared.name in others
    assert shared.key_last4 not in others
    assert "Of a stranger" not in html


def test_without_a_connection_the_list_says_what_to_do(page):
    assert "No connection yet" in page.get(reverse("connection_list")).content.decode()


def test_deleting_says_what_it_means_first(page, connection, user):
    RunFactory(owner=user, connection=connection, status=Status.RUNNING)
    path = url("connection_delete", connection)
    html = page.get(path).content.decode()
    assert "It is in use" in html
    assert Connection.objects.exists()
    assert page.post(path)["Location"] == reverse("connection_list")
    assert not Connection.objects.exists()


def test_runs_outlive_their_connection(page, connection, user):
    run = RunFactory(owner=user, connection=connection, status=Status.SUCCEEDED)
    page.post(url("connection_delete", connection))
    run.refresh_from_db()
    assert (run.connection, run.connection_name) == (None, connection.name)
    assert page.get(reverse("run_detail", args=[run.pk])).status_code == 200
