"""Saved queries: keep, find, share, run."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from queries.models import Mode, Role, SavedQuery
from tests.factories import (
    MembershipFactory,
    RunFactory,
    SavedQueryFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

LIST = reverse("saved_query_list")
NEW = reverse("saved_query_new")
STATEMENT = "source logs | filter $m.severity == ERROR"


def url(name, query):
    return reverse(f"saved_query_{name}", args=[query.pk])


def filled(**changes):
    data = {
        "name": "Errors",
        "statement": STATEMENT,
        "mode": "direct",
        "time_range": "last-24h",
        "setting_syntax": "QUERY_SYNTAX_DATAPRIME",
        "setting_tier": "TIER_ARCHIVE",
        "setting_limit": "500",
        "tags": "Checkout,  latency , checkout",
    }
    return data | changes


def errors_of(response):
    return set(response.context["form"].errors)


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


# Creating and changing


def test_a_query_is_kept_with_all_its_settings(page, user):
    response = page.post(NEW, filled())
    query = SavedQuery.objects.get()
    assert response["Location"] == url("detail", query)
    assert (query.owner, query.team) == (user, None)
    assert (query.statement, query.mode) == (STATEMENT, Mode.DIRECT)
    assert query.time_range == "last-24h"
    assert query.tags == ["checkout", "latency"]
    assert query.settings["tier"] == "TIER_ARCHIVE"
    assert query.settings["limit"] == 500


def test_settings_that_do_not_apply_to_the_mode_are_left_out(page):
    page.post(NEW, filled(mode="background"))
    assert "tier" not in SavedQuery.objects.get().settings


def test_an_absolute_range_is_read_in_the_persons_zone_and_kept_in_utc(page, user):
    user.time_zone = "Europe/Helsinki"
    user.save()
    span = {
        "time_range": "absolute",
        "range_start": "2026-03-04T10:00",
        "range_end": "2026-03-04T11:00",
    }
    page.post(NEW, filled(**span))
    query = SavedQuery.objects.get()
    assert query.range_start == datetime(2026, 3, 4, 8, tzinfo=UTC)
    assert 'value="2026-03-04T10:00:00"' in page.get(url("edit", query)).text
    page.post(url("edit", query), filled())
    query.refresh_from_db()
    assert query.range_start is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"statement": "   "}, "statement"),
        ({"mode": "telepathy"}, "mode"),
        ({"time_range": "last-century"}, "time_range"),
        ({"time_range": "absolute"}, "range_start"),
        ({"setting_limit": "many"}, "setting_limit"),
        ({"setting_limit": "99999999"}, "setting_limit"),
        ({"tags": ",".join(f"t{n}" for n in range(21))}, "tags"),
        ({"tags": "x" * 41}, "tags"),
    ],
)
def test_bad_input_is_refused_at_its_field(page, changes, field):
    response = page.post(NEW, filled(**changes))
    assert response.status_code == 422
    assert errors_of(response) == {field}
    assert not SavedQuery.objects.exists()


def test_a_query_starts_from_what_a_run_asked(page, user):
    run = RunFactory(
        owner=user, statement=STATEMENT, settings={"limit": 42}, time_range="last-7d"
    )
    html = page.get(f"{NEW}?run={run.pk}").text
    assert "source logs | filter $m.severity == ERROR" in html
    assert 'name="setting_limit" value="42"' in html
    assert '<option value="last-7d" selected>' in html


@pytest.mark.parametrize("source", ["nonsense", str(uuid.UUID(int=7))])
def test_a_run_that_is_not_there_is_not_found(page, source):
    assert page.get(f"{NEW}?run={source}").status_code == 404


def test_a_strangers_run_is_not_found(page):
    run = RunFactory(statement="their secret")
    assert page.get(f"{NEW}?run={run.pk}").status_code == 404


def test_an_unknown_provider_is_not_found(page):
    assert page.get(f"{NEW}?provider=nobody").status_code == 404


def test_an_edit_is_saved(page, user):
    query = SavedQueryFactory(owner=user)
    page.post(url("edit", query), filled(name="Renamed"))
    query.refresh_from_db()
    assert (query.name, query.statement) == ("Renamed", STATEMENT)


# Sharing


def test_a_query_is_shared_only_where_one_may_edit(page, user):
    editable = MembershipFactory(user=user, role=Role.EDITOR).team
    watched = MembershipFactory(user=user, role=Role.VIEWER).team
    for team in (watched, TeamFactory()):
        assert errors_of(page.post(NEW, filled(team=team.pk))) == {"team"}
    page.post(NEW, filled(team=editable.pk))
    assert SavedQuery.objects.get().team == editable


def test_editors_change_it_but_do_not_share_or_delete_it(shared):
    editor = signed_in_as(member(shared, Role.EDITOR))
    other = MembershipFactory(user=member(shared, Role.EDITOR), role=Role.ADMIN).team
    assert 'name="team"' not in editor.get(url("edit", shared)).text
    editor.post(url("edit", shared), filled(name="Edited", team=other.pk))
    team = shared.team
    shared.refresh_from_db()
    assert (shared.name, shared.team) == ("Edited", team)
    assert editor.post(url("delete", shared)).status_code == 403


def test_viewers_read_and_do_not_change(shared):
    viewer = signed_in_as(member(shared, Role.VIEWER))
    html = viewer.get(url("detail", shared)).text
    assert shared.statement in html
    assert url("edit", shared) not in html
    assert url("delete", shared) not in html
    assert viewer.get(url("edit", shared)).status_code == 403
    assert viewer.post(url("edit", shared), filled()).status_code == 403
    shared.refresh_from_db()
    assert shared.name == "Shared errors"


def test_an_owner_who_became_a_viewer_may_keep_it_where_it_is(page, user, shared):
    user.memberships.update(role=Role.VIEWER)
    page.post(url("edit", shared), filled(team=shared.team.pk))
    team = shared.team
    shared.refresh_from_db()
    assert (shared.name, shared.team) == ("Errors", team)


def test_a_copy_is_private_to_who_made_it(shared):
    viewer = member(shared, Role.VIEWER)
    SavedQuery.objects.update(name="N" * 160, tags=["a"], settings={"limit": 7})
    response = signed_in_as(viewer).post(url("duplicate", shared))
    copy = SavedQuery.objects.get(owner=viewer)
    assert response["Location"] == url("edit", copy)
    assert (copy.team, copy.statement) == (None, shared.statement)
    assert (copy.tags, copy.settings) == (["a"], {"limit": 7})
    assert copy.name == ("Copy of " + "N" * 160)[:160]


def test_deleting_keeps_the_runs(page, user):
    query = SavedQueryFactory(owner=user)
    run = RunFactory(owner=user, saved_query=query)
    assert page.post(url("delete", query))["Location"] == LIST
    assert not SavedQuery.objects.exists()
    run.refresh_from_db()
    assert run.saved_query is None


# Finding


@pytest.fixture
def three(user):
    """Two own queries and one that a team shares."""
    team = MembershipFactory(user=user).team
    make = SavedQueryFactory
    make(owner=user, name="Alpha", description="slow größe", tags=["checkout"])
    make(owner=user, name="Beta", statement="source spans", tags=["größe", "c"])
    make(team=team, name="Gamma", tags=["checkout", "latency"])
    make(name="Strange", tags=["checkout"], statement="source spans")


def names(page, /, **query):
    response = page.get(LIST, query)
    return [found.name for found in response.context["page"]]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["Alpha", "Beta", "Gamma"]),
        ({"q": "alp"}, ["Alpha"]),
        ({"q": "SPANS"}, ["Beta"]),
        ({"q": "größe"}, ["Alpha", "Beta"]),
        ({"q": "laten"}, ["Gamma"]),
        ({"tag": "checkout"}, ["Alpha", "Gamma"]),
        ({"tag": "check"}, []),
        ({"whose": "mine"}, ["Alpha", "Beta"]),
        ({"whose": "teams"}, ["Gamma"]),
        ({"whose": "nobody's"}, ["Alpha", "Beta", "Gamma"]),
        ({"q": "checkout", "whose": "mine"}, ["Alpha"]),
        ({"q": "'; DROP TABLE users; --"}, []),
    ],
)
def test_queries_are_found(page, query, found):
    assert names(page, **query) == found


@pytest.mark.usefixtures("three")
def test_tags_on_offer_are_those_in_use_most_used_first(page):
    html = page.get(LIST).text
    assert html.index(">checkout</option>") < html.index(">größe</option>")
    assert page.get(LIST).context["tags"] == ["checkout", "c", "größe", "latency"]


@pytest.mark.usefixtures("three")
def test_favourites_come_first_and_are_ones_own(page, user):
    gamma = SavedQuery.objects.get(name="Gamma")
    gamma.favoured_by.add(UserFactory())
    page.post(url("favourite", gamma), {"on": "1"})
    page.post(url("favourite", gamma), {"on": "1"})
    assert names(page) == ["Gamma", "Alpha", "Beta"]
    page.post(url("favourite", gamma), {"on": "0"})
    assert names(page) == ["Alpha", "Beta", "Gamma"]
    assert gamma.favoured_by.count() == 1


def test_htmx_gets_only_the_star(page, user):
    query = SavedQueryFactory(owner=user)
    headers = {"HX-Request": "true"}
    html = page.post(url("favourite", query), {"on": "1"}, headers=headers).text
    assert 'aria-pressed="true"' in html
    assert "<html" not in html


def test_a_star_never_leads_away(page, user):
    query = SavedQueryFactory(owner=user)
    data = {"on": "1", "next": "//evil.example"}
    response = page.post(url("favourite", query), data)
    assert response["Location"] == url("detail", query)


def test_htmx_gets_only_the_found_queries(page, user):
    SavedQueryFactory(owner=user, name="Alpha")
    html = page.get(LIST, headers={"HX-Request": "true"}).text
    assert 'id="found"' in html
    assert "<html" not in html
    back = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in page.get(LIST, headers=back).text


def test_the_list_has_pages_and_bounded_queries(
    page, user, django_assert_max_num_queries
):
    team = MembershipFactory(user=user).team
    SavedQueryFactory.create_batch(35, team=team)
    with django_assert_max_num_queries(8):
        assert len(names(page)) == 30
    assert len(names(page, page=2)) == 5
    assert len(names(page, page="999")) == 5
    assert len(names(page, page="x")) == 30


def test_empty_lists_say_what_to_do(page):
    assert "No saved query yet" in page.get(LIST).text
    assert "No saved query matches" in page.get(LIST, {"q": "x"}).text
