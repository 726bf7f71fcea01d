"""Poll all background runs, at most MAX_CALLS HTTP calls at a time.

One task at a time holds the scheduler lock. Its threads make HTTP calls without database access; its
main thread claims, commits and renews, and makes way for the next task after RUN_SECONDS.
"""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.db import DataError, transaction
from django.db.models import Min, Q
from django.utils import timezone

from queries.models import Connection, Mode, Run, SchedulerLock, Status, unleased
from queries.models.runs import RunQuerySet
from queries.providers.errors import ProviderError
from queries.runs.engine import access, error_texts, queue, submitting
from queries.runs.engine.heartbeat import beat
from queries.runs.engine.leases import LEASE_DURATION, claim, commit, renewal_values
from queries.runs.engine.next_step import next_step
from queries.runs.engine.orphan_jobs import cancel_orphan
from queries.runs.engine.provider_pool import ProviderPool
from queries.runs.engine.rate_waits import (
    WAITING_FOR_RATE_LIMIT,
    WAITING_FOR_RETRY_AFTER,
    block_connection,
    seconds_blocked,
    try_take_token,
    waiting_values,
)
from queries.runs.engine.run_updates import (
    final_values,
    finish_run,
    mark_connection_failing,
)
from queries.runs.engine.steps import Outcome, Step, final_outcome, reschedule_outcome
from queries.runs.engine.submitting import SUBMIT

RUN_SECONDS = 12.0
IDLE_SECONDS = 2.0
MAX_CALLS = 32
RENEW_INTERVAL = 2.5
COLLECT_INTERVAL = 0.2
LAST_USED_INTERVAL = timedelta(minutes=1)
SCHEDULED_STATUSES = (Status.QUEUED, Status.RUNNING)

log = structlog.get_logger(__name__)
RunStep = tuple[Run, Step]


def scheduled_runs() -> RunQuerySet:
    """Return the runs that the scheduler advances: background runs until their rows can be fetched."""
    return Run.objects.filter(mode=Mode.BACKGROUND, status__in=SCHEDULED_STATUSES)


class SchedulerLease:
    """The scheduler lock, held as long as it is renewed."""

    def __init__(self, number: int, token: UUID) -> None:
        self._mine = SchedulerLock.objects.filter(number=number, token=token)

    @classmethod
    def acquire(cls) -> SchedulerLease | None:
        """Take the lock; return None while another process holds it."""
        now, token = timezone.now(), uuid4()
        SchedulerLock.objects.get_or_create(number=0)
        free = SchedulerLock.objects.filter(number=0).exclude(until__gte=now)
        return (
            cls(0, token)
            if free.update(token=token, until=now + LEASE_DURATION)
            else None
        )

    def renew(self) -> bool:
        """Extend the lock; return False if it was lost."""
        return bool(self._mine.update(until=timezone.now() + LEASE_DURATION))

    def release(self) -> None:
        """Release the lock and enqueue the next wake-up."""
        with transaction.atomic():
            self._mine.update(token=None, until=None)
            due = scheduled_runs().aggregate(first=Min("next_at"))["first"]
            if due is not None:
                queue.enqueue_scheduler(max(due, timezone.now()))


class Scheduler:
    """One execution of the scheduler task."""

    def __init__(
        self, lock: SchedulerLease, threads: ThreadPoolExecutor, providers: ProviderPool
    ) -> None:
        self.lease = lock
        self.threads = threads
        self.providers = providers
        self.in_flight: dict[Future[Any], RunStep] = {}
        self.renewed_at = time.monotonic()

    def run(self, run_seconds: float, idle_seconds: float) -> None:
        """Claim and commit until the time is over or nothing has been due for ``idle_seconds``."""
        end = time.monotonic() + run_seconds
        quiet_since = time.monotonic()
        while time.monotonic() < end and self._renew():
            if self._fill() or self.in_flight:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= idle_seconds:
                return
            self._collect()

    def drain(self) -> None:
        """Wait for the running calls; each ends within its own time limit."""
        while self.in_flight:
            self._renew_runs()
            self._collect()

    def _fill(self) -> int:
        room = MAX_CALLS - len(self.in_flight)
        if room <= 0:
            return 0
        busy = [run.pk for run, _step in self.in_flight.values()]
        due = scheduled_runs().filter(next_at__lte=timezone.now()).exclude(pk__in=busy)
        claimed = claim(due, limit=room)
        for run in _with_connections(claimed):
            self._begin(run)
        return len(claimed)

    def _begin(self, run: Run) -> None:
        step = prepare_step(run)
        if isinstance(step, Outcome):
            commit_outcome(run, step)
        elif step is not None and run.connection is not None:
            future = self.threads.submit(self._call, step, run, run.connection)
            self.in_flight[future] = (run, step)

    def _call(self, step: Step, run: Run, connection: Connection) -> Any:
        """Make the call. Runs in a thread, without database access."""
        with self.providers.acquire(connection) as provider:
            return step.call(provider, run)

    def _collect(self) -> None:
        if not self.in_flight:
            time.sleep(COLLECT_INTERVAL)
            return
        done, _rest = wait(
            self.in_flight, timeout=COLLECT_INTERVAL, return_when=FIRST_COMPLETED
        )
        for future in done:
            run, step = self.in_flight.pop(future)
            commit_outcome(run, call_outcome(future, run, step))

    def _renew(self) -> bool:
        if time.monotonic() - self.renewed_at < RENEW_INTERVAL:
            return True
        beat()
        self.providers.save_rate_figures()
        self._renew_runs()
        return self.lease.renew()

    def _renew_runs(self) -> None:
        if time.monotonic() - self.renewed_at < RENEW_INTERVAL:
            return
        self.renewed_at = time.monotonic()
        mine = {run.lease_token for run, _step in self.in_flight.values()}
        Run.objects.active().filter(lease_token__in=mine).update(**renewal_values())


