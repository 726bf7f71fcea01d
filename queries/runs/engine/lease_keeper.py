"""One thread per process that renews the leases of its runs and watches for cancels.

A thread that waits for a slow provider can neither renew its lease nor see a requested cancel.
The lease keeper does both for all runs of the process, and aborts calls where needed.
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
    """A call that a run waits for: a provider's or a child process's. ``abort`` works from any thread."""

    def abort(self) -> None:
        """End the running call."""


C = TypeVar("C", bound=Abortable)


class StopReason(StrEnum):
    """Why a run has to stop."""

    CANCELLED = "cancelled"  # cancel requested
    TIMEOUT = "late"  # deadline passed
    LEASE_LOST = "lost"  # leased by another process, or deleted
    SHUTDOWN = "stopping"  # this process ends


class LeasedRun:
    """A run leased by this process, with its stop flag and the call to abort."""

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
        """Make the holder stop wherever it waits. The first reason counts."""
        with self._lock:
            self.stop_reason = self.stop_reason or reason
            self._stop.set()
            if self._call is not None:
                self._call.abort()

    def stop_error(self, otherwise: ProviderError | None) -> ProviderError | None:
        """Return the error of the stop reason, or ``otherwise`` if there is none."""
        if self.stop_reason is StopReason.TIMEOUT:
            return error_texts.run_timed_out(
                time_limit(self.run), is_refine=self.run.mode == Mode.REFINE
            )
        if self.stop_reason is StopReason.SHUTDOWN:
            return error_texts.interrupted()
        return otherwise

    def sleep(self, seconds: float) -> bool:
        """Wait unless the run has to stop; return whether the whole time has passed."""
        return not self._stop.wait(seconds)

    @contextmanager
    def abort_on_stop(self, call: C) -> Iterator[C]:
        """Abort ``call`` if ``stop`` is called inside the block."""
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
    """Renews and checks the runs of this process, in one thread that lives as long as there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[UUID, LeasedRun] = {}
        self._thread: threading.Thread | None = None
        self._renewed_at = 0.0

    def track(self, leased: LeasedRun) -> None:
        """Start to renew a run leased by this process."""
        with self._lock:
            self._held[leased.run.pk] = leased
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._watch, name="keeper", daemon=True
                )
                self._thread.start()

    def untrack(self, leased: LeasedRun) -> None:
        """Stop renewing it. May be repeated."""
        with self._lock:
            self._held.pop(leased.run.pk, None)

    @contextmanager
    def tracking(self, leased: LeasedRun) -> Iterator[LeasedRun]:
        """Track the run inside the block."""
        self.track(leased)
        try:
            yield leased
        finally:
            self.untrack(leased)

    @property
    def is_idle(self) -> bool:
        """Whether no run is tracked."""
        with self._lock:
            return not self._held

    def stop(self, pk: UUID, reason: StopReason) -> bool:
        """Stop a run now if it is in this process; return whether it is."""
        with self._lock:
            leased = self._held.get(pk)
        if leased is not None:
            leased.stop(reason)
        return leased is not None

    def _watch(self) -> None:
        try:
            while self._has_runs():
                self._check_safely()
                time.sleep(CHECK_INTERVAL)
        finally:
            connection.close()

    def _has_runs(self) -> bool:
        """Return whether any run is tracked; if not, forget the thread at once."""
        with self._lock:
            if not self._held:
                self._thread = None
            return bool(self._held)

    def _check_safely(self) -> None:
        """Check all runs; a database that is briefly away must not end the thread."""
        close_old_connections()
        try:
            self.check_all()
        except (DatabaseError, InterfaceError) as error:
            log.warning("keeper_blind", why=type(error).__name__)

    def check_all(self) -> None:
        """Check every tracked run once: renew its lease, stop it where needed."""
        with self._lock:
            mine = list(self._held.values())
        renew = time.monotonic() - self._renewed_at >= RENEW_INTERVAL
        asked = _cancel_requests(mine)
        for leased in mine:
            if renew and not leased_row(leased.run).update(
                **renewal_values(leased.lease_duration)
            ):
                leased.stop(StopReason.LEASE_LOST)
            elif reason := _stop_reason(leased, asked):
                leased.stop(reason)
        if renew:
            self._renewed_at = time.monotonic()


def _stop_reason(leased: LeasedRun, asked: dict[UUID, Any]) -> StopReason | None:
    if leased.run.pk not in asked:
        return StopReason.LEASE_LOST
    if asked[leased.run.pk] is not None:
        return StopReason.CANCELLED
    if leased.deadline is not None and timezone.now() >= leased.deadline:
        return StopReason.TIMEOUT
    return None


def _cancel_requests(mine: list[LeasedRun]) -> dict[UUID, datetime | None]:
    """Return when each run's cancel was requested; runs that ended or were deleted are missing."""
    rows = Run.objects.active().filter(pk__in=[leased.run.pk for leased in mine])
    return dict(rows.values_list("pk", "cancel_asked_at"))


lease_keeper = LeaseKeeper()
