"""Sharing: teams, who is in them, and what ends when somebody leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from queries.models import (
    Connection,
    Invitation,
    Membership,
    Role,
    Run,
    SavedQuery,
    Team,
    User,
)

INVITATION_LIFETIME = timedelta(days=7)


class LastAdminError(Exception):
    """A team must keep one admin: nobody else could manage or delete it."""


@dataclass(frozen=True)
class AddMemberResult:
    """How somebody was added: at once (``membership``), or by a link to pass on (``token``).

    The token exists nowhere else: it is shown once.
    """

    email: str
    membership: Membership | None = None
    token: str = ""


def create_team(user: User, name: str) -> Team:
    """A new team with ``user`` as its admin."""
    with transaction.atomic():
        team = Team.objects.create(name=name)
        Membership.objects.create(team=team, user=user, role=Role.ADMIN)
    return team


def add_member(
    team: Team, email: str, role: str, *, invited_by: User
) -> AddMemberResult:
    """Add the person with that address; without an account they get an invitation.

    Somebody who is a member already keeps their role. A newer invitation replaces an older
    one, so a link that went astray can be made worthless.
    """
    email = User.objects.normalize_email(email)
    person = User.objects.filter(email=email).first()
    with transaction.atomic():
        team.invitations.filter(email=email).delete()
        if person:
            membership, _made = Membership.objects.get_or_create(
                team=team, user=person, defaults={"role": role}
            )
            return AddMemberResult(email, membership=membership)
        invitation = Invitation(
            team=team, email=email, role=role, invited_by=invited_by
        )
        return AddMemberResult(email, token=invitation.issue(INVITATION_LIFETIME))


def change_role(membership: Membership, role: str) -> None:
    """Give a member another role; raises LastAdminError."""
    with _keeping_an_admin(membership.team):
        Membership.objects.filter(pk=membership.pk).update(role=role)


def remove_member(membership: Membership) -> None:
    """End a membership at once, for others and for oneself; raises LastAdminError.

    What the person shared with the team becomes private again: it is theirs, and nobody
    should go on using the key of somebody who left.
    """
    with _keeping_an_admin(membership.team):
        Membership.objects.filter(pk=membership.pk).delete()
        theirs = {"owner": membership.user, "team": membership.team}
        Connection.objects.filter(**theirs).update(team=None)
        SavedQuery.objects.filter(**theirs).update(team=None)
        Run.objects.filter(**theirs).update(team=None)


def delete_team(team: Team) -> None:
    """Delete the team; what was shared with it becomes private to its owners."""
    team.delete()


def shared_counts(team: Team) -> dict[str, int]:
    """How many connections, saved queries and runs are shared with the team."""
    return {
        "connections": team.connections.count(),
        "saved_queries": team.saved_queries.count(),
        "runs": team.runs.count(),
    }


@contextmanager
def _keeping_an_admin(team: Team) -> Iterator[None]:
    """Undo the change inside if it leaves members without an admin.

    The team's row is locked, or two admins leaving at once would each see the other stay.
    """
    with transaction.atomic():
        Team.objects.select_for_update().get(pk=team.pk)
        yield
        if not team.memberships.filter(role=Role.ADMIN).exists():
            raise LastAdminError
