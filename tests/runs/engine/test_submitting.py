"""Submit: the one step that cannot always be repeated."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from queries.models import Connection, RateBucket, Run, Status
from queries.providers.base import Submitted
from queries.providers.coralogix.provider import Coralogix
from queries.runs.engine import orphan_jobs, scheduler, submitting
from queries.runs.services import RunRequest, delete_run, start_run
from tests.all_providers import connection_to
from tests.running_product import wait_until
from tests.runs.engine import scripted_coralogix

pytestmark = pytest.mark.django_db


def test_a_job_is_submitted_once_and_its_id_is_kept(
    background_run, schedule_once, upstream
):
    run = schedule_once(background_run)
    assert (run.status, run.job_id, run.submits) == (Status.RUNNING, "job-1", 1)
    assert run.submitting_since is None
    assert upstream.paths() == [scripted_coralogix.SUBMIT]


def test_the_absolute_range_of_the_run_is_what_is_sent(
    background_run, schedule_once, upstream
):
    schedule_once(background_run)
    sent = upstream.requests[0].json()
    assert sent["startDate"].startswith(
        background_run.starts_at.strftime("%Y-%m-%dT%H:%M:%S")
    )
    assert sent["endDate"].startswith(
        background_run.ends_at.strftime("%Y-%m-%dT%H:%M:%S")
    )


def test_the_submit_is_written_down_before_the_request_leaves(
    background_run, schedule_once, upstream, monkeypatch
):
    seen = []
    commit = scheduler.commit

    def watching(run, **changes):
        seen.append(("submitting_since" in changes, len(upstream.requests)))
        return commit(run, **changes)

    monkeypatch.setattr(scheduler, "commit", watching)
    schedule_once(background_run)
    assert seen[0] == (True, 0)


def test_warnings_of_the_submit_are_kept(background_run, schedule_once, upstream):
    warning = {"compileWarning": {"warningMessage": "keypath does not exist"}}
    upstream.on(
        scripted_coralogix.SUBMIT, scripted_coralogix.job_submitted(warnings=[warning])
    )
    (kept,) = schedule_once(background_run).warnings
    assert "keypath does not exist" in kept["message"]
    assert kept["cuts_result"] is False


def test_a_refused_statement_fails_the_run_in_words(
    background_run, schedule_once, upstream
):
    upstream.on(
        scripted_coralogix.SUBMIT,
        scripted_coralogix.json_reply({"message": "unexpected token"}, 400),
    )
    run = schedule_once(background_run)
    assert run.status == Status.FAILED
    assert run.error["code"] == "query"
    assert "unexpected token" in run.error["message"]
    assert run.finished_at
    assert run.next_at is None


def test_a_refused_key_marks_its_connection(
    background_run, schedule_once, upstream, connection
):
    upstream.on(scripted_coralogix.SUBMIT, scripted_coralogix.Reply(401))
    assert schedule_once(background_run).error["code"] == "authentication"
    connection.refresh_from_db()
    assert connection.test_ok is False


def test_a_submit_that_was_certainly_not_taken_does_not_count(
    background_run, schedule_once, upstream
):
    upstream.on(
        scripted_coralogix.SUBMIT,
        scripted_coralogix.too_many_requests(),
        scripted_coralogix.job_submitted(),
    )
    run = schedule_once(background_run)
    assert (run.status, run.submits, run.failures) == (Status.QUEUED, 0, 1)
    assert run.submitting_since is None
    assert run.waiting_for
    RateBucket.objects.update(blocked_until=None)
    run = schedule_once(run)
    assert (run.status, run.submits, run.failures) == (Status.RUNNING, 1, 0)
    assert run.waiting_for == ""


def test_too_many_requests_are_told_and_keep_everybody_away(
    background_run, schedule_once, upstream, make_request
):
    upstream.on(
        scripted_coralogix.SUBMIT,
        scripted_coralogix.too_many_requests(30),
        scripted_coralogix.job_submitted(),
    )
    run = schedule_once(background_run)
    assert "too many requests" in run.notes[0]
    run = schedule_once(run)
    assert run.status == Status.QUEUED
    assert run.waiting_until > timezone.now()
    assert upstream.paths() == [scripted_coralogix.SUBMIT]


def test_a_submit_without_an_answer_is_repeated_and_the_run_says_so(
    background_run, schedule_once, upstream
):
    upstream.on(
        scripted_coralogix.SUBMIT,
        scripted_coralogix.CONNECTION_CLOSED,
        scripted_coralogix.job_submitted("job-2"),
    )
    run = schedule_once(background_run)
    assert (run.status, run.submits) == (Status.QUEUED, 1)
    assert run.submitting_since
    assert run.notes == []
    run = schedule_once(run)
    assert (run.status, run.job_id, run.submits) == (Status.RUNNING, "job-2", 2)
    assert run.notes[0].startswith("Submitted twice:")


def test_a_submit_that_never_gets_an_answer_ends_after_three_times(
    background_run, schedule_once, upstream
):
    upstream.on(scripted_coralogix.SUBMIT, scripted_coralogix.CONNECTION_CLOSED)
    for _ in range(3):
        run = schedule_once(background_run)
    assert run.status == Status.FAILED
    assert run.error["code"] == "submit_unknown"
    assert upstream.paths() == [scripted_coralogix.SUBMIT] * 3
    assert any("three times" in note for note in run.notes)


def test_a_worker_that_died_while_submitting_is_recovered(
    background_run, schedule_once, upstream
):
    Run.objects.filter(pk=background_run.pk).update(
        submitting_since=timezone.now(), submits=1
    )
    run = schedule_once(background_run)
    assert (run.status, run.submits) == (Status.RUNNING, 2)
    assert run.notes[0].startswith("Submitted twice:")


def test_three_deaths_while_submitting_are_enough(
    background_run, schedule_once, upstream
):
    Run.objects.filter(pk=background_run.pk).update(
        submitting_since=timezone.now(), submits=3
    )
    run = schedule_once(background_run)
    assert run.error["code"] == "submit_unknown"
    assert upstream.paths() == []


def test_a_provider_that_knows_repeats_is_asked_again_without_a_word(
    background_run, monkeypatch
):
    can = type(Coralogix.capabilities)(background=True, idempotent_submit=True)
    monkeypatch.setattr(Coralogix, "capabilities", can)
    background_run.submitting_since, background_run.submits = timezone.now(), 1
    assert "notes" not in submitting.submit_values(background_run)


def test_where_a_repeat_is_harmless_it_is_repeated_for_a_quarter_of_an_hour(
    background_run, schedule_once, upstream, monkeypatch
):
    can = type(Coralogix.capabilities)(background=True, idempotent_submit=True)
    monkeypatch.setattr(Coralogix, "capabilities", can)
    upstream.on(
        scripted_coralogix.SUBMIT,
        *[scripted_coralogix.CONNECTION_CLOSED] * 12,
        scripted_coralogix.job_submitted("job-13"),
    )
    for _ in range(13):
        run = schedule_once(background_run)
    assert (run.status, run.job_id, run.submits) == (Status.RUNNING, "job-13", 13)
    assert run.notes == []


def test_a_repeat_that_meets_its_first_attempt_says_what_it_waits_for(
    user, upstream, schedule_once
):
    connection = connection_to("polytomic", upstream.origin, owner=user)
    upstream.on(
        "*", scripted_coralogix.json_reply({"key": "idempotency_conflict"}, 409)
    )
    request = RunRequest(
        owner=user,
        connection=connection,
        statement="SELECT 1",
        mode="background",
        settings={"connection_id": "248df4b7-aa70-47b8-a036-33ac447e668d"},
        time_range="none",
    )
    run = schedule_once(start_run(request))
    assert run.status == Status.QUEUED
    assert "earlier attempt" in run.waiting_for
    assert run.waiting_until - timezone.now() > timedelta(seconds=25)


def test_an_answer_that_makes_no_sense_ends_the_run_and_says_what_may_be(
    background_run, schedule_once, upstream
):
    upstream.on(scripted_coralogix.SUBMIT, scripted_coralogix.json_reply({"hello": 1}))
    run = schedule_once(background_run)
    assert run.error["code"] == "unexpected_response"
    assert "may have taken the query" in run.notes[0]


def test_a_run_whose_connection_is_gone_fails_in_words(
    background_run, schedule_once, upstream
):
    Connection.objects.all().delete()
    run = schedule_once(background_run)
    assert run.error["code"] == "connection_gone"
    assert upstream.paths() == []


def test_an_owner_who_may_no_longer_use_the_connection_is_refused(
    background_run, schedule_once, upstream, django_user_model
):
    stranger = django_user_model.objects.create_user("stranger@example.com")
    Connection.objects.update(owner=stranger)
    assert schedule_once(background_run).error["code"] == "access_lost"
    assert upstream.paths() == []


def test_a_closed_account_runs_nothing_more(background_run, schedule_once, upstream):
    type(background_run.owner).objects.filter(pk=background_run.owner_id).update(
        is_active=False
    )
    assert schedule_once(background_run).error["code"] == "access_lost"


def test_a_key_that_cannot_be_opened_is_said_in_words(
    background_run, schedule_once, settings, upstream
):
    from cryptography.fernet import Fernet

    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    run = schedule_once(background_run)
    assert run.error["code"] == "key_unreadable"
    assert upstream.paths() == []


@pytest.mark.django_db(transaction=True)
def test_a_job_made_for_a_run_that_was_deleted_meanwhile_is_cancelled(
    background_run, upstream
):
    def deleted_meanwhile(_request):
        delete_run(Run.objects.get(pk=background_run.pk))
        connections.close_all()
        return scripted_coralogix.job_submitted("job-7")

    upstream.on(scripted_coralogix.SUBMIT, deleted_meanwhile)
    Run.objects.filter(pk=background_run.pk).update(next_at=background_run.created_at)
    scheduler.run_scheduler(run_seconds=0.01, idle_seconds=0)
    assert not Run.objects.exists()
    wait_until(lambda: scripted_coralogix.CANCEL in upstream.paths())
    assert upstream.requests[-1].json() == {"queryId": "job-7"}


@pytest.mark.parametrize("still", [{"status": Status.RUNNING}, {"job_id": "job-7"}])
def test_a_job_that_somebody_else_goes_on_with_is_left_alone(
    background_run, monkeypatch, still
):
    """The lease was lost, and whoever has it sent the same submit again."""
    told = []
    monkeypatch.setattr(
        orphan_jobs, "cancel_job_in_background", lambda *_args: told.append(1)
    )
    late = submitting.on_success(background_run, Submitted("job-7"))
    ended = {"status": Status.SUCCEEDED, "lease_token": background_run.pk}
    Run.objects.filter(pk=background_run.pk).update(**(ended | still))
    assert scheduler.commit_outcome(background_run, late) is False
    assert told == []


def test_without_its_connection_a_job_cannot_be_disowned(background_run, monkeypatch):
    told = []
    monkeypatch.setattr(
        orphan_jobs, "cancel_job_in_background", lambda *_args: told.append(1)
    )
    late = submitting.on_success(background_run, Submitted("job-7"))
    delete_run(Run.objects.get(pk=background_run.pk))
    Connection.objects.all().delete()
    assert scheduler.commit_outcome(background_run, late) is False
    assert told == []
