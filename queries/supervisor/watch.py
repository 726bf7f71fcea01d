"""Monitor the worker, and run recovery.

A stuck queue has living processes, so a heartbeat is requested through the queue, and a worker that
does not answer is restarted. Recovery runs here, in a process that a stuck queue cannot affect.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone

from queries.accounts.services import delete_expired
from queries.exports.services import delete_orphan_files, recover_exports
from queries.runs.engine import queue
from queries.runs.engine.heartbeat import last_beat
from queries.runs.engine.recovery import recover
from queries.supervisor.child import Child

RECOVERY_INTERVAL = 2.0
HEARTBEAT_INTERVAL = 5.0
CLEANUP_INTERVAL = 3600.0
UNRESPONSIVE_AFTER = timedelta(seconds=30)

log = structlog.get_logger(__name__)


class WorkerMonitor:
    """Monitors one worker; call ``tick`` often."""

    def __init__(
        self,
        worker: Child,
        *,
        unresponsive_after: timedelta = UNRESPONSIVE_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.worker = worker
        self.unresponsive_after = unresponsive_after
        self._clock = clock
        self._swept_at = -RECOVERY_INTERVAL
        self._asked_at = -HEARTBEAT_INTERVAL
        self._forgot_at = -CLEANUP_INTERVAL
        self._unanswered_since: datetime | None = None

    def tick(self) -> None:
        """Run recovery and request heartbeats when due; a database that is briefly away does not end it."""
        try:
            if self._is_time("_swept_at", RECOVERY_INTERVAL):
                close_old_connections()
                recover()
                recover_exports()
            if self._is_time("_forgot_at", CLEANUP_INTERVAL):
                delete_expired()
                delete_orphan_files()
            if self._is_time("_asked_at", HEARTBEAT_INTERVAL):
                self._listen()
        except (DatabaseError, InterfaceError) as error:
            # No heartbeat could be requested, so a missing one proves nothing.
            self._unanswered_since = None
            log.warning("watch_blind", why=type(error).__name__)
        except OSError as error:
            # A file that cannot be removed must not end the product.
            log.warning("watch_stumbled", why=str(error))

    def _is_time(self, name: str, every: float) -> bool:
        now = self._clock()
        due: bool = now - getattr(self, name) >= every
        if due:
            setattr(self, name, now)
        return due

    def _listen(self) -> None:
        """Request a heartbeat unless one is pending; restart a worker that sent none."""
        now, beat = timezone.now(), last_beat()
        asked = self._unanswered_since
        if asked is not None and (beat is None or beat < asked):
            if now - asked > self.unresponsive_after and self._had_time():
                log.warning("worker_wedged", since=asked.isoformat())
                self.worker.restart()
                self._unanswered_since = None
            return
        self._unanswered_since = now
        queue.enqueue(queue.BEAT)

    def _had_time(self) -> bool:
        return self.worker.age > self.unresponsive_after.total_seconds()
