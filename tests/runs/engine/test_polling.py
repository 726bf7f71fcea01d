"""Polling: what a job's status means for its run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from queries.models import Connection, Run, Status
from queries.runs.engine import queue
from tests.runs.engine import scripted_coralogix
from tests.runs.engine.queued_tasks import queued_args

pytestmark = pytest.mark.django_db


@pytest.fixture
def running(background_run):
    """A run whose job was submitted."""
    Run.objects.filter(pk=background_run.pk).update(
        status=Status.RUNNING, job_id="job-1", submitted_at=timezone.now()
    )
    background_run.refresh_from_db()
    return background_run


@pytest.mark.parametrize(
    "answer", [scripted_coralogix.WAITING, scripted_coralogix.RUNNING]
)
def test_a_job_under_way_is_asked_again(running, schedule_once, upstream, answer):
    upstream.on(scripted_coralogix.STATUS, answer)
    run = schedule_once(running)
    assert (run.status, run.polls) == (Status.RUNNING, 1)
    assert run.native_status
    assert run.next_at > timezone.now()
    assert run.lease_token is None


def test_a_job_that_succeeded_is_fetched(running, schedule_once):
    run = schedule_once(running)
    assert run.status == Status.FETCHING
    assert run.native_status == "terminated.success"
    told = run.statistics["status_told"]
    assert told["terminated"]["terminatedAt"] == scripted_coralogix.TIMESTAMP
    assert run.statistics["bytes_scanned"] == 506070
    assert queued_args(queue.FETCH) == [(str(run.pk),)]


def test_a_failed_job_says_why(running, schedule_once, upstream):
    upstream.on(
        scripted_coralogix.STATUS, scripted_coralogix.job_failed("scanned bytes limit")
    )
    run = schedule_once(running)
    assert run.status == Status.FAILED
    assert "scanned bytes limit" in run.error["message"]


def test_a_job_cancelled_elsewhere_is_told_as_such(running, schedule_once, upstream):
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.CANCELLED)
    run = schedule_once(running)
    assert run.status == Status.CANCELLED
    assert run.cancel_confirmed_at is None
    assert "cancelled at the provider" in run.notes[0]


def test_an_unknown_state_is_watched_on_and_noted(running, schedule_once, upstream):
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.UNKNOWN_STATE)
    run = schedule_once(schedule_once(running))
    assert run.status == Status.RUNNING
    assert run.native_status == "suspended"
    assert [note for note in run.notes if "suspended" in note] == run.notes
    assert len(run.notes) == 1


def test_an_unavailable_provider_is_asked_again_with_growing_patience(
    running, schedule_once, upstream
):
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.UNAVAILABLE)
    run = schedule_once(running)
    assert (run.status, run.failures) == (Status.RUNNING, 1)
    run = schedule_once(run)
    assert run.failures == 2
    assert "cannot be reached" in run.waiting_for
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.RUNNING)
    run = schedule_once(run)
    assert (run.failures, run.waiting_for) == (0, "")


def test_retry_after_is_honoured(running, schedule_once, upstream):
    upstream.on(
        scripted_coralogix.STATUS,
        scripted_coralogix.Reply(503, headers={"Retry-After": "120"}),
    )
    run = schedule_once(running)
    assert run.next_at - timezone.now() > timedelta(seconds=110)


def test_an_odd_answer_once_does_not_end_an_hour_of_work(
    running, schedule_once, upstream
):
    upstream.on(
        scripted_coralogix.STATUS,
        scripted_coralogix.Reply(200, body=b"<html>proxy</html>"),
        scripted_coralogix.RUNNING,
    )
    run = schedule_once(running)
    assert (run.status, run.failures) == (Status.RUNNING, 1)
    assert schedule_once(run).failures == 0


def test_odd_answers_for_ever_do(running, schedule_once, upstream):
    upstream.on(
        scripted_coralogix.STATUS,
        scripted_coralogix.Reply(200, body=b"<html>proxy</html>"),
    )
    Run.objects.filter(pk=running.pk).update(failures=10)
    assert schedule_once(running).error["code"] == "unexpected_response"


def test_a_job_the_provider_does_not_know_fails_in_words(
    running, schedule_once, upstream
):
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.NOT_FOUND)
    run = schedule_once(running)
    assert (run.status, run.error["code"]) == (Status.FAILED, "not_found")


def test_a_job_that_never_ends_is_given_up_at_the_deadline(
    running, schedule_once, upstream
):
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.RUNNING)
    Run.objects.filter(pk=running.pk).update(gives_up_at=timezone.now())
    run = schedule_once(running)
    assert (run.status, run.error["code"]) == (Status.FAILED, "gave_up")
    assert "24 hours" in run.error["message"]


def test_a_run_that_takes_the_worker_down_each_time_is_put_to_rest(
    running, schedule_once, upstream
):
    Run.objects.filter(pk=running.pk).update(claims=50)
    run = schedule_once(running)
    assert run.error["code"] == "internal"
    assert upstream.paths() == []


def test_a_connection_deleted_while_running_ends_the_run(running, schedule_once):
    Connection.objects.all().delete()
    assert schedule_once(running).error["code"] == "connection_gone"


def test_the_same_warning_twice_is_kept_once(running, schedule_once, upstream):
    warned = {"running": {}, "warnings": [{"bytesScannedLimitWarning": {}}]}
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.json_reply(warned))
    run = schedule_once(schedule_once(running))
    assert [warning["code"] for warning in run.warnings] == ["bytesScannedLimitWarning"]


def test_what_no_database_takes_is_made_storable(running, schedule_once, upstream):
    odd = {"running": {}, "warnings": [{"newKind": {"a\u0000b": "c\u0000d"}}]}
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.json_reply(odd))
    run = schedule_once(running)
    assert run.status == Status.RUNNING
    assert "\0" not in str(run.warnings)
