"""Execute direct runs and refines inline in the web process, on small bounded pools."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import (
    DatabaseError,
    InterfaceError,
    close_old_connections,
    connection,
    transaction,
)
from django.utils import timezone

from queries.connections.services import open_provider
from queries.models import Mode, Run, Status
from queries.providers.base import ContinuedInBackgroundError
from queries.providers.errors import CallStoppedError, ProviderError, RateLimitError
from queries.providers.registry import provider_class
from queries.runs.engine import access, backoff, error_texts, queue, refine
from queries.runs.engine.finalize import finalize_run
from queries.runs.engine.lease_keeper import LeasedRun, StopReason, lease_keeper
from queries.runs.engine.leases import (
    RELEASED_VALUES,
    LeaseLostError,
    commit,
    leased_row,
)
from queries.runs.engine.orphan_jobs import cancel_orphan
from queries.runs.engine.rate_waits import (
    RATE_LIMITED_NOTE,
    block_connection,
    wait_for_retry_after,
    wait_for_token,
)
from queries.runs.engine.receiver import Receiver, ReceiveResult, stream_policy
from queries.runs.engine.run_updates import (
    NOT_WAITING,
    final_values,
    finish_incomplete_run,
    finish_run,
    notes_with,
    query_spec,
    time_limit,
)

# Longer than a background run's: a busy database must not expire the lease of a working thread.
INLINE_LEASE_DURATION = timedelta(seconds=30)
MAX_RATE_LIMIT_RETRIES = 5
HANDED_OVER_NOTE = "It took longer than {seconds} s and goes on in the background."
WAITING_FOR_SLOT = "a free slot: this server runs {most} {what} at once"
WAITING_FOR_USER_SLOT = (
    "one of yours to end: of the {most} {what} at once, a person has {share}"
)

log = structlog.get_logger(__name__)


def assign_lease(run: Run) -> None:
    """Lease a new run to this process before it is saved, so that no other process can claim it."""
    run.lease_token = uuid4()
    run.lease_until = timezone.now() + INLINE_LEASE_DURATION


class RunExecutor:
    """A bounded pool of threads for the runs of this process; further runs wait.

    One user has at most half of the slots, rounded up. A run whose owner has slots left overtakes
    waiting runs whose owner has none.
    """

    def __init__(self, places: Callable[[], int], what: str) -> None:
        self._slot_count = places
        self._what = what
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._runs: dict[UUID, tuple[LeasedRun, Future[None]]] = {}
        self._slot_owners: dict[
            UUID, int
        ] = {}  # runs that have a slot, and their owners

    def submit(self, run: Run) -> None:
        """Execute a run leased to this process as soon as a slot is free."""
        leased = LeasedRun(run, lease_duration=INLINE_LEASE_DURATION)
        lease_keeper.track(leased)
        future: Future[None] = Future()
        future.add_done_callback(lambda done: self._done(leased, done))
        with self._lock:
            if self._executor is None:
                # Threads are started on first use: a forked process does not inherit them.
                self._executor = ThreadPoolExecutor(self._slot_count(), "direct")
            self._runs[run.pk] = (leased, future)
            self._fill_slots()
            why = "" if run.pk in self._slot_owners else self._why_waiting()
        if why:
            _store_wait_reason(run, why)

    def wait(self, pk: UUID, seconds: float) -> bool:
        """Wait for a run of this process to end; return whether it has ended."""
        with self._lock:
            found = self._runs.get(pk)
        return found is None or bool(wait([found[1]], seconds).done)

    def cancel(self, pk: UUID) -> None:
        """Stop a run now if it is in this process; elsewhere the database flag does it soon."""
        lease_keeper.stop(pk, StopReason.CANCELLED)

    def stop(self, seconds: float = 5.0) -> None:
        """End all runs of this process within ``seconds``, because the process ends."""
        with self._lock:
            mine = list(self._runs.values())
            executor, self._executor = self._executor, None
        for leased, future in mine:
            leased.stop(StopReason.SHUTDOWN)
            future.cancel()  # affects waiting runs only
        wait([future for _one, future in mine], seconds)
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)

    def _fill_slots(self) -> None:
        """Give free slots to the longest waiting runs within their owners' shares. Holds the lock."""
        for pk, (leased, future) in self._runs.items():
            if self._executor is None or len(self._slot_owners) >= self._slot_count():
                return
            owner = leased.run.owner_id
            held = list(self._slot_owners.values()).count(owner)
            if pk not in self._slot_owners and held < self._share():
                self._slot_owners[pk] = owner
                self._executor.submit(_run_in_slot, leased, future)

    def _share(self) -> int:
        return (self._slot_count() + 1) // 2

    def _why_waiting(self) -> str:
        places = self._slot_count()
        words = (
            WAITING_FOR_SLOT
            if len(self._slot_owners) >= places
            else WAITING_FOR_USER_SLOT
        )
        return words.format(most=places, share=self._share(), what=self._what)

    def _done(self, leased: LeasedRun, future: Future[None]) -> None:
        lease_keeper.untrack(leased)
        with self._lock:
            self._runs.pop(leased.run.pk, None)
            self._slot_owners.pop(leased.run.pk, None)
            self._fill_slots()
        if future.cancelled():
            # It was still waiting for a slot when the process ended.
            finish_run(
                leased.run,
                final_values(leased.run, Status.FAILED, error_texts.interrupted()),
            )
        elif error := future.exception():
            log.error("direct_run_crashed", run=str(leased.run.pk), exc_info=error)


