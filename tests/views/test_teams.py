"""Teams: members, roles, invitations, and what ends when somebody leaves."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from queries.models import Connection, Invitation, Membership, Role, Run, Team
from tests.factories import (
    ConnectionFactory,
    MembershipFactory,
    RunFactory,
    SavedQueryFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(user):
    """A team with ``user`` as admin, one editor and one viewer."""
    team = TeamFactory(name="Shop")
    MembershipFactory(team=team, user=user, role=Role.ADMIN)
    for role in (Role.EDITOR, Role.VIEWER):
        person = UserFactory(name=role.label)
        MembershipFactory(team=team, user=person, role=role)
    return team


def member(team, role):
    return team.memberships.filter(role=role).first()


def signed_in_as(person):
    client = Client()
    client.force_login(person)
    return client


def url(name, team, *args):
    return reverse(name, args=[team.pk, *args])


def add(page, team, email, role=Role.VIEWER):
    return page.post(url("member_add", team), {"email": email, "role": role})


def test_who_creates_a_team_is_its_admin(page, user):
    response = page.post(reverse("team_list"), {"name": "Shop"})
    team = Team.objects.get()
    assert response["Location"] == url("team_detail", team)
    assert team.memberships.get().user == user
    assert team.memberships.get().role == Role.ADMIN


def test_a_team_needs_a_name(page):
    response = page.post(reverse("team_list"), {"name": "  "})
    assert response.status_code == 422
    assert not Team.objects.exists()


def test_only_own_teams_are_listed(page, team):
    TeamFactory(name="Strangers")
    html = page.get(reverse("team_list")).content.decode()
    assert "Shop" in html
    assert "Strangers" not in html
    assert '<td class="num" data-label="Members">3</td>' in html


def test_without_a_team_the_page_says_what_teams_are_for(page):
    assert "No team yet" in page.get(reverse("team_list")).content.decode()


def test_members_see_members_and_only_admins_see_forms(page, team):
    assert "Invite member" in page.get(url("team_detail", team)).content.decode()
    viewer = signed_in_as(member(team, Role.VIEWER).user)
    html = viewer.get(url("team_detail", team)).content.decode()
    assert "Editor" in html
    assert "Invite member" not in html
    assert "Remove" not in html
    assert "Leave" in html


def test_an_admin_renames_the_team(page, team):
    page.post(url("team_detail", team), {"name": "Store"})
    team.refresh_from_db()
    assert team.name == "Store"


def test_a_bad_name_is_refused_and_the_page_keeps_the_old_one(page, team):
    response = page.post(url("team_detail", team), {"name": ""})
    assert response.status_code == 422
    assert "<h1" in response.content.decode()
    assert "Shop" in response.content.decode()


def test_somebody_with_an_account_joins_at_once(page, team):
    person = UserFactory(email="ada@example.com")
    response = add(page, team, " ADA@Example.com ", Role.EDITOR)
    assert response["Location"] == url("team_detail", team)
    assert person.memberships.get().role == Role.EDITOR


def test_adding_a_member_again_leaves_the_role_alone(page, team, user):
    add(page, team, user.email, Role.VIEWER)
    assert team.memberships.get(user=user).role == Role.ADMIN


def invitation_link(response):
    return re.search(r"http://testserver(/accounts/join/[\w-]+/)", response).group(1)


def test_somebody_without_an_account_gets_a_link_that_is_shown_once(page, team):
    html = add(page, team, "new@example.com").content.decode()
    path = invitation_link(html)
    assert Client().get(path).status_code == 200
    later = page.get(url("team_detail", team)).content.decode()
    assert "new@example.com" in later
    assert "/accounts/join/" not in later
    token = path.split("/")[-2]
    assert token not in str(Invitation.objects.values())


def test_a_newer_invitation_makes_the_older_worthless(page, team):
    first = invitation_link(add(page, team, "new@example.com").content.decode())
    second = invitation_link(add(page, team, "NEW@example.com").content.decode())
    assert Client().get(first).status_code == 410
    assert Client().get(second).status_code == 200


def test_a_revoked_invitation_does_not_work(page, team):
    path = invitation_link(add(page, team, "new@example.com").content.decode())
    page.post(url("invitation_revoke", team, Invitation.objects.get().pk))
    assert Client().get(path).status_code == 410


def test_an_invitation_of_another_team_cannot_be_revoked(page, team, user):
    other = Invitation(team=TeamFactory(), email="x@example.com", invited_by=user)
    other.issue(timedelta(days=7))
    response = page.post(url("invitation_revoke", team, other.pk))
    assert response.status_code == 404
    assert Invitation.objects.exists()


@pytest.mark.parametrize(
    "data",
    [{"email": "no address", "role": "viewer"}, {"email": "a@b.co", "role": "x"}],
)
def test_bad_input_is_refused_at_its_field(page, team, data):
    response = page.post(url("member_add", team), data)
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.content.decode()
    assert not Invitation.objects.exists()


def test_an_admin_changes_roles(page, team):
    viewer = member(team, Role.VIEWER)
    page.post(url("member_change", team, viewer.pk), {"role": Role.EDITOR})
    viewer.refresh_from_db()
    assert viewer.role == Role.EDITOR


def test_an_unknown_role_is_refused(page, team):
    viewer = member(team, Role.VIEWER)
    response = page.post(url("member_change", team, viewer.pk), {"role": "owner"})
    assert response.status_code == 422
    viewer.refresh_from_db()
    assert viewer.role == Role.VIEWER


@pytest.mark.parametrize("name", ["member_change", "member_remove"])
def test_the_last_admin_stays(page, team, user, name):
    mine = team.memberships.get(user=user)
    response = page.post(url(name, team, mine.pk), {"role": Role.VIEWER}, follow=True)
    assert "A team needs an admin" in response.content.decode()
    mine.refresh_from_db()
    assert mine.role == Role.ADMIN


def test_with_a_second_admin_the_first_may_go(page, team, user):
    page.post(
        url("member_change", team, member(team, Role.EDITOR).pk), {"role": Role.ADMIN}
    )
    response = page.post(url("member_remove", team, team.memberships.get(user=user).pk))
    assert response["Location"] == reverse("team_list")
    assert page.get(url("team_detail", team)).status_code == 404


def test_members_may_leave_but_not_remove_others(team):
    viewer, editor = member(team, Role.VIEWER), member(team, Role.EDITOR)
    client = signed_in_as(viewer.user)
    assert client.post(url("member_remove", team, editor.pk)).status_code == 403
    assert client.post(url("member_remove", team, viewer.pk)).status_code == 302
    assert not viewer.user.memberships.exists()


def test_a_member_of_another_team_is_not_found_here(page, team):
    other = MembershipFactory()
    for name in ("member_change", "member_remove"):
        response = page.post(url(name, team, other.pk), {"role": Role.ADMIN})
        assert response.status_code == 404
    assert Membership.objects.filter(pk=other.pk, role=Role.VIEWER).exists()


def test_access_ends_with_the_membership(page, team, user):
    connection = ConnectionFactory(owner=user, team=team)
    run = RunFactory(owner=user, connection=connection, team=team)
    viewer = member(team, Role.VIEWER)
    client = signed_in_as(viewer.user)
    paths = [
        reverse("connection_detail", args=[connection.pk]),
        reverse("run_detail", args=[run.pk]),
        url("team_detail", team),
    ]
    assert {client.get(path).status_code for path in paths} == {200}
    page.post(url("member_remove", team, viewer.pk))
    assert {client.get(path).status_code for path in paths} == {404}


def test_what_a_leaver_shared_becomes_private_to_them(page, team):
    editor = member(team, Role.EDITOR)
    other_team = MembershipFactory(user=editor.user).team
    connection = ConnectionFactory(owner=editor.user, team=team)
    kept = ConnectionFactory(owner=editor.user, team=other_team)
    query = SavedQueryFactory(owner=editor.user, team=team)
    run = RunFactory(owner=editor.user, connection=connection, team=team)
    page.post(url("member_remove", team, editor.pk))
    for thing in (connection, query, run):
        thing.refresh_from_db()
        assert thing.team is None
    kept.refresh_from_db()
    assert kept.team == other_team


def test_deleting_a_team_keeps_what_was_shared(page, team, user):
    ConnectionFactory(owner=user, team=team)
    RunFactory(owner=user, team=team)
    html = page.get(url("team_delete", team)).content.decode()
    assert "becomes private to its owners" in html
    assert Team.objects.exists()
    assert page.post(url("team_delete", team))["Location"] == reverse("team_list")
    assert not Team.objects.exists()
    assert Connection.objects.filter(team=None).exists()
    assert Run.objects.get().team is None
