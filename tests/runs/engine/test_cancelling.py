"""Cancelling a background run: asked here, asked there, confirmed by the provider, or not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from queries.models import Connection, Run, Status
from queries.providers.base import Capabilities
from queries.providers.coralogix.provider import Coralogix
from queries.runs.engine import scheduler
from queries.runs.services import cancel_run
from tests.runs.engine import scripted_coralogix

pytestmark = pytest.mark.django_db


@pytest.fixture
def cancelling(background_run, upstream):
    """A run whose job runs, and that somebody asked to cancel."""
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.RUNNING)
    Run.objects.filter(pk=background_run.pk).update(
        status=Status.RUNNING, job_id="job-1", submitted_at=timezone.now()
    )
    background_run.refresh_from_db()
    cancel_run(background_run)
    return background_run


def test_a_run_nobody_has_begun_ends_at_once(background_run, upstream):
    cancel_run(background_run)
    assert background_run.status == Status.CANCELLED
    assert background_run.cancel_asked_at
    assert upstream.paths() == []


@pytest.mark.parametrize(
    "answer",
    [scripted_coralogix.job_submitted(), scripted_coralogix.too_many_requests(600)],
)
@pytest.mark.django_db(transaction=True)
def test_a_cancel_during_a_call_is_heeded_right_after_it(
    background_run, upstream, answer
):
    """Neither the next look nor a long pause the provider asked for comes before it."""

    def asked_meanwhile(_request):
        cancel_run(Run.objects.get(pk=background_run.pk))
        connections.close_all()
        return answer

    upstream.on(scripted_coralogix.SUBMIT, asked_meanwhile)
    Run.objects.filter(pk=background_run.pk).update(next_at=background_run.created_at)
    scheduler.run_scheduler(run_seconds=0.01, idle_seconds=0)
    background_run.refresh_from_db()
    assert background_run.cancel_asked_at
    assert background_run.next_at <= timezone.now()


def test_asking_does_not_end_a_run_whose_job_runs(cancelling):
    assert cancelling.status == Status.RUNNING
    assert cancelling.cancel_asked_at
    assert cancelling.next_at <= timezone.now()


def test_the_provider_is_asked_once_and_its_confirmation_awaited(
    cancelling, schedule_once, upstream
):
    run = schedule_once(cancelling)
    assert run.status == Status.RUNNING
    assert run.cancel_sent_at
    run = schedule_once(run)
    assert run.status == Status.RUNNING
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.CANCELLED)
    run = schedule_once(run)
    assert run.status == Status.CANCELLED
    assert run.cancel_confirmed_at
    assert upstream.paths() == [
        scripted_coralogix.CANCEL,
        scripted_coralogix.STATUS,
        scripted_coralogix.STATUS,
    ]


def test_a_provider_that_does_not_confirm_is_not_watched_for_ever(
    cancelling, schedule_once
):
    run = schedule_once(cancelling)
    Run.objects.filter(pk=run.pk).update(
        cancel_sent_at=timezone.now() - timedelta(seconds=31)
    )
    run = schedule_once(run)
    assert run.status == Status.CANCELLED
    assert run.cancel_confirmed_at is None
    assert "did not confirm" in run.notes[0]


def test_a_late_success_cannot_revive_a_cancelled_run(
    cancelling, schedule_once, upstream
):
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.SUCCESS)
    run = schedule_once(schedule_once(cancelling))
    assert run.status == Status.CANCELLED
    assert "already ended" in run.notes[0]
    assert scripted_coralogix.DATA not in upstream.paths()


def test_a_job_that_failed_first_is_told(cancelling, schedule_once, upstream):
    upstream.on(
        scripted_coralogix.STATUS, scripted_coralogix.job_failed("disk on fire")
    )
    run = schedule_once(schedule_once(cancelling))
    assert run.status == Status.CANCELLED
    assert "disk on fire" in run.notes[0]


def test_a_job_that_is_gone_after_the_cancel_counts_as_cancelled(
    cancelling, schedule_once, upstream
):
    run = schedule_once(cancelling)
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.NOT_FOUND)
    run = schedule_once(run)
    assert run.status == Status.CANCELLED
    assert run.cancel_confirmed_at


def test_a_job_unknown_at_the_cancel_is_gone(cancelling, schedule_once, upstream):
    upstream.on(scripted_coralogix.CANCEL, scripted_coralogix.NOT_FOUND)
    run = schedule_once(cancelling)
    assert (run.status, bool(run.cancel_confirmed_at)) == (Status.CANCELLED, True)


def test_a_cancel_that_comes_too_late_is_settled_by_the_status(
    cancelling, schedule_once, upstream
):
    upstream.on(scripted_coralogix.CANCEL, scripted_coralogix.Reply(409))
    upstream.on(scripted_coralogix.STATUS, scripted_coralogix.SUCCESS)
    run = schedule_once(schedule_once(cancelling))
    assert run.status == Status.CANCELLED
    assert "already ended" in run.notes[0]


def test_a_refused_cancel_is_told_and_ends_the_watch(
    cancelling, schedule_once, upstream
):
    upstream.on(scripted_coralogix.CANCEL, scripted_coralogix.Reply(403))
    run = schedule_once(cancelling)
    assert run.status == Status.CANCELLED
    assert "did not accept the cancel" in run.notes[0]


def test_a_cancel_is_sent_again_while_the_provider_is_away(
    cancelling, schedule_once, upstream
):
    upstream.on(
        scripted_coralogix.CANCEL,
        scripted_coralogix.UNAVAILABLE,
        scripted_coralogix.EMPTY_JSON,
    )
    run = schedule_once(cancelling)
    assert (run.cancel_sent_at, run.failures) == (None, 1)
    assert schedule_once(run).cancel_sent_at


def test_a_provider_that_stays_away_ends_the_watch(cancelling, schedule_once, upstream):
    upstream.on(scripted_coralogix.CANCEL, scripted_coralogix.UNAVAILABLE)
    run = cancelling
    for _ in range(5):
        run = schedule_once(run)
    assert run.status == Status.CANCELLED
    assert "may still be running" in run.notes[0]


def test_a_provider_that_cannot_cancel_is_just_not_watched_any_more(
    cancelling, schedule_once, monkeypatch, upstream
):
    monkeypatch.setattr(Coralogix, "capabilities", Capabilities(background=True))
    run = schedule_once(cancelling)
    assert run.status == Status.CANCELLED
    assert "cannot cancel" in run.notes[0]
    assert upstream.paths() == []


def test_without_its_connection_a_job_cannot_be_cancelled_there(
    cancelling, schedule_once
):
    Connection.objects.all().delete()
    run = schedule_once(cancelling)
    assert run.status == Status.CANCELLED
    assert "did not confirm" in run.notes[0]


def test_a_cancel_during_an_unanswered_submit_says_what_may_be(
    background_run, schedule_once, upstream
):
    Run.objects.filter(pk=background_run.pk).update(
        submitting_since=timezone.now(), submits=1
    )
    cancel_run(background_run)
    assert background_run.status == Status.QUEUED
    run = schedule_once(background_run)
    assert run.status == Status.CANCELLED
    assert "while the query was being submitted" in run.notes[0]
    assert upstream.paths() == []


def test_cancelling_twice_is_asking_once(cancelling):
    asked = cancelling.cancel_asked_at
    cancel_run(cancelling)
    assert cancelling.cancel_asked_at == asked


def test_an_ended_run_cannot_be_cancelled(background_run):
    Run.objects.filter(pk=background_run.pk).update(status=Status.SUCCEEDED)
    cancel_run(background_run)
    assert background_run.status == Status.SUCCEEDED
    assert background_run.cancel_asked_at is None