def _run_in_slot(leased: LeasedRun, future: Future[None]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        _in_thread(leased)
    except BaseException as error:
        future.set_exception(error)
        raise
    future.set_result(None)


direct_executor = RunExecutor(lambda: settings.DIRECT_RUNS, "direct queries")
refine_executor = RunExecutor(lambda: settings.REFINES, "refines")


def executor_for(run: Run) -> RunExecutor:
    """Return the pool that executes a run of one of the INLINE_MODES."""
    return refine_executor if run.mode == Mode.REFINE else direct_executor


def execute_run(leased: LeasedRun) -> None:
    """Execute one direct query or refine from start to end."""
    run = _mark_running(leased)
    if run is None:
        return
    try:
        by_mode = refine.execute_refine if run.mode == Mode.REFINE else _attempts
        finalize_run(leased, by_mode(leased))
    except ContinuedInBackgroundError as handed:
        _hand_over(leased, handed.job_id)
    except LeaseLostError:
        log.info("direct_run_lost", run=str(run.pk))


def _in_thread(leased: LeasedRun) -> None:
    close_old_connections()
    crashed = True
    try:
        execute_run(leased)
        crashed = False
    finally:
        connection.close()
        if crashed:
            _finish_crashed(leased.run)
            connection.close()


def _finish_crashed(run: Run) -> None:
    """End a run after a bug of ours; the details are in the log."""
    try:
        finish_incomplete_run(run, error_texts.internal_error())
    except (DatabaseError, InterfaceError) as error:
        # The lease expires and recovery ends the run.
        log.warning("crashed_run_left", run=str(run.pk), why=type(error).__name__)


def _mark_running(leased: LeasedRun) -> Run | None:
    """Mark the run as running; return None if it was cancelled or lost while it waited for a slot."""
    now = timezone.now()
    waiting = leased_row(leased.run).filter(status=Status.QUEUED, cancel_asked_at=None)
    changes = {"status": Status.RUNNING, "started_at": now, **NOT_WAITING}
    if not waiting.update(**changes):
        return None
    leased.deadline = now + timedelta(seconds=time_limit(leased.run))
    leased.run = Run.objects.select_related("connection", "owner").get(pk=leased.run.pk)
    return leased.run


def _attempts(leased: LeasedRun) -> ReceiveResult:
    """Retry rate-limited calls a bounded number of times."""
    refusals = 0
    while True:
        received = _attempt(leased)
        refused = received.error
        if not isinstance(refused, RateLimitError) or received.row_count:
            return received
        refusals += 1
        if refusals > MAX_RATE_LIMIT_RETRIES:
            return received
        seconds = backoff.backoff_seconds(refusals, refused.retry_after)
        block_connection(leased.run, seconds)
        leased.run.notes = notes_with(leased.run, RATE_LIMITED_NOTE)
        commit(leased.run, notes=leased.run.notes)
        if not wait_for_retry_after(leased, seconds):
            return received


def _attempt(leased: LeasedRun) -> ReceiveResult:
    """Make one call, from the rate-limit token to the last row."""
    kind = provider_class(leased.run.provider)
    try:
        connection = access.connection_for(leased.run)
        if not wait_for_token(leased, connection):
            raise CallStoppedError("Not called.")
        with (
            open_provider(connection, stream_policy()) as provider,
            leased.abort_on_stop(provider),
            provider.run(query_spec(leased.run)) as stream,
        ):
            return Receiver(leased, stream, kind.column_hints).receive()
    except ProviderError as error:
        return ReceiveResult(error=error)


def _hand_over(leased: LeasedRun, job_id: str) -> None:
    """Turn the run into a background run, because the provider turned the query into a job."""
    run, now = leased.run, timezone.now()
    seconds = (now - (run.started_at or now)).total_seconds()
    changes = {
        **RELEASED_VALUES,
        **NOT_WAITING,
        "mode": Mode.BACKGROUND,
        "job_id": job_id[:200],
        "submitted_at": now,
        "next_at": now,
        "gives_up_at": now + timedelta(seconds=settings.BACKGROUND_SECONDS),
        "notes": notes_with(
            run, HANDED_OVER_NOTE.format(seconds=max(1, round(seconds)))
        ),
    }
    with transaction.atomic():
        # If a cancel was requested meanwhile, the scheduler cancels the job.
        mine = commit(run, **changes)
        if mine:
            queue.enqueue_scheduler()
    if mine:
        log.info("direct_run_handed_over", run=str(run.pk))
    else:
        log.info("direct_run_lost", run=str(run.pk))
        cancel_orphan(run, job_id)


def _store_wait_reason(run: Run, words: str) -> None:
    leased_row(run).filter(status=Status.QUEUED).update(waiting_for=words)
