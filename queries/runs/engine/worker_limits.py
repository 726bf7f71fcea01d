"""Long tasks: fetches and exports keep a worker for minutes, and must leave some for the pump."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone

from queries.models import Export, Mode, Run, Status

RESERVED_WORKERS = 2


def at_capacity(reserved_workers: int = RESERVED_WORKERS) -> bool:
    """Whether long tasks have so many workers that no other may begin. Ask before you claim."""
    return running_count() >= max(1, settings.CLUSTER.workers - reserved_workers)


def running_count() -> int:
    """How many fetches and export builds somebody is at now, by their leases."""
    held = {"lease_until__gte": timezone.now()}
    fetches = Run.objects.filter(mode=Mode.BACKGROUND, status=Status.FETCHING, **held)
    builds = Export.objects.filter(status=Status.RUNNING, **held)
    return fetches.count() + builds.count()
