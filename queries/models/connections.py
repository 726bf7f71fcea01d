"""Connections: one sealed API key, its endpoint and options, for one provider."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models

from queries.fields import fingerprint, reseal, seal, unseal
from queries.models.providers import ProviderMixin
from queries.models.sharing import SharedQuerySet

if TYPE_CHECKING:
    pass


class ConnectionQuerySet(SharedQuerySet["Connection"]):
    """Connections. A team may use a shared one; only the owner changes, shares or deletes it."""


class Connection(ProviderMixin):
    """A sealed API key; only its last four characters are ever shown.

    ``origin`` is the scheme, host and port the key was entered for; the seal is bound to it.
    ``options`` are the provider's connection fields other than the key. ``rate_figures`` is the last
    reported rate limit: ``limit``, ``remaining``, ``resets_at`` (ISO 8601).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="connections"
    )
    team = models.ForeignKey(
        "Team",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="connections",
    )
    name = models.CharField(max_length=120)
    options = models.JSONField(default=dict, blank=True)
    origin = models.CharField(max_length=300)
    sealed_key = models.TextField(editable=False)
    key_last4 = models.CharField(max_length=4, editable=False)
    key_fingerprint = models.CharField(max_length=64, editable=False)
    tested_at = models.DateTimeField(null=True, editable=False)
    test_ok = models.BooleanField(null=True, editable=False)
    test_message = models.TextField(blank=True, editable=False)
    rate_figures = models.JSONField(default=dict, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[ConnectionQuerySet] = ConnectionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("name", "created_at")

    def __str__(self) -> str:
        return self.name

    @property
    def is_new(self) -> bool:
        """Whether the row is not stored yet."""
        return self._state.adding

    @property
    def rate_resets_at(self) -> datetime | None:
        """When the rate limit resets, if reported."""
        told = self.rate_figures.get("resets_at")
        return datetime.fromisoformat(told) if told else None

    def set_key(self, key: str) -> None:
        """Seal ``key`` for this connection and its present origin. Does not save."""
        self.sealed_key = seal(key, owner=str(self.pk), origin=self.origin)
        # Four characters of a short key would reveal too much.
        self.key_last4 = key[-4:] if len(key) >= 12 else ""  # noqa: PLR2004
        self.key_fingerprint = fingerprint(key)

    def reveal_key(self) -> str:
        """Return the decrypted key, for one call. Raises SealError. Never store it."""
        return unseal(self.sealed_key, owner=str(self.pk), origin=self.origin)

    def reseal_key(self) -> bool:
        """Re-encrypt under the newest field key, unless the row changed meanwhile."""
        return bool(
            type(self)
            .objects.filter(pk=self.pk, sealed_key=self.sealed_key)
            .update(sealed_key=reseal(self.sealed_key))
        )
