"""Direct runs: in the web process, on a bounded pool."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from queries.models import Connection, Run, Status
from queries.providers.base import RateLimit
from queries.providers.coralogix.provider import Coralogix
from queries.runs.engine import executor, rate_waits
from queries.runs.engine.lease_keeper import LeasedRun, lease_keeper
from queries.runs.services import cancel_run, delete_run, start_run, wait_for
from tests.factories import ConnectionFactory
from tests.runs.engine import scripted_coralogix
from tests.runs.engine.published_rows import column_values
from tests.scripted_server import CUT

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 15


@pytest.fixture
def slow(upstream):
    """An upstream that sends 600 rows and then nothing more until told; gives (rows sent, go on)."""
    sent, go_on = threading.Event(), threading.Event()
    first, rest = scripted_coralogix.ndjson_reply(
        {"queryId": {"queryId": "q-7"}}, scripted_coralogix.batch(0, 600)
    ).parts
    end = scripted_coralogix.ndjson_reply(
        scripted_coralogix.batch(600, 1), scripted_coralogix.COMPLETED
    ).parts

    def parts():
        yield from (first, rest)
        sent.set()
        go_on.wait(LONG)
        yield from end

    upstream.on(
        scripted_coralogix.QUERY,
        lambda _request: scripted_coralogix.Reply(parts=parts()),
    )
    yield sent, go_on
    go_on.set()


def until(condition, seconds=LONG):
    """Wait for something that happens in another thread; fails if it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def refreshed(run):
    return Run.objects.get(pk=run.pk)


def test_a_quick_answer_is_there_after_a_short_wait(make_request):
    run = wait_for(start_run(make_request()), LONG)
    assert run.status == Status.SUCCEEDED
    assert run.query_id == "q-1"
    assert column_values(run) == [0, 1, 2]
    assert run.result.complete
    assert run.started_at
    assert run.finished_at


def test_waiting_is_bounded_and_rows_show_as_they_arrive(make_request, slow):
    sent, go_on = slow
    run = start_run(make_request())
    assert sent.wait(LONG)
    began = time.monotonic()
    run = wait_for(run, 0.1)
    assert time.monotonic() - began < 5
    assert run.is_active
    until(lambda: refreshed(run).rows_received >= 500)
    assert refreshed(run).status == Status.FETCHING
    assert refreshed(run).query_id == "q-7"
    go_on.set()
    run = wait_for(run, LONG)
    assert (run.status, run.result.row_count) == (Status.SUCCEEDED, 601)


def test_a_run_of_another_process_is_not_waited_for(make_request):
    run = start_run(make_request())
    executor.direct_executor.wait(run.pk, LONG)
    Run.objects.filter(pk=run.pk).update(status=Status.RUNNING)
    began = time.monotonic()
    assert wait_for(run, 5).status == Status.RUNNING
    assert time.monotonic() - began < 1


def test_a_cut_stream_keeps_the_rows_received(make_request, upstream):
    lines = scripted_coralogix.ndjson_reply(
        {"queryId": {"queryId": "q"}}, scripted_coralogix.batch(0, 5)
    ).parts
    upstream.on(scripted_coralogix.QUERY, scripted_coralogix.Reply(parts=[*lines, CUT]))
    run = wait_for(start_run(make_request()), LONG)
    assert (run.status, run.error["code"]) == (Status.FAILED, "truncated")
    assert run.result.row_count == 5
    assert run.result.cuts[0]["code"] == "truncated"


def test_an_error_in_the_stream_keeps_the_rows_before_it(make_request, upstream):
    upstream.on(
        scripted_coralogix.QUERY,
        scripted_coralogix.rows(5, {"error": {"message": "out of memory"}}),
    )
    run = wait_for(start_run(make_request()), LONG)
    assert (run.status, run.result.row_count) == (Status.FAILED, 5)
    assert "out of memory" in run.error["message"]


def test_closing_statistics_that_say_failed_fail_the_run(make_request, upstream):
    upstream.on(
        scripted_coralogix.QUERY,
        scripted_coralogix.rows(2, {"statistics": {"status": "FAILED"}}),
    )
    run = wait_for(start_run(make_request()), LONG)
    assert (run.status, run.error["code"]) == (Status.FAILED, "query_incomplete")
    assert not run.result.complete


