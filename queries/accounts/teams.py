"""Teams: members, roles, invitations, and what ends when a member leaves."""

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
    """A team must keep one admin, or no member could manage or delete it."""


@dataclass(frozen=True)
class AddMemberResult:
    """How a member was added: at once (``membership``), or by a link to share (``token``).

    The token is stored nowhere else: it is shown once.
    """

    email: str
    membership: Membership | None = None
    token: str = ""


def create_team(user: User, name: str) -> Team:
    """Create a team with ``user`` as its admin."""
    with transaction.atomic():
        team = Team.objects.create(name=name)
        Membership.objects.create(team=team, user=user, role=Role.ADMIN)
    return team


def add_member(
    team: Team, email: str, role: str, *, invited_by: User
) -> AddMemberResult:
    """Add the user with that address, or create an invitation if there is no account.

    An existing member keeps the role. A newer invitation replaces an older one, so that a lost link
    can be made worthless.
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
    """Change a member's role. Raises LastAdminError."""
    with _keeping_an_admin(membership.team):
        Membership.objects.filter(pk=membership.pk).update(role=role)


def remove_member(membership: Membership) -> None:
    """End a membership at once, also the user's own. Raises LastAdminError.

    What the user shared with the team becomes private again: it is the user's, and the team must not
    go on using the key of a former member.
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
    """Return how many connections, saved queries and runs are shared with the team."""
    return {
        "connections": team.connections.count(),
        "saved_queries": team.saved_queries.count(),
        "runs": team.runs.count(),
    }


@contextmanager
def _keeping_an_admin(team: Team) -> Iterator[None]:
    """Undo the change inside the block if it leaves the team without an admin.

    The team's row is locked, or two admins who leave at once would each see the other stay.
    """
    with transaction.atomic():
        Team.objects.select_for_update().get(pk=team.pk)
        yield
        if not team.memberships.filter(role=Role.ADMIN).exists():
            raise LastAdminError
