"""Recovery: find what a crash, a lost wake-up or expiry has left behind.

Idempotent and cheap; the supervisor calls it every couple of seconds. It enqueues tasks rather than
doing their work, and ends only runs that no process can continue.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from queries.connections import rate_limit
from queries.models import (
    INLINE_MODES,
    RateBucket,
    ResultSet,
    Run,
    SchedulerLock,
    Status,
)
from queries.providers.base import RateLimit
from queries.results import StorageError, orphan_directories, remove_result
from queries.runs.engine import error_texts, fetching, queue, scheduler
from queries.runs.engine.leases import claim
from queries.runs.engine.run_updates import (
    delete_attempt,
    finish_incomplete_run,
    remove_rows,
)
from queries.stored_results import result_dir

OVERDUE_AFTER = timedelta(seconds=1.5)
WAKE_INTERVAL = timedelta(seconds=4)
MAX_RUNS_PER_PASS = 20
LOOKUP_BATCH_SIZE = 200
CLEANUP_RATE = RateLimit(calls=1, seconds=600)
ORPHAN_MIN_AGE = 900.0
RATE_BUCKET_MAX_AGE = timedelta(days=1)

log = structlog.get_logger(__name__)


def recover() -> None:
    """Repair what is not in order. May be repeated, and run in several processes at once."""
    wake_scheduler()
    fetching.enqueue_waiting_fetches(MAX_RUNS_PER_PASS)
    fail_interrupted_runs()
    if rate_limit.acquire_from_bucket("tidy", CLEANUP_RATE) == 0.0:
        clean_up()


def wake_scheduler() -> bool:
    """Enqueue the scheduler if runs are due and none is running; return whether it did."""
    now = timezone.now()
    if (
        not scheduler.has_overdue_runs(OVERDUE_AFTER)
        or SchedulerLock.objects.filter(until__gte=now).exists()
    ):
        return False
    SchedulerLock.objects.get_or_create(number=0)
    rested = Q(nudged_at=None) | Q(nudged_at__lt=now - WAKE_INTERVAL)
    if not SchedulerLock.objects.filter(rested, number=0).update(nudged_at=now):
        return False
    queue.enqueue(queue.RUN_SCHEDULER)
    return True


def fail_interrupted_runs() -> int:
    """End direct runs and refines whose process is gone. Their rows stay, marked as partial."""
    now = timezone.now()
    dead = Run.objects.active().filter(mode__in=INLINE_MODES, lease_until__lt=now)
    claimed = claim(dead, limit=MAX_RUNS_PER_PASS)
    return sum(finish_incomplete_run(run, error_texts.interrupted()) for run in claimed)


def clean_up() -> None:
    """Remove expired results, orphan files and superseded attempts."""
    expire_results()
    delete_superseded_attempts()
    delete_orphan_files()
    RateBucket.objects.filter(
        updated_at__lt=timezone.now() - RATE_BUCKET_MAX_AGE
    ).delete()


def expire_results(now: datetime | None = None) -> int:
    """Remove the rows of expired runs; the runs stay and say so."""
    now = now or timezone.now()
    old = Run.objects.filter(expires_at__lt=now, result_removed_at=None)
    old = old.exclude(status__in=[Status.QUEUED, Status.RUNNING, Status.FETCHING])
    expired = 0
    for run in old.filter(result_sets__isnull=False).distinct()[:500]:
        remove_rows(run, reason="expired")
        expired += 1
    return expired


def delete_superseded_attempts() -> int:
    """Remove unpublished attempts of ended runs, which a crash left."""
    ended = ResultSet.objects.exclude(run__in=Run.objects.active())
    # Wait a little: the process that ends a run removes them itself.
    since = timezone.now() - timedelta(minutes=1)
    left = ended.filter(published_for=None, run__finished_at__lt=since)
    found = list(left[:500])
    for attempt in found:
        delete_attempt(attempt)
    return len(found)


def delete_orphan_files(min_age: float = ORPHAN_MIN_AGE) -> int:
    """Remove result files that no row names, except recent ones, which may be being written."""
    generations = _directories(Path(settings.DATA_DIR) / "results")
    removed = 0
    for first in range(0, len(generations), LOOKUP_BATCH_SIZE):
        some = generations[first : first + LOOKUP_BATCH_SIZE]
        recorded = _named_parts(some)
        for generation in some:
            try:
                removed += _delete_unnamed(
                    generation, recorded.get(generation), min_age
                )
            except OSError as error:
                # Another process may be removing the same files.
                log.warning(
                    "orphans_stay", directory=str(generation), why=type(error).__name__
                )
    return removed


def _directories(base: Path) -> list[Path]:
    """Return ``<run>/<generation>`` below ``base``; remove empty directories of runs."""
    found: list[Path] = []
    for run in _entries(base):
        within = _entries(run)
        if not within:
            with suppress(OSError):
                run.rmdir()
        found += [path for path in within if path.is_dir()]
    return found


def _entries(directory: Path) -> list[Path]:
    """Return the entries of a directory; none if it is missing or not a directory."""
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def _named_parts(generations: list[Path]) -> dict[Path, set[str]]:
    """Return the directories that a row names, each with the names of its parts."""
    ids = [pk for path in generations if (pk := _id(path.name))]
    rows = ResultSet.objects.filter(pk__in=ids).prefetch_related("parts")
    return {result_dir(one): {part.name for part in one.parts.all()} for one in rows}


def _delete_unnamed(generation: Path, names: set[str] | None, min_age: float) -> int:
    """Remove what is not in ``names``, or everything if it is None; return how many entries."""
    if names is not None:
        return sum(map(_delete, orphan_directories(generation, names, min_age=min_age)))
    old = generation in orphan_directories(generation.parent, (), min_age=min_age)
    return _delete(generation) if old else 0


def _delete(path: Path) -> int:
    """Remove a file or a directory tree; return 1, or 0 if it remains."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return 1
    try:
        remove_result(path)
    except StorageError as error:
        log.warning("orphans_stay", directory=str(path), why=str(error))
        return 0
    return 1


def _id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