def test_the_effective_range_is_kept(make_request, upstream):
    dates = {"startDate": "2026-11-01T00:00:00Z", "endDate": "2026-11-02T00:00:00Z"}
    warning = {
        "warning": {"timeRangeWarning": {"warningMessage": "shortened", **dates}}
    }
    upstream.on(
        scripted_coralogix.QUERY,
        scripted_coralogix.rows(2, warning, scripted_coralogix.COMPLETED),
    )
    run = wait_for(start_run(make_request()), LONG)
    assert (run.effective_start.day, run.effective_end.day) == (1, 2)
    assert not run.result.complete


def test_too_many_requests_are_waited_out_and_told(make_request, upstream):
    upstream.on(
        scripted_coralogix.QUERY,
        scripted_coralogix.too_many_requests(),
        scripted_coralogix.rows(3, scripted_coralogix.COMPLETED),
    )
    run = wait_for(start_run(make_request()), LONG)
    assert run.status == Status.SUCCEEDED
    assert any("too many requests" in note for note in run.notes)


def test_too_many_requests_in_the_stream_are_waited_out_too(make_request, upstream):
    limited = {"error": {"message": "slow down", "code": {"rateLimitReached": {}}}}
    upstream.on(
        scripted_coralogix.QUERY,
        scripted_coralogix.ndjson_reply({"queryId": {"queryId": "q"}}, limited),
        scripted_coralogix.rows(3, scripted_coralogix.COMPLETED),
    )
    run = wait_for(start_run(make_request()), LONG)
    assert (run.status, run.result.row_count) == (Status.SUCCEEDED, 3)
    assert run.result_sets.count() == 1


def test_endless_refusal_ends_in_words(make_request, upstream, monkeypatch):
    monkeypatch.setattr(executor, "MAX_RATE_LIMIT_RETRIES", 2)
    upstream.on(scripted_coralogix.QUERY, scripted_coralogix.too_many_requests())
    run = wait_for(start_run(make_request()), LONG)
    assert (run.status, run.error["code"]) == (Status.FAILED, "rate_limited")
    assert len(upstream.requests) == 3


def test_the_wait_for_a_turn_is_shown_and_can_be_cancelled(
    make_request, upstream, monkeypatch
):
    monkeypatch.setattr(Coralogix, "rate_limit", RateLimit(calls=1, seconds=3600))
    wait_for(start_run(make_request()), LONG)
    run = start_run(make_request())
    until(lambda: refreshed(run).waiting_for == rate_waits.WAITING_FOR_RATE_LIMIT)
    assert refreshed(run).waiting_until > timezone.now() + timedelta(minutes=50)
    cancel_run(run)
    run = wait_for(run, LONG)
    assert (run.status, run.waiting_for) == (Status.CANCELLED, "")
    assert run.notes == []
    assert len(upstream.requests) == 1


def test_a_turn_that_becomes_free_is_taken(make_request, upstream, monkeypatch):
    monkeypatch.setattr(rate_waits, "MAX_SLEEP_SECONDS", 0.05)
    monkeypatch.setattr("queries.connections.rate_limit.WINDOW_MARGIN_SECONDS", 0.0)
    monkeypatch.setattr(Coralogix, "rate_limit", RateLimit(calls=1, seconds=0.3))
    runs = [start_run(make_request()) for _ in range(3)]
    assert [wait_for(run, LONG).status for run in runs] == [Status.SUCCEEDED] * 3


def test_cancelling_hangs_up_and_keeps_the_rows(make_request, slow):
    sent, _go_on = slow
    run = start_run(make_request())
    assert sent.wait(LONG)
    until(lambda: refreshed(run).rows_received)
    cancel_run(run)
    run = wait_for(run, LONG)
    assert run.status == Status.CANCELLED
    assert run.result.row_count == 600
    assert run.result.cuts[0]["code"] == "cancelled"
    assert run.error is None
    assert run.notes == [
        "Cancelled by closing the connection; the provider does not confirm that."
    ]