def run_scheduler(
    run_seconds: float = RUN_SECONDS, idle_seconds: float = IDLE_SECONDS
) -> str:
    """Take the lock and advance every due run; return the outcome in one word."""
    queue.clear_scheduler_wake_up()
    lock = SchedulerLease.acquire()
    if lock is None:
        return "busy"
    with (
        ThreadPoolExecutor(MAX_CALLS, "scheduler") as threads,
        ProviderPool() as providers,
    ):
        scheduler = Scheduler(lock, threads, providers)
        try:
            scheduler.run(run_seconds, idle_seconds)
        finally:
            # Slow calls must not keep the next scheduler from the other runs.
            lock.release()
        scheduler.drain()
    return "done"


def release_scheduler_lock() -> None:
    """Make the running scheduler stop within seconds, because the worker is about to end."""
    SchedulerLock.objects.update(token=None, until=None)


def prepare_step(run: Run) -> Step | Outcome | None:
    """Choose the next call, check what only the database knows, and commit the intent to submit.

    Returns None if the lease was lost meanwhile.
    """
    step = next_step(run)
    if isinstance(step, Outcome):
        return step
    not_yet = _wait_outcome(run, step)
    if not_yet is not None or step is not SUBMIT:
        return not_yet or step
    announced = submitting.submit_values(run)
    if not commit(run, **announced):
        return None
    for name, value in announced.items():
        setattr(run, name, value)
    return step


def _wait_outcome(run: Run, step: Step) -> Outcome | None:
    """Return why the call cannot be made now. Only a submit takes a rate-limit token; a block holds for all."""
    try:
        if step is SUBMIT:
            seconds = try_take_token(access.connection_for(run))
            return (
                _reschedule(run, seconds, WAITING_FOR_RATE_LIMIT) if seconds else None
            )
    except ProviderError as refused:
        return final_outcome(run, Status.FAILED, refused)
    seconds = seconds_blocked(run)
    return _reschedule(run, seconds, WAITING_FOR_RETRY_AFTER) if seconds else None


def _reschedule(run: Run, seconds: float, what: str) -> Outcome:
    """Reschedule without counting an attempt: the wait is shown, earlier failures still count."""
    return reschedule_outcome(
        seconds, failures=run.failures, **waiting_values(seconds, what)
    )


def call_outcome(future: Future[Any], run: Run, step: Step) -> Outcome:
    """Return the outcome of a finished call. A bug of ours ends the run, not the scheduler."""
    error = future.exception()
    if error is None:
        return step.on_success(run, future.result())
    if isinstance(error, ProviderError):
        mark_connection_failing(run.connection, error)
        return step.on_error(run, error)
    log.error("step_crashed", run=str(run.pk), exc_info=error)
    return final_outcome(run, Status.FAILED, error_texts.internal_error())


def commit_outcome(run: Run, outcome: Outcome) -> bool:
    """Commit an outcome and enqueue what it needs; return False if the lease was lost."""
    if outcome.block_seconds:
        block_connection(run, outcome.block_seconds)
    if outcome.is_final:
        return finish_run(run, outcome.changes)
    try:
        return _commit_and_enqueue(run, outcome)
    except DataError:
        # The database refuses the value: a retry would fail the same way.
        log.exception("outcome_not_stored", run=str(run.pk))
        return finish_run(
            run, final_values(run, Status.FAILED, error_texts.internal_error())
        )


def _commit_and_enqueue(run: Run, outcome: Outcome) -> bool:
    with transaction.atomic():
        mine = commit(run, **outcome.changes)
        if mine and outcome.ready_to_fetch:
            queue.enqueue(queue.FETCH, str(run.pk))
    if mine:
        _make_cancel_due(run)
    else:
        log.info("outcome_thrown_away", run=str(run.pk))
        cancel_orphan(run, outcome.changes.get("job_id", ""))
    return mine


def _make_cancel_due(run: Run) -> None:
    """Make a cancel that was requested during the call due now."""
    asked = scheduled_runs().filter(pk=run.pk, cancel_sent_at=None)
    # A cancel that was known before the call has its own delays.
    if run.cancel_asked_at is None:
        asked.exclude(cancel_asked_at=None).update(next_at=timezone.now())


def has_overdue_runs(by: timedelta) -> bool:
    """Return whether an unleased run has been due for that long."""
    now = timezone.now()
    return scheduled_runs().filter(unleased(now), next_at__lt=now - by).exists()


def _with_connections(runs: list[Run]) -> list[Run]:
    """Load owners and connections and mark connections as used, because threads must not."""
    pks = [run.pk for run in runs]
    tokens = {run.lease_token for run in runs}
    loaded = Run.objects.select_related("connection", "owner").filter(
        pk__in=pks, lease_token__in=tokens
    )
    now = timezone.now()
    found = list(loaded.order_by("next_at"))
    used = {run.connection_id for run in found if run.connection_id}
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_INTERVAL)
    Connection.objects.filter(stale, pk__in=used).update(last_used_at=now)
    for run in found:
        if run.connection is not None:
            run.connection.last_used_at = now
    return found
