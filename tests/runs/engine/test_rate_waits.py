"""A provider that wants to be left alone is left alone by every run of the same key."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from queries.connections import rate_limit
from queries.models import RateBucket, Run, Status
from queries.runs.engine import queue, rate_waits
from queries.runs.engine.fetching import fetch
from queries.runs.services import cancel_run
from tests.runs.engine import scripted_coralogix
from tests.runs.engine.queued_tasks import queued_args

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running(background_run, connection):
    """A run whose job runs, and that has failed once; another run's 429 has blocked its key."""
    return blocked(background_run, connection, Status.RUNNING)


@pytest.fixture
def ready(background_run, connection):
    """A run whose rows are to be fetched while its key is blocked."""
    return blocked(background_run, connection, Status.FETCHING)


def blocked(run, connection, status):
    rate_limit.block(connection, 600)
    Run.objects.filter(pk=run.pk).update(
        status=status, job_id="job-1", submitted_at=timezone.now(), failures=1
    )
    run.refresh_from_db()
    return run


def unblock():
    RateBucket.objects.update(blocked_until=None)


def is_waiting(run):
    soon = timezone.now() + timedelta(minutes=9)
    shown = (
        run.waiting_for == rate_waits.WAITING_FOR_RETRY_AFTER
        and run.waiting_until > soon
    )
    return shown and run.next_at > soon and run.failures == 1


def test_a_poll_waits_and_says_so(running, schedule_once, upstream):
    run = schedule_once(running)
    assert is_waiting(run)
    assert upstream.paths() == []
    unblock()
    run = schedule_once(run)
    assert (run.status, run.waiting_for) == (Status.FETCHING, "")
    assert upstream.paths() == [scripted_coralogix.STATUS]


def test_a_poll_takes_no_place_in_the_rate_limit(running, schedule_once):
    unblock()
    schedule_once(running)
    assert [bucket.taken for bucket in RateBucket.objects.all()] == [[]]


def test_a_cancel_waits_too(running, schedule_once, upstream):
    cancel_run(running)
    run = schedule_once(running)
    assert is_waiting(run)
    assert upstream.paths() == []
    unblock()
    assert schedule_once(run).cancel_sent_at
    assert upstream.paths() == [scripted_coralogix.CANCEL]


def test_a_fetch_waits_and_is_no_try(ready, upstream):
    assert fetch(str(ready.pk)) == "later"
    ready.refresh_from_db()
    assert is_waiting(ready)
    assert (ready.claims, ready.lease_token) == (0, None)
    assert upstream.paths() == []
    assert queued_args(queue.FETCH) == [(str(ready.pk),)]
    unblock()
    assert fetch(str(ready.pk)) == "settled"
    ready.refresh_from_db()
    assert (ready.status, ready.waiting_for) == (Status.SUCCEEDED, "")


def test_a_fetch_whose_time_is_over_does_not_wait(ready):
    Run.objects.filter(pk=ready.pk).update(gives_up_at=timezone.now())
    assert fetch(str(ready.pk)) == "settled"
    ready.refresh_from_db()
    assert ready.error["code"] == "too_long"
