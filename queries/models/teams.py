"""Teams, memberships and invitations."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models

from queries.models.users import OneTimeToken

if TYPE_CHECKING:
    from queries.models.users import User


class Role(models.TextChoices):
    """Roles in a team: viewers see and run, editors change, admins manage members."""

    VIEWER = "viewer", "Viewer"
    EDITOR = "editor", "Editor"
    ADMIN = "admin", "Admin"


class TeamQuerySet(models.QuerySet["Team"]):
    """Teams, by the rights of a user."""

    def visible_to(self, user: User) -> TeamQuerySet:
        """Filter to teams the user belongs to."""
        return self.filter(memberships__user=user)

    def editable_by(self, user: User) -> TeamQuerySet:
        """Filter to teams in which the user may change shared objects."""
        return self.filter(
            memberships__user=user, memberships__role__in=[Role.EDITOR, Role.ADMIN]
        )

    def administered_by(self, user: User) -> TeamQuerySet:
        """Filter to teams whose members the user manages."""
        return self.filter(memberships__user=user, memberships__role=Role.ADMIN)


class Team(models.Model):
    """A group of users that shares connections, saved queries and results."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="teams"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[TeamQuerySet] = TeamQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One user in one team, with a role."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("user__email",)
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="one_membership_each")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team} as {self.role}"


class Invitation(OneTimeToken):
    """A link by which a user without an account joins a team."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.email} invited to {self.team}"
