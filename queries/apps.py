"""The app's configuration: registers its system checks, and how many may read results at once."""

from __future__ import annotations

import gc

from django.apps import AppConfig
from django.conf import settings

GC_THRESHOLDS = (50_000, 20, 50)


class QueriesConfig(AppConfig):
    """Connections, saved queries, runs, results and exports."""

    name = "queries"
    verbose_name = "Querydeck"

    def ready(self) -> None:
        """Import the module that registers the system checks, and set up the readers' gate."""
        from queries import checks  # noqa: F401
        from queries.results.concurrency import READ_SLOTS

        READ_SLOTS.capacity = settings.RESULT_THREADS
        # Decoded rows are many objects and no cycles: looking for those at every 700th takes a tenth.
        gc.set_threshold(*GC_THRESHOLDS)
