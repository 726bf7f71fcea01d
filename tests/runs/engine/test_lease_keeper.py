"""The keeper: leases kept, cancels seen, provider calls hung up."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from queries.models import Run
from queries.runs.engine import lease_keeper as module
from queries.runs.engine.lease_keeper import LeasedRun, LeaseKeeper, StopReason
from tests.factories import RunFactory


class Provider:
    """Something that can be hung up on."""

    def __init__(self):
        self.aborted = 0

    def abort(self):
        self.aborted += 1


@pytest.fixture
def one():
    return LeasedRun(Run())


def test_letting_go_hangs_up(one):
    provider = Provider()
    with one.abort_on_stop(provider):
        one.stop(StopReason.CANCELLED)
    assert provider.aborted == 1
    assert one.stop_reason is StopReason.CANCELLED


def test_a_call_that_comes_too_late_is_hung_up_at_once(one):
    one.stop(StopReason.CANCELLED)
    provider = Provider()
    with one.abort_on_stop(provider):
        assert provider.aborted == 1


def test_after_the_call_there_is_nothing_to_hang_up(one):
    provider = Provider()
    with one.abort_on_stop(provider):
        pass
    one.stop(StopReason.TIMEOUT)
    assert provider.aborted == 0


def test_the_first_reason_counts(one):
    one.stop(StopReason.LEASE_LOST)
    one.stop(StopReason.CANCELLED)
    assert one.stop_reason is StopReason.LEASE_LOST


def test_sleeping_ends_when_it_must(one):
    assert one.sleep(0.001)
    threading.Timer(0.05, one.stop, [StopReason.SHUTDOWN]).start()
    assert not one.sleep(30)


def test_nobody_lets_go_of_what_is_not_held():
    assert LeaseKeeper().stop(Run().pk, StopReason.CANCELLED) is False


@pytest.mark.django_db(transaction=True)
def test_each_reason_to_let_go_is_seen():
    late = RunFactory(lease_token=Run().pk)
    cancelled = RunFactory(lease_token=Run().pk, cancel_asked_at=timezone.now())
    gone = Run()
    fine = RunFactory(lease_token=Run().pk)
    held = [
        LeasedRun(late, deadline=timezone.now() - timedelta(seconds=1)),
        LeasedRun(cancelled),
        LeasedRun(gone),
        LeasedRun(fine, deadline=timezone.now() + timedelta(hours=1)),
    ]
    keeper = LeaseKeeper()
    keeper._held = {one.run.pk: one for one in held}
    keeper._renewed_at = float("inf")
    keeper.check_all()
    assert [one.stop_reason for one in held] == [
        StopReason.TIMEOUT,
        StopReason.CANCELLED,
        StopReason.LEASE_LOST,
        None,
    ]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_does_not_end_the_watch(monkeypatch, caplog):
    looks, twice = [], threading.Event()
    keeper = LeaseKeeper()

    def away():
        looks.append(1)
        if len(looks) == 2:
            twice.set()
        raise DatabaseError

    monkeypatch.setattr(module, "CHECK_INTERVAL", 0.01)
    monkeypatch.setattr(keeper, "check_all", away)
    with keeper.tracking(LeasedRun(Run())):
        thread = keeper._thread
        assert twice.wait(10)
    thread.join(10)
    assert not thread.is_alive()
    assert "keeper_blind" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_one_thread_watches_over_all(monkeypatch):
    monkeypatch.setattr(module, "CHECK_INTERVAL", 0.01)
    keeper = LeaseKeeper()
    first, second = LeasedRun(RunFactory()), LeasedRun(RunFactory())
    with keeper.tracking(first):
        thread = keeper._thread
        with keeper.tracking(second):
            assert keeper._thread is thread
    thread.join(10)
    assert keeper.is_idle
    assert keeper._thread is None
