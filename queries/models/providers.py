"""Fields shared by rows that belong to a provider."""

from __future__ import annotations

from django.db import models

from queries.providers.registry import provider_choices


class ProviderMixin(models.Model):
    """A row that belongs to one provider, by its slug."""

    provider = models.CharField(max_length=40)

    class Meta:
        abstract = True

    @property
    def provider_label(self) -> str:
        """The provider's display name."""
        return dict(provider_choices()).get(self.provider, self.provider)
