"""Watching the worker: does it work, and has anything been lost?

A wedged queue looks alive from outside, so a heartbeat is asked for through the queue, and a
worker that does not answer is started anew. The sweep runs here, because here is a process
that the queue cannot take with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone

from queries.accounts.services import forget_what_is_over
from queries.exports.services import forget_orphaned_files, sweep_exports
from queries.runs.engine import queue
from queries.runs.engine.heartbeat import last_beat
from queries.runs.engine.recovery import sweep
from queries.supervisor.child import Child

SWEEP_EVERY = 2.0
ASK_EVERY = 5.0
FORGET_EVERY = 3600.0
WEDGED_AFTER = timedelta(seconds=30)

log = structlog.get_logger(__name__)


class WorkerWatch:
    """Looks after one worker; call ``tick`` often."""

    def __init__(
        self,
        worker: Child,
        *,
        wedged_after: timedelta = WEDGED_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.worker = worker
        self.wedged_after = wedged_after
        self._clock = clock
        self._swept_at = -SWEEP_EVERY
        self._asked_at = -ASK_EVERY
        self._forgot_at = -FORGET_EVERY
        self._unanswered_since: datetime | None = None

    def tick(self) -> None:
        """Sweep and ask when it is time to; a database that is away for a moment is no reason to end."""
        try:
            if self._is_time("_swept_at", SWEEP_EVERY):
                close_old_connections()
                sweep()
                sweep_exports()
            if self._is_time("_forgot_at", FORGET_EVERY):
                forget_what_is_over()
                forget_orphaned_files()
            if self._is_time("_asked_at", ASK_EVERY):
                self._listen()
        except (DatabaseError, InterfaceError) as error:
            # Nothing could be asked, so nobody has failed to answer.
            self._unanswered_since = None
            log.warning("watch_blind", why=type(error).__name__)
        except OSError as error:
            # A file that cannot be removed must not take the product with it.
            log.warning("watch_stumbled", why=str(error))

    def _is_time(self, name: str, every: float) -> bool:
        now = self._clock()
        due: bool = now - getattr(self, name) >= every
        if due:
            setattr(self, name, now)
        return due

    def _listen(self) -> None:
        """Ask for a sign of life, unless one is asked for; restart a worker that gave none."""
        now, beat = timezone.now(), last_beat()
        asked = self._unanswered_since
        if asked is not None and (beat is None or beat < asked):
            if now - asked > self.wedged_after and self._had_time():
                log.warning("worker_wedged", since=asked.isoformat())
                self.worker.restart()
                self._unanswered_since = None
            return
        self._unanswered_since = now
        queue.ring(queue.BEAT)

    def _had_time(self) -> bool:
        return self.worker.age > self.wedged_after.total_seconds()
