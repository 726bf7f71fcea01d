"""Access to rows that belong to a user and may be shared with a team."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from queries.models.users import User

M = TypeVar("M", bound=models.Model)


class SharedQuerySet(models.QuerySet[M]):
    """Rows of models with an ``owner`` and an optional ``team``."""

    def visible_to(self, user: User) -> Self:
        """Filter to rows that ``user`` owns or that are shared with one of the user's teams."""
        return self.filter(Q(owner=user) | Q(team__in=user.teams.all()))

    def owned_by(self, user: User) -> Self:
        """Filter to rows that ``user`` owns."""
        return self.filter(owner=user)