def test_a_cancel_from_another_process_is_seen(make_request, slow):
    sent, _go_on = slow
    run = start_run(make_request())
    assert sent.wait(LONG)
    Run.objects.filter(pk=run.pk).update(cancel_asked_at=timezone.now())
    assert wait_for(run, LONG).status == Status.CANCELLED


def test_a_run_deleted_in_another_process_is_let_go(
    make_request, slow, data_dir, monkeypatch
):
    monkeypatch.setattr(executor.direct_executor, "cancel", lambda _pk: None)
    sent, _go_on = slow
    run = start_run(make_request())
    assert sent.wait(LONG)
    pk = run.pk
    delete_run(run)
    assert executor.direct_executor.wait(pk, LONG)
    assert [path for path in data_dir.rglob("*") if path.is_file()] == []


def test_a_run_beyond_the_time_limit_ends_in_words(make_request, slow, settings):
    settings.DIRECT_SECONDS = 0.1
    run = wait_for(start_run(make_request()), LONG)
    assert (run.status, run.error["code"]) == (Status.FAILED, "too_long")
    assert "the most we wait" in run.error["message"]


def test_runs_beyond_the_pool_wait_and_say_so(make_request, slow, settings):
    settings.DIRECT_RUNS = 1
    sent, go_on = slow
    first = start_run(make_request())
    assert sent.wait(LONG)
    second, third = start_run(make_request()), start_run(make_request())
    second.refresh_from_db()
    assert second.status == Status.QUEUED
    assert (
        second.waiting_for == "a free slot: this server runs 1 direct queries at once"
    )
    cancel_run(third)
    assert third.status == Status.CANCELLED
    go_on.set()
    assert wait_for(first, LONG).status == Status.SUCCEEDED
    second = wait_for(second, LONG)
    assert (second.status, second.waiting_for) == (Status.SUCCEEDED, "")
    assert refreshed(third).status == Status.CANCELLED


def test_one_person_leaves_half_of_the_places_to_others(
    make_request, slow, settings, connection
):
    settings.DIRECT_RUNS = 2
    sent, go_on = slow
    first = start_run(make_request())
    assert sent.wait(LONG)
    mine = [start_run(make_request()) for _ in range(2)]
    for run in mine:
        assert refreshed(run).waiting_for == (
            "one of yours to end: of the 2 direct queries at once, a person has 1"
        )
    theirs = ConnectionFactory(origin=connection.origin)
    other = start_run(make_request(owner=theirs.owner, connection=theirs))
    until(lambda: refreshed(other).rows_received)
    assert {refreshed(run).status for run in mine} == {Status.QUEUED}
    crowd = start_run(make_request())
    assert refreshed(crowd).waiting_for.startswith("a free slot")
    go_on.set()
    ended = [wait_for(run, LONG).status for run in (first, *mine, other, crowd)]
    assert ended == [Status.SUCCEEDED] * 5
    began = [refreshed(run).started_at for run in (first, *mine, crowd)]
    assert began == sorted(began)


def test_a_web_process_that_ends_ends_its_runs_in_words(make_request, slow, settings):
    settings.DIRECT_RUNS = 1
    sent, _go_on = slow
    running, waiting = start_run(make_request()), start_run(make_request())
    assert sent.wait(LONG)
    until(lambda: refreshed(running).rows_received)
    executor.direct_executor.stop()
    for run in (refreshed(running), refreshed(waiting)):
        assert (run.status, run.error["code"]) == (Status.FAILED, "interrupted")
    assert refreshed(running).result.row_count == 600


def test_the_lease_is_kept_while_the_provider_is_silent(
    make_request, slow, monkeypatch
):
    monkeypatch.setattr("queries.runs.engine.lease_keeper.RENEW_INTERVAL", 0.0)
    sent, _go_on = slow
    run = start_run(make_request())
    assert sent.wait(LONG)
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now())
    until(lambda: refreshed(run).lease_until > timezone.now() + timedelta(seconds=20))


