"""Configuration of the app: its system checks, and how many readers of results may run at once."""

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
        """Register the system checks and set the number of concurrent readers."""
        from queries import checks  # noqa: F401
        from queries.results.concurrency import READ_SLOTS

        READ_SLOTS.capacity = settings.RESULT_THREADS
        # Decoded rows are many objects without cycles: collecting at every 700th costs a tenth of the time.
        gc.set_threshold(*GC_THRESHOLDS)
