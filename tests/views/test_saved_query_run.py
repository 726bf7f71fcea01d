"""A saved query runs in one click, as the person who asks."""

from __future__ import annotations

import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from queries.models import Mode, Role, Run, SavedQuery, Status
from tests.factories import (
    ConnectionFactory,
    MembershipFactory,
    RunFactory,
    SavedQueryFactory,
    TeamFactory,
)
from tests.scripted_server import Upstream, ndjson_reply

pytestmark = pytest.mark.django_db

LIST = reverse("saved_query_list")
NEW = reverse("saved_query_new")
STATEMENT = "source logs | filter $m.severity == ERROR"


def url(name, query):
    return reverse(f"saved_query_{name}", args=[query.pk])


def signed_in_as(person):
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def shared(user):
    """A query of ``user``'s, shared with a team that has an editor and a viewer."""
    team = TeamFactory(name="Shop")
    MembershipFactory(team=team, user=user, role=Role.ADMIN)
    for role in (Role.EDITOR, Role.VIEWER):
        MembershipFactory(team=team, role=role)
    return SavedQueryFactory(owner=user, team=team, name="Shared errors")


def member(query, role):
    return query.team.memberships.get(role=role).user


@pytest.fixture
def upstream(settings):
    with Upstream() as server:
        settings.UPSTREAM_HOSTS = [server.host_port]
        server.on("*", ndjson_reply({"result": {"results": []}}))
        yield server


def test_the_page_says_what_is_asked(page, user):
    query = SavedQueryFactory(
        owner=user, settings={"tier": "TIER_ARCHIVE"}, tags=["checkout"]
    )
    html = page.get(url("detail", query)).text
    assert "All Logs (archive)" in html
    assert "Last hour" in html
    assert "Add a connection" in html


def test_connections_on_offer_are_usable_ones_the_last_used_first(page, user):
    query = SavedQueryFactory(owner=user)
    team = MembershipFactory(user=user).team
    mine = ConnectionFactory(owner=user, name="Mine")
    teams = ConnectionFactory(team=team, name="Team's")
    ConnectionFactory(name="Stranger's")
    RunFactory(owner=user, connection=teams)
    offered = page.get(url("detail", query)).context["form"].fields["connection"]
    assert list(offered.queryset) == [teams, mine]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_a_run_belongs_to_who_started_it_on_a_connection_of_their_own(
    shared, upstream, role
):
    person = member(shared, role)
    connection = ConnectionFactory(owner=person, origin=upstream.origin)
    client = signed_in_as(person)
    data = {"connection": connection.pk, "form_key": uuid.uuid4()}
    SavedQuery.objects.update(mode=Mode.BACKGROUND)
    response = client.post(url("run", shared), data)
    run = Run.objects.get()
    assert response["Location"] == reverse("run_detail", args=[run.pk])
    assert (run.owner, run.connection, run.team) == (person, connection, None)
    assert (run.saved_query, run.statement) == (shared, shared.statement)
    assert run.status == Status.QUEUED
    client.post(url("run", shared), data)
    assert Run.objects.count() == 1


def test_the_list_runs_it_in_one_click_on_the_connection_used_last(page, user):
    query = SavedQueryFactory(owner=user, mode=Mode.BACKGROUND)
    last, _never = ConnectionFactory(owner=user), ConnectionFactory(owner=user)
    RunFactory(owner=user, connection=last, status=Status.SUCCEEDED)
    key = re.search(r'name="form_key" value="([^"]+)"', page.get(LIST).text).group(1)
    page.post(url("run", query), {"form_key": key})
    assert Run.objects.get(form_key=key).connection == last


def test_without_a_connection_the_page_says_what_to_do(page, user):
    query = SavedQueryFactory(owner=user)
    response = page.post(url("run", query), {"form_key": uuid.uuid4()})
    assert response.status_code == 422
    assert "Add a connection" in response.text


def test_an_unusable_connection_is_refused(page, user, shared):
    theirs = ConnectionFactory()
    data = {"connection": theirs.pk, "form_key": uuid.uuid4()}
    response = page.post(url("run", shared), data)
    assert response.status_code == 422
    assert not Run.objects.exists()


def test_looking_at_it_starts_nothing(page, user, shared):
    ConnectionFactory(owner=user)
    page.get(url("detail", shared))
    assert page.get(url("run", shared)).status_code == 405
    assert not Run.objects.exists()


def test_what_cannot_run_any_more_leads_to_the_form(page, user):
    query = SavedQueryFactory(owner=user, settings={"limit": 10**9})
    connection = ConnectionFactory(owner=user)
    data = {"connection": connection.pk, "form_key": uuid.uuid4()}
    response = page.post(url("run", query), data, follow=True)
    assert response.redirect_chain == [(f"/runs/new/?saved={query.pk}", 302)]
    assert "It cannot run as it is" in response.text
    assert not Run.objects.exists()