def test_a_run_taken_over_by_the_sweep_is_let_go(make_request, slow, monkeypatch):
    monkeypatch.setattr("queries.runs.engine.lease_keeper.RENEW_INTERVAL", 0.0)
    sent, _go_on = slow
    run = start_run(make_request())
    assert sent.wait(LONG)
    Run.objects.filter(pk=run.pk).update(lease_token=run.pk)
    assert executor.direct_executor.wait(run.pk, LONG)
    run = refreshed(run)
    assert run.is_active
    assert run.lease_token == run.pk


def test_a_run_lost_before_its_first_row_leaves_nothing(
    make_request, upstream, monkeypatch
):
    asked = threading.Event()

    def silent(_request):
        first = scripted_coralogix.ndjson_reply({"queryId": {"queryId": "q"}}).parts
        return scripted_coralogix.Reply(parts=[*first, asked.set, upstream.closed.wait])

    upstream.on(scripted_coralogix.QUERY, silent)
    monkeypatch.setattr("queries.runs.engine.lease_keeper.RENEW_INTERVAL", 0.0)
    run = start_run(make_request())
    assert asked.wait(LONG)
    Run.objects.filter(pk=run.pk).update(lease_token=run.pk)
    assert executor.direct_executor.wait(run.pk, LONG)
    assert refreshed(run).is_active
    assert run.result_sets.count() == 0


def test_a_run_lost_while_it_waits_for_its_turn_is_left_alone(
    make_request, upstream, monkeypatch
):
    monkeypatch.setattr("queries.runs.engine.lease_keeper.RENEW_INTERVAL", 0.0)
    monkeypatch.setattr(Coralogix, "rate_limit", RateLimit(calls=1, seconds=3600))
    wait_for(start_run(make_request()), LONG)
    run = start_run(make_request())
    until(lambda: refreshed(run).waiting_for == rate_waits.WAITING_FOR_RATE_LIMIT)
    Run.objects.filter(pk=run.pk).update(lease_token=run.pk)
    assert executor.direct_executor.wait(run.pk, LONG)
    assert refreshed(run).status == Status.RUNNING


def test_waiting_as_the_provider_asked_can_be_cancelled(make_request, upstream):
    upstream.on(scripted_coralogix.QUERY, scripted_coralogix.too_many_requests(600))
    run = start_run(make_request())
    until(lambda: refreshed(run).waiting_for == rate_waits.WAITING_FOR_RETRY_AFTER)
    cancel_run(run)
    assert wait_for(run, LONG).status == Status.CANCELLED
    assert len(upstream.requests) == 1


def crash(_one):
    raise ZeroDivisionError


def test_a_mistake_of_ours_ends_the_run_at_once_and_says_so(
    make_request, monkeypatch, caplog
):
    monkeypatch.setattr(executor, "execute_run", crash)
    run = wait_for(start_run(make_request()), LONG)
    assert (run.status, run.error["code"]) == (Status.FAILED, "internal")
    until(lambda: "direct_run_crashed" in caplog.text)


def test_a_mistake_of_ours_keeps_the_rows_that_arrived(
    make_request, upstream, monkeypatch
):
    def broken(_one, _received):
        raise ZeroDivisionError

    monkeypatch.setattr(executor, "finalize_run", broken)
    run = wait_for(start_run(make_request()), LONG)
    assert (run.error["code"], run.result.row_count) == ("internal", 3)
    assert run.result.cuts[0]["code"] == "internal"
    assert not run.result.complete


def test_a_crash_that_cannot_be_written_down_is_left_to_the_sweep(
    make_request, monkeypatch, caplog
):
    def away(*_args):
        raise DatabaseError

    monkeypatch.setattr(executor, "execute_run", crash)
    monkeypatch.setattr(executor, "finish_incomplete_run", away)
    run = wait_for(start_run(make_request()), LONG)
    until(lambda: lease_keeper.is_idle)
    assert run.status == Status.QUEUED
    assert "crashed_run_left" in caplog.text


def test_without_its_connection_nothing_is_called(make_request, upstream):
    run = Run(owner=make_request().owner, provider="coralogix", statement="x")
    executor.assign_lease(run)
    run.save()
    with lease_keeper.tracking(LeasedRun(run)) as one:
        executor.execute_run(one)
    assert refreshed(run).error["code"] == "connection_gone"
    assert Connection.objects.exists()
    assert upstream.paths() == []
