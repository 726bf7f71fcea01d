"""The pump: many runs, one slot, outcomes only while the lease holds."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import timedelta

import pytest
from django.db import DataError
from django.utils import timezone

from queries.models import Connection, Run, SchedulerLock, Status
from queries.providers.base import RateLimit
from queries.providers.coralogix.provider import Coralogix
from queries.runs.engine import queue, scheduler
from queries.runs.engine.leases import claim
from queries.runs.engine.steps import Outcome, final_outcome, reschedule_outcome
from queries.runs.services import start_run
from tests.runs.engine import scripted_coralogix
from tests.runs.engine.queued_tasks import queued_args

pytestmark = pytest.mark.django_db


def claimed(run):
    Run.objects.filter(pk=run.pk).update(next_at=run.created_at)
    (one,) = claim(scheduler.scheduled_runs().filter(pk=run.pk))
    return one


def test_while_one_pumps_nobody_else_does(background_run, upstream):
    assert scheduler.SchedulerLease.acquire()
    assert scheduler.SchedulerLease.acquire() is None
    assert scheduler.run_scheduler(run_seconds=0.01) == "busy"
    assert upstream.paths() == []


def test_the_slot_of_a_dead_pump_is_free_again():
    scheduler.SchedulerLease.acquire()
    SchedulerLock.objects.update(until=timezone.now() - timedelta(seconds=1))
    assert scheduler.SchedulerLease.acquire()


def test_a_slot_that_was_taken_over_cannot_be_renewed():
    slot = scheduler.SchedulerLease.acquire()
    assert slot.renew()
    SchedulerLock.objects.update(token=uuid.uuid4())
    assert not slot.renew()


def test_a_pump_without_work_gives_its_worker_back():
    assert scheduler.run_scheduler(run_seconds=60, idle_seconds=0) == "done"
    assert SchedulerLock.objects.get(number=0).token is None


def test_leaving_it_rings_for_the_next_due_run(background_run, schedule_once, upstream):
    upstream.on(scripted_coralogix.SUBMIT, scripted_coralogix.job_submitted())
    schedule_once(background_run)
    assert len(queued_args(queue.RUN_SCHEDULER)) == 2
    assert SchedulerLock.objects.get(number=0).wake_at > timezone.now()


def test_with_nothing_left_it_does_not_ring(background_run, schedule_once, upstream):
    upstream.on(scripted_coralogix.SUBMIT, scripted_coralogix.Reply(400))
    schedule_once(background_run)
    assert len(queued_args(queue.RUN_SCHEDULER)) == 1


def test_one_pump_moves_many_runs_at_once(make_request, upstream):
    together = threading.Barrier(8, timeout=15)

    def wait_for_the_others(_request):
        together.wait()
        return scripted_coralogix.job_submitted()

    upstream.on(scripted_coralogix.SUBMIT, wait_for_the_others)
    runs = [start_run(make_request("background")) for _ in range(8)]
    scheduler.run_scheduler(run_seconds=0.01)
    assert Run.objects.filter(status=Status.RUNNING).count() == len(runs)


@pytest.mark.slow
def test_hundreds_of_runs_are_watched_by_one_pump(background_run, upstream):
    columns = {
        "owner": background_run.owner,
        "connection": background_run.connection,
        "provider": background_run.provider,
        "mode": background_run.mode,
    }
    columns |= {
        "status": Status.RUNNING,
        "job_id": "job",
        "next_at": background_run.created_at,
    }
    old = timezone.now() - timedelta(minutes=10)
    Run.objects.bulk_create(Run(**columns, submitted_at=old) for _ in range(300))
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.RUNNING)
    began = time.monotonic()
    scheduler.run_scheduler(run_seconds=60, idle_seconds=0)
    # They are asked every 15 seconds at that age.
    assert time.monotonic() - began < 15
    assert Run.objects.filter(job_id="job", polls=1).count() == 300


def test_calls_under_way_are_bounded(make_request, upstream, monkeypatch):
    monkeypatch.setattr(scheduler, "MAX_CALLS", 2)
    for _ in range(3):
        start_run(make_request("background"))
    looked_again, under_way = threading.Event(), []
    upstream.on(
        scripted_coralogix.SUBMIT,
        lambda _request: (looked_again.wait(15), scripted_coralogix.job_submitted())[1],
    )
    fill = scheduler.Scheduler._fill

    def watched(one):
        taken = fill(one)
        under_way.append(len(one.in_flight))
        if len(under_way) == 2:
            looked_again.set()
        return taken

    monkeypatch.setattr(scheduler.Scheduler, "_fill", watched)
    scheduler.run_scheduler(run_seconds=60, idle_seconds=0)
    assert under_way[:2] == [2, 2]
    assert max(under_way) == 2
    assert Run.objects.filter(status=Status.RUNNING).count() == 3


def test_runs_that_are_not_due_are_left_alone(background_run, upstream):
    Run.objects.update(next_at=timezone.now() + timedelta(seconds=5))
    scheduler.run_scheduler(run_seconds=0.01)
    assert upstream.paths() == []


def test_a_slow_call_does_not_keep_the_next_pump_away(
    background_run, upstream, monkeypatch
):
    free = []
    release = scheduler.SchedulerLease.release

    def watched(slot):
        release(slot)
        free.append(SchedulerLock.objects.get(number=0).token is None)
        answer.set()

    answer = threading.Event()
    monkeypatch.setattr(scheduler.SchedulerLease, "release", watched)
    upstream.on(
        scripted_coralogix.SUBMIT,
        lambda _request: (answer.wait(15), scripted_coralogix.job_submitted())[1],
    )
    scheduler.run_scheduler(run_seconds=0.01)
    background_run.refresh_from_db()
    assert free == [True]
    assert background_run.status == Status.RUNNING


def test_leases_are_renewed_while_calls_are_under_way(
    background_run, upstream, monkeypatch
):
    monkeypatch.setattr(scheduler, "RENEW_INTERVAL", 0.0)
    renewed = threading.Event()
    calls = []
    renew = scheduler.Scheduler._renew_runs

    def watched(one):
        renew(one)
        calls.append(Run.objects.get(pk=background_run.pk).lease_until)
        if len(calls) > 2:
            renewed.set()

    monkeypatch.setattr(scheduler.Scheduler, "_renew_runs", watched)
    upstream.on(
        scripted_coralogix.SUBMIT,
        lambda _request: (renewed.wait(15), scripted_coralogix.job_submitted())[1],
    )
    scheduler.run_scheduler(run_seconds=0.01)
    until = [at for at in calls if at]
    assert until == sorted(until)
    assert until[-1] > until[0]


def test_an_outcome_is_thrown_away_when_the_lease_was_lost(background_run):
    run = claimed(background_run)
    Run.objects.filter(pk=run.pk).update(lease_token=uuid.uuid4())
    assert scheduler.commit_outcome(run, reschedule_outcome(1, job_id="mine")) is False
    assert scheduler.commit_outcome(run, final_outcome(run, Status.FAILED)) is False
    background_run.refresh_from_db()
    assert (background_run.status, background_run.job_id) == (Status.QUEUED, "")


def test_an_outcome_cannot_move_a_run_that_has_ended(background_run):
    run = claimed(background_run)
    Run.objects.filter(pk=run.pk).update(status=Status.CANCELLED)
    assert (
        scheduler.commit_outcome(run, reschedule_outcome(0, status=Status.FETCHING))
        is False
    )
    background_run.refresh_from_db()
    assert background_run.status == Status.CANCELLED


def test_a_lease_lost_before_the_submit_submits_nothing(background_run):
    run = claimed(background_run)
    Run.objects.filter(pk=run.pk).update(lease_token=uuid.uuid4())
    run.connection = Connection.objects.get(pk=run.connection_id)
    assert scheduler.prepare_step(run) is None


def test_a_wait_for_a_turn_is_shown_and_costs_no_attempt(
    background_run, schedule_once, upstream, monkeypatch, make_request
):
    monkeypatch.setattr(Coralogix, "rate_limit", RateLimit(calls=1, seconds=3600))
    schedule_once(background_run)
    other = schedule_once(start_run(make_request("background")))
    assert (other.status, other.submits, other.failures) == (Status.QUEUED, 0, 0)
    assert other.waiting_until > timezone.now() + timedelta(minutes=50)
    assert "rate limit" in other.waiting_for
    assert upstream.paths().count(scripted_coralogix.SUBMIT) == 1


def test_a_mistake_of_ours_ends_the_run_and_not_the_pump(
    background_run, schedule_once, monkeypatch, caplog
):
    def broken(_provider, _job):
        raise ZeroDivisionError

    Run.objects.filter(pk=background_run.pk).update(
        job_id="job-1", status=Status.RUNNING
    )
    monkeypatch.setattr(Coralogix, "status", broken)
    run = schedule_once(background_run)
    assert (run.status, run.error["code"]) == (Status.FAILED, "internal")
    assert "step_crashed" in caplog.text


def test_an_outcome_no_database_takes_ends_the_run_and_not_the_pump(
    background_run, monkeypatch
):
    run = claimed(background_run)
    monkeypatch.setattr(scheduler, "commit", raiser(DataError("no such value")))
    assert scheduler.commit_outcome(run, Outcome({"job_id": "x"})) is True
    background_run.refresh_from_db()
    assert background_run.error["code"] == "internal"


def raiser(error):
    def raise_it(*_args, **_kwargs):
        raise error

    return raise_it


def test_the_connection_is_marked_as_used_without_the_help_of_threads(
    background_run, schedule_once, connection
):
    schedule_once(background_run)
    connection.refresh_from_db()
    assert connection.last_used_at


def test_handing_over_stops_whoever_pumps():
    slot = scheduler.SchedulerLease.acquire()
    scheduler.release_scheduler_lock()
    assert not slot.renew()


def test_overdue_runs_are_seen(background_run):
    assert not scheduler.has_overdue_runs(timedelta(seconds=5))
    Run.objects.update(next_at=timezone.now() - timedelta(seconds=6))
    assert scheduler.has_overdue_runs(timedelta(seconds=5))
