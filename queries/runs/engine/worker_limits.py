"""Limit long tasks: fetches and exports hold a worker for minutes and must leave some for the scheduler."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from queries.models import Export, Mode, Run, Status

RESERVED_WORKERS = 2


def at_capacity(reserved_workers: int = RESERVED_WORKERS) -> bool:
    """Return whether long tasks hold so many workers that no other may start. Check before claiming."""
    return running_count() >= max(1, settings.CLUSTER.workers - reserved_workers)


def running_count() -> int:
    """Return how many fetches and export builds are running, by their leases."""
    held = {"lease_until__gte": timezone.now()}
    fetches = Run.objects.filter(mode=Mode.BACKGROUND, status=Status.FETCHING, **held)
    builds = Export.objects.filter(status=Status.RUNNING, **held)
    return fetches.count() + builds.count()
