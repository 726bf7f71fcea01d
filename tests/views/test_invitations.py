"""Joining a team by invitation."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from queries.models import Invitation, Role, User
from tests.factories import MembershipFactory, TeamFactory, UserFactory
from tests.views.sign_in import NEW_PASSWORD, is_signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def invitation(user):
    team = TeamFactory(name="Shop")
    MembershipFactory(team=team, user=user, role=Role.ADMIN)
    return Invitation(
        team=team, email="new@example.com", role=Role.EDITOR, invited_by=user
    )


def join_path(invitation):
    token = invitation.issue(timedelta(days=7))
    return reverse("invitation_accept", args=[token])


JOIN = {"name": "New", "password": NEW_PASSWORD}


def test_somebody_new_joins_with_a_password(client, invitation):
    path = join_path(invitation)
    html = client.get(path).content.decode()
    assert "Join Shop" in html
    assert "new@example.com" in html
    team = invitation.team
    assert client.post(path, JOIN)["Location"] == reverse("team_detail", args=[team.pk])
    person = User.objects.get(email="new@example.com")
    assert person.memberships.get(team=team).role == Role.EDITOR
    assert person.check_password(NEW_PASSWORD)
    assert is_signed_in(client)
    assert Client().post(path, JOIN).status_code == 410


@pytest.mark.parametrize("password", ["tiny!", "new@example.com", "password1234"])
def test_a_weak_password_is_refused_and_the_invitation_stays(
    client, invitation, password
):
    path = join_path(invitation)
    response = client.post(path, JOIN | {"password": password})
    assert response.status_code == 422
    assert f'value="{password}"' not in str(response.context["form"])
    assert client.post(path, JOIN).status_code == 302


def test_the_links_of_invitations_stay_out_of_the_log(client, invitation, log):
    path = join_path(invitation)
    assert client.post(path, {}).status_code == 422
    assert "Unprocessable Entity: /accounts/join/***/" in log.getvalue()
    assert path not in log.getvalue()


def test_an_expired_or_unknown_invitation_says_so(client, invitation):
    path = join_path(invitation)
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        assert client.get(path).status_code == 410
    unknown = reverse("invitation_accept", args=["guess"])
    response = client.get(unknown)
    assert response.status_code == 410
    assert "does not work any more" in response.content.decode()


def test_an_invitation_of_an_existing_account_needs_that_account(client, invitation):
    path = join_path(invitation)
    person = UserFactory(email="new@example.com")
    assert "Sign in with that address" in client.get(path).content.decode()
    assert client.post(path, JOIN).status_code == 200
    assert not person.memberships.exists()
    client.force_login(UserFactory())
    assert "sign out first" in client.get(path).content.decode()
    assert client.post(path).status_code == 200
    assert not person.memberships.exists()
    client.force_login(person)
    assert "Join the team" in client.get(path).content.decode()
    assert client.post(path).status_code == 302
    assert person.memberships.get().role == Role.EDITOR


class SomebodyIsQuicker:
    """A password validator in whose time somebody else acts."""

    def validate(self, password, user=None):
        if User.objects.filter(email=user.email).exists():
            return
        if password.startswith("joined"):
            Invitation.objects.update(used_at=timezone.now())
        UserFactory(email=user.email)

    def get_help_text(self):
        return ""


@pytest.mark.parametrize(
    ("password", "then"), [("joined elsewhere", 410), ("registered", 200)]
)
def test_two_answers_to_one_invitation_make_one_account(
    client, invitation, settings, password, then
):
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": f"{__name__}.SomebodyIsQuicker"}]
    path = join_path(invitation)
    response = client.post(path, JOIN | {"password": password})
    assert response["Location"] == path
    assert client.get(path).status_code == then
    assert User.objects.filter(email="new@example.com").count() == 1
    assert not is_signed_in(client)
