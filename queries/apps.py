"""The app's configuration: registers its system checks."""

from __future__ import annotations

from django.apps import AppConfig


class QueriesConfig(AppConfig):
    """Connections, saved queries, runs, results and exports."""

    name = "queries"
    verbose_name = "Querydeck"

    def ready(self) -> None:
        """Import the module that registers the system checks."""
        from queries import checks  # noqa: F401
