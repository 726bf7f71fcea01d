"""Lists to pick a value from while typing."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.urls import reverse

from queries.connections import catalogs
from queries.providers.base import Choice
from queries.providers.errors import PermissionDeniedError
from queries.providers.polytomic.provider import Polytomic
from tests.all_providers import all_providers, connection_to  # noqa: F401 - a fixture
from tests.markup import one_line

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("all_providers")]
NAME = "setting_connection_id"


@pytest.fixture(autouse=True)
def nothing_kept():
    cache.clear()


@pytest.fixture
def connection(user):
    return connection_to("polytomic", owner=user)


@pytest.fixture
def asked(monkeypatch):
    """The questions that reach the provider, which knows two connections."""
    questions = []

    def catalog(_self, kind, parent=""):
        questions.append((kind, parent))
        return [
            Choice("c-1", "<b>Shop"),
            Choice("c-2", "Old", enabled=False, note="unhealthy: gone"),
        ]

    monkeypatch.setattr(Polytomic, "catalog", catalog)
    return questions


def fetched(page, connection, kind="connection", **query):
    path = reverse("connection_catalog", args=[connection.pk, kind])
    return one_line(page.get(path, {"for": NAME, **query}).text)


def test_the_form_knows_where_its_list_comes_from(page, connection):
    text = page.get(reverse("run_new"), {"connection": connection.pk}).content.decode()
    assert reverse("connection_catalog", args=[connection.pk, "connection"]) in text
    assert f'<datalist id="choices-{NAME}">' in text


def test_a_list_holds_every_choice_and_says_what_is_wrong_with_one(
    page, connection, asked
):
    text = fetched(page, connection)
    assert '<option value="c-1">&lt;b&gt;Shop</option>' in text
    assert '<option value="c-2">Old: unhealthy: gone</option>' in text


def test_a_value_that_is_chosen_already_is_named(page, connection, asked):
    assert "Old: unhealthy: gone. Empty the field to see all 2." in fetched(
        page, connection, **{NAME: "c-2"}
    )
    assert "2 to pick from" in fetched(page, connection, **{NAME: "c-"})


def test_a_list_is_asked_for_once_a_minute(page, connection, asked):
    fetched(page, connection)
    fetched(page, connection)
    fetched(page, connection, parent="other")
    assert asked == [("connection", ""), ("connection", "other")]


def test_the_value_of_another_field_is_the_parent(page, connection, asked):
    fetched(page, connection, of="setting_ds_id", setting_ds_id="AW")
    assert asked == [("connection", "AW")]


def test_what_was_typed_before_stays_where_there_may_be_several(
    page, connection, asked
):
    text = fetched(page, connection, many="1", **{NAME: "a, b"})
    assert '<option value="a, b, c-1">' in text


def test_a_list_that_cannot_be_had_is_explained(page, connection, monkeypatch):
    def refused(*_arguments):
        raise PermissionDeniedError("The key may not list connections.")

    monkeypatch.setattr(Polytomic, "catalog", refused)
    text = fetched(page, connection)
    assert "The key may not list connections." in text
    assert "You can type a value." in text


def test_a_list_that_the_provider_does_not_have_is_not_asked_for(
    page, connection, asked
):
    assert "Polytomic cannot list this." in fetched(page, connection, kind="moon")
    assert asked == []


def test_a_list_is_bounded(connection, asked, monkeypatch):
    monkeypatch.setattr(catalogs, "MAX_CHOICES", 1)
    assert len(catalogs.list_choices(connection, "connection")) == 1


def test_a_list_waits_for_its_turn_like_any_call(page, connection, asked, monkeypatch):
    monkeypatch.setattr(catalogs.rate_limit, "acquire", lambda *_arguments: 3.0)
    assert "limit of requests" in fetched(page, connection)
    assert asked == []
