"""Saved queries: named statements with their settings."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from queries.models.providers import ProviderMixin
from queries.models.sharing import SharedQuerySet
from queries.models.teams import Team

if TYPE_CHECKING:
    from queries.models.users import User


class Mode(models.TextChoices):
    """How a run is executed: in the web process, as a job at the provider, or on stored rows."""

    DIRECT = "direct", "Direct"
    BACKGROUND = "background", "Background"
    REFINE = "refine", "Refine"


class QuerySettings(ProviderMixin):
    """The query, shared by saved queries and runs.

    ``settings`` are the provider's query fields (tier, syntax, limit ...). ``time_range`` is a preset such
    as ``last-1h``, or ``absolute`` (with ``range_start`` and ``range_end``, in UTC), or ``none``.
    """

    statement = models.TextField()
    mode = models.CharField(max_length=12, choices=Mode.choices, default=Mode.DIRECT)
    settings = models.JSONField(default=dict, blank=True)
    time_range = models.CharField(max_length=20, default="last-1h")
    range_start = models.DateTimeField(null=True, blank=True)
    range_end = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class SavedQueryQuerySet(SharedQuerySet["SavedQuery"]):
    """Saved queries. Only the owner deletes one."""

    def editable_by(self, user: User) -> SavedQueryQuerySet:
        """Filter to rows that ``user`` owns, and those of teams where the user is editor or admin."""
        return self.filter(Q(owner=user) | Q(team__in=Team.objects.editable_by(user)))


class SavedQuery(QuerySettings):
    """A named statement with its settings, private or shared with a team.

    ``layout`` is how its results are shown: ``{"columns": [names in order], "widths": {name: pixels}}``,
    either may be missing.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_queries"
    )
    team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="saved_queries",
    )
    name = models.CharField(max_length=160)
    description = models.TextField(blank=True)
    tags = models.JSONField(default=list, blank=True)
    layout = models.JSONField(default=dict, blank=True)
    favoured_by = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="favourites", blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[SavedQueryQuerySet] = SavedQueryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("name", "created_at")

    def __str__(self) -> str:
        return self.name
