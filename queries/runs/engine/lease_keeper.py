"""The keeper: one thread per process that keeps the leases of runs held here, and watches them.

While a thread waits for a slow provider it can neither renew its lease nor see that somebody
asked to cancel. The keeper does both for all of them, and hangs up where it must.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeVar
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone

from queries.models import Mode, Run
from queries.providers.errors import ProviderError
from queries.runs.engine import error_texts
from queries.runs.engine.leases import LEASE_DURATION, leased_row, renewal_values
from queries.runs.engine.run_updates import time_limit

CHECK_INTERVAL = 0.5
RENEW_INTERVAL = 2.5

log = structlog.get_logger(__name__)


class Abortable(Protocol):
    """What a run waits for: a provider, or a process of ours. `abort` hangs up, from any thread."""

    def abort(self) -> None:
        """End what is under way."""


C = TypeVar("C", bound=Abortable)


class StopReason(StrEnum):
    """Why a run has to be let go."""

    CANCELLED = "cancelled"  # somebody asked
    TIMEOUT = "late"  # its time is over
    LEASE_LOST = "lost"  # somebody else holds it, or it is gone
    SHUTDOWN = "stopping"  # this process ends


class LeasedRun:
    """One run in our hands: how to hang up, and whether we have to."""

    def __init__(
        self,
        run: Run,
        *,
        lease_duration: timedelta = LEASE_DURATION,
        deadline: datetime | None = None,
    ) -> None:
        self.run = run
        self.lease_duration = lease_duration
        self.deadline = deadline
        self.stop_reason: StopReason | None = None
        self.has_called = False
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._call: Abortable | None = None

    def stop(self, reason: StopReason) -> None:
        """Make the holder stop, wherever it is waiting. The first reason counts."""
        with self._lock:
            self.stop_reason = self.stop_reason or reason
            self._stop.set()
            if self._call is not None:
                self._call.abort()

    def stop_error(self, otherwise: ProviderError | None) -> ProviderError | None:
        """Why the run ended early: our own reason if it was we who hung up."""
        if self.stop_reason is StopReason.TIMEOUT:
            return error_texts.run_timed_out(
                time_limit(self.run), is_refine=self.run.mode == Mode.REFINE
            )
        if self.stop_reason is StopReason.SHUTDOWN:
            return error_texts.interrupted()
        return otherwise

    def sleep(self, seconds: float) -> bool:
        """Wait, unless we have to let go; tells whether the whole time has passed."""
        return not self._stop.wait(seconds)

    @contextmanager
    def abort_on_stop(self, call: C) -> Iterator[C]:
        """The block in which ``let_go`` hangs up on ``call``."""
        with self._lock:
            self._call = call
            self.has_called = True
            if self.stop_reason:
                call.abort()
        try:
            yield call
        finally:
            with self._lock:
                self._call = None


class LeaseKeeper:
    """Watches over the runs this process holds, in one thread that lives as long as there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[UUID, LeasedRun] = {}
        self._thread: threading.Thread | None = None
        self._renewed_at = 0.0

    def track(self, one: LeasedRun) -> None:
        """Start to watch over a run whose lease is ours."""
        with self._lock:
            self._held[one.run.pk] = one
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._watch, name="keeper", daemon=True
                )
                self._thread.start()

    def untrack(self, one: LeasedRun) -> None:
        """Stop watching over it. Harmless when repeated."""
        with self._lock:
            self._held.pop(one.run.pk, None)

    @contextmanager
    def tracking(self, one: LeasedRun) -> Iterator[LeasedRun]:
        """``hold`` and ``release``."""
        self.track(one)
        try:
            yield one
        finally:
            self.untrack(one)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held."""
        with self._lock:
            return not self._held

    def stop(self, pk: UUID, reason: StopReason) -> bool:
        """Make the holder of a run stop now, if it is in this process."""
        with self._lock:
            one = self._held.get(pk)
        if one is not None:
            one.stop(reason)
        return one is not None

    def _watch(self) -> None:
        try:
            while self._some():
                self._look_safely()
                time.sleep(CHECK_INTERVAL)
        finally:
            connection.close()

    def _some(self) -> bool:
        """Whether there is anything to watch; if not, the thread is written off at once."""
        with self._lock:
            if not self._held:
                self._thread = None
            return bool(self._held)

    def _look_safely(self) -> None:
        """A database that is away for a moment must not end the watch."""
        close_old_connections()
        try:
            self.check_all()
        except (DatabaseError, InterfaceError) as error:
            log.warning("keeper_blind", why=type(error).__name__)

    def check_all(self) -> None:
        """Look once at every run held: renew its lease, and let go where we have to."""
        with self._lock:
            mine = list(self._held.values())
        renew = time.monotonic() - self._renewed_at >= RENEW_INTERVAL
        asked = _asked_to_cancel(mine)
        for one in mine:
            if renew and not leased_row(one.run).update(
                **renewal_values(one.lease_duration)
            ):
                one.stop(StopReason.LEASE_LOST)
            elif reason := _why_let_go(one, asked):
                one.stop(reason)
        if renew:
            self._renewed_at = time.monotonic()


def _why_let_go(one: LeasedRun, asked: dict[UUID, Any]) -> StopReason | None:
    if one.run.pk not in asked:
        return StopReason.LEASE_LOST
    if asked[one.run.pk] is not None:
        return StopReason.CANCELLED
    if one.deadline is not None and timezone.now() >= one.deadline:
        return StopReason.TIMEOUT
    return None


def _asked_to_cancel(mine: list[LeasedRun]) -> dict[UUID, datetime | None]:
    """Run -> when somebody asked to cancel it; runs that ended or are gone are missing."""
    rows = Run.objects.active().filter(pk__in=[one.run.pk for one in mine])
    return dict(rows.values_list("pk", "cancel_asked_at"))


lease_keeper = LeaseKeeper()
