"""The pump: watches over every background run, with many calls in flight and one set of hands.

One task at a time holds the slot. Its threads make remote calls and know no database; its main
thread claims, commits, renews, and after a while makes room for the next task.
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

from queries.models import Connection, Mode, PumpSlot, Run, Status, lease_free
from queries.models.runs import RunQuerySet
from queries.providers.errors import ProviderError
from queries.runs.engine import access, error_texts, queue, submitting
from queries.runs.engine.heartbeat import beat
from queries.runs.engine.leases import LEASE, claim, commit, renewed
from queries.runs.engine.next_step import next_step
from queries.runs.engine.orphan_jobs import disown
from queries.runs.engine.provider_pool import Shelf
from queries.runs.engine.rate_waits import (
    FOR_A_TURN,
    FOR_THE_PROVIDER,
    keep_away,
    seconds_blocked,
    seconds_to_turn,
    waiting,
)
from queries.runs.engine.run_updates import end, ending, mark_connection
from queries.runs.engine.steps import Outcome, Step, finish, go_on
from queries.runs.engine.submitting import SUBMIT

HOLD = 12.0
IDLE = 2.0
THREADS = 32
RENEW_EVERY = 2.5
LOOK_EVERY = 0.2
USED_EVERY = timedelta(minutes=1)
POLLED = (Status.QUEUED, Status.RUNNING)

log = structlog.get_logger(__name__)
Job = tuple[Run, Step]


def polled() -> RunQuerySet:
    """Runs that the pump moves: background runs until their rows can be fetched."""
    return Run.objects.filter(mode=Mode.BACKGROUND, status__in=POLLED)


class Slot:
    """The right to pump, for as long as it is renewed."""

    def __init__(self, number: int, token: UUID) -> None:
        self._mine = PumpSlot.objects.filter(number=number, token=token)

    @classmethod
    def take(cls) -> Slot | None:
        """The slot, or None while somebody else is pumping."""
        now, token = timezone.now(), uuid4()
        PumpSlot.objects.get_or_create(number=0)
        free = PumpSlot.objects.filter(number=0).exclude(until__gte=now)
        return cls(0, token) if free.update(token=token, until=now + LEASE) else None

    def renew(self) -> bool:
        """Keep it for another while; False if it is not ours any more."""
        return bool(self._mine.update(until=timezone.now() + LEASE))

    def release(self) -> None:
        """Let the next one in, and leave the wake-up it needs."""
        with transaction.atomic():
            self._mine.update(token=None, until=None)
            due = polled().aggregate(first=Min("next_at"))["first"]
            if due is not None:
                queue.ring_pump(max(due, timezone.now()))


class Pump:
    """One turn at the pump."""

    def __init__(self, slot: Slot, threads: ThreadPoolExecutor, shelf: Shelf) -> None:
        self.slot = slot
        self.threads = threads
        self.shelf = shelf
        self.in_flight: dict[Future[Any], Job] = {}
        self.renewed_at = time.monotonic()

    def turn(self, hold: float, idle: float) -> None:
        """Claim and commit until the time is over or nothing has been due for ``idle`` seconds."""
        end = time.monotonic() + hold
        quiet_since = time.monotonic()
        while time.monotonic() < end and self._renew():
            if self._fill() or self.in_flight:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= idle:
                return
            self._collect()

    def drain(self) -> None:
        """Wait for the calls that are still in flight; each ends within its own time limit."""
        while self.in_flight:
            self._renew_runs()
            self._collect()

    def _fill(self) -> int:
        room = THREADS - len(self.in_flight)
        if room <= 0:
            return 0
        busy = [run.pk for run, _step in self.in_flight.values()]
        due = polled().filter(next_at__lte=timezone.now()).exclude(pk__in=busy)
        claimed = claim(due, most=room)
        for run in _with_connections(claimed):
            self._begin(run)
        return len(claimed)

    def _begin(self, run: Run) -> None:
        step = prepare(run)
        if isinstance(step, Outcome):
            conclude(run, step)
        elif step is not None and run.connection is not None:
            future = self.threads.submit(self._call, step, run, run.connection)
            self.in_flight[future] = (run, step)

    def _call(self, step: Step, run: Run, connection: Connection) -> Any:
        """In a thread: no database here."""
        with self.shelf.lend(connection) as provider:
            return step.call(provider, run)

    def _collect(self) -> None:
        if not self.in_flight:
            time.sleep(LOOK_EVERY)
            return
        done, _rest = wait(
            self.in_flight, timeout=LOOK_EVERY, return_when=FIRST_COMPLETED
        )
        for future in done:
            run, step = self.in_flight.pop(future)
            conclude(run, outcome_of(future, run, step))

    def _renew(self) -> bool:
        if time.monotonic() - self.renewed_at < RENEW_EVERY:
            return True
        beat()
        self.shelf.keep_figures()
        self._renew_runs()
        return self.slot.renew()

    def _renew_runs(self) -> None:
        if time.monotonic() - self.renewed_at < RENEW_EVERY:
            return
        self.renewed_at = time.monotonic()
        mine = {run.lease_token for run, _step in self.in_flight.values()}
        Run.objects.active().filter(lease_token__in=mine).update(**renewed())


def pump(hold: float = HOLD, idle: float = IDLE) -> str:
    """Take the slot and move every due run; returns what happened in one word."""
    queue.rang_for_pump()
    slot = Slot.take()
    if slot is None:
        return "busy"
    with ThreadPoolExecutor(THREADS, "pump") as threads, Shelf() as shelf:
        one = Pump(slot, threads, shelf)
        try:
            one.turn(hold, idle)
        finally:
            # Stragglers must not keep the next pump from all the other runs.
            slot.release()
        one.drain()
    return "done"


def hand_over() -> None:
    """Make whoever pumps stop within seconds: the worker is about to end."""
    PumpSlot.objects.update(token=None, until=None)


def prepare(run: Run) -> Step | Outcome | None:
    """Before a call: decide which, check what only the database knows, announce a submit.

    None if the lease was lost meanwhile.
    """
    step = next_step(run)
    if isinstance(step, Outcome):
        return step
    not_yet = _not_yet(run, step)
    if not_yet is not None or step is not SUBMIT:
        return not_yet or step
    announced = submitting.announce(run)
    if not commit(run, **announced):
        return None
    for name, value in announced.items():
        setattr(run, name, value)
    return step


def _not_yet(run: Run, step: Step) -> Outcome | None:
    """Why the call cannot be made now: only a submit takes a place, but a block holds for all."""
    try:
        if step is SUBMIT:
            seconds = seconds_to_turn(access.connection_for(run))
            return _put_off(run, seconds, FOR_A_TURN) if seconds else None
    except ProviderError as refused:
        return finish(run, Status.FAILED, refused)
    seconds = seconds_blocked(run)
    return _put_off(run, seconds, FOR_THE_PROVIDER) if seconds else None


def _put_off(run: Run, seconds: float, what: str) -> Outcome:
    """Not now, and no attempt either: the wait is shown, and what failed before still counts."""
    return go_on(seconds, failures=run.failures, **waiting(seconds, what))


def outcome_of(future: Future[Any], run: Run, step: Step) -> Outcome:
    """What a finished call means. A mistake of ours ends the run, not the pump."""
    error = future.exception()
    if error is None:
        return step.answered(run, future.result())
    if isinstance(error, ProviderError):
        mark_connection(run.connection, error)
        return step.failed(run, error)
    log.error("step_crashed", run=str(run.pk), exc_info=error)
    return finish(run, Status.FAILED, error_texts.internal())


def conclude(run: Run, outcome: Outcome) -> bool:
    """Commit an outcome, with the bell it needs; False if the lease was lost: it is thrown away."""
    if outcome.blocked:
        keep_away(run, outcome.blocked)
    if outcome.ends:
        return end(run, outcome.changes)
    try:
        return _go_on(run, outcome)
    except DataError:
        # A value that the database does not take: tried again, it would be the same.
        log.exception("outcome_not_stored", run=str(run.pk))
        return end(run, ending(run, Status.FAILED, error_texts.internal()))


def _go_on(run: Run, outcome: Outcome) -> bool:
    with transaction.atomic():
        mine = commit(run, **outcome.changes)
        if mine and outcome.fetch:
            queue.ring(queue.FETCH, str(run.pk))
    if mine:
        _heed_cancel(run)
    else:
        log.info("outcome_thrown_away", run=str(run.pk))
        disown(run, outcome.changes.get("job_id", ""))
    return mine


def _heed_cancel(run: Run) -> None:
    """A cancel that was asked for during the call is due now, not at the call's next look."""
    asked = polled().filter(pk=run.pk, cancel_sent_at=None)
    # One that was known before the call has its own pauses.
    if run.cancel_asked_at is None:
        asked.exclude(cancel_asked_at=None).update(next_at=timezone.now())


def overdue(by: timedelta) -> bool:
    """Whether a run has been due for that long, and nobody has it."""
    now = timezone.now()
    return polled().filter(lease_free(now), next_at__lt=now - by).exists()


def _with_connections(runs: list[Run]) -> list[Run]:
    """Runs with owner and connection loaded, and the connection marked as used: threads must not."""
    pks = [run.pk for run in runs]
    tokens = {run.lease_token for run in runs}
    loaded = Run.objects.select_related("connection", "owner").filter(
        pk__in=pks, lease_token__in=tokens
    )
    now = timezone.now()
    found = list(loaded.order_by("next_at"))
    used = {run.connection_id for run in found if run.connection_id}
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
    Connection.objects.filter(stale, pk__in=used).update(last_used_at=now)
    for run in found:
        if run.connection is not None:
            run.connection.last_used_at = now
    return found
