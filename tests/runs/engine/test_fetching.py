"""Fetching the rows of a job that succeeded, whatever comes between."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from queries import stored_results
from queries.models import Connection, Export, RateBucket, ResultSet, Run, Status
from queries.results import ResultsDamagedError
from queries.runs.engine import (
    executor,
    fetching,
    lease_keeper,
    receiver,
    worker_limits,
)
from queries.runs.engine.fetching import fetch
from queries.runs.services import cancel_run, delete_run
from tests.factories import ExportFactory
from tests.runs.engine import scripted_coralogix
from tests.runs.engine.published_rows import column_values
from tests.runs.engine.queued_tasks import queued_args
from tests.scripted_server import CUT

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ready(background_run):
    """A run whose job has succeeded."""
    Run.objects.filter(pk=background_run.pk).update(
        status=Status.FETCHING, job_id="job-1"
    )
    background_run.refresh_from_db()
    return background_run


def test_the_rows_are_stored_and_published_whole(ready):
    assert fetch(str(ready.pk)) == "settled"
    ready.refresh_from_db()
    assert ready.status == Status.SUCCEEDED
    assert ready.result.row_count == ready.rows_received == 3
    assert ready.result.complete
    assert ready.result.cuts == []
    assert ready.bytes_received > 0
    assert ready.expires_at > timezone.now()
    assert ready.lease_token is None


def test_many_parts_become_one_file(ready, upstream):
    upstream.on(
        scripted_coralogix.DATA,
        scripted_coralogix.ndjson_reply(
            *(scripted_coralogix.data_batch(n * 500, 500) for n in range(5)),
            scripted_coralogix.COMPLETED,
        ),
    )
    fetch(str(ready.pk))
    ready.refresh_from_db()
    assert ready.result.row_count == 2_500
    assert ready.result.parts.count() == 1
    assert ready.result.parts.get().rows == 2_500


def test_an_empty_answer_is_a_complete_result(ready, upstream):
    upstream.on(
        scripted_coralogix.DATA,
        scripted_coralogix.ndjson_reply(scripted_coralogix.COMPLETED),
    )
    fetch(str(ready.pk))
    ready.refresh_from_db()
    assert (ready.status, ready.result.row_count) == (Status.SUCCEEDED, 0)
    assert ready.result.complete


def test_only_one_fetches(ready):
    Run.objects.filter(pk=ready.pk).update(
        lease_token=ready.pk, lease_until=timezone.now() + timedelta(minutes=1)
    )
    assert fetch(str(ready.pk)) == "busy"


def test_only_runs_that_are_to_be_fetched_are(background_run):
    assert fetch(str(background_run.pk)) == "busy"


def test_a_truncated_stream_is_read_again_from_the_start(ready, upstream):
    half = scripted_coralogix.Reply(
        parts=[
            scripted_coralogix.ndjson_reply(scripted_coralogix.data_batch(0, 2)).parts[
                0
            ],
            CUT,
        ]
    )
    upstream.on(
        scripted_coralogix.DATA,
        half,
        scripted_coralogix.data(3, scripted_coralogix.COMPLETED),
    )
    assert fetch(str(ready.pk)) == "later"
    ready.refresh_from_db()
    assert (ready.status, ready.failures) == (Status.FETCHING, 1)
    assert ready.waiting_for
    assert queued_args(fetching.queue.FETCH)
    assert fetch(str(ready.pk)) == "settled"
    ready.refresh_from_db()
    assert column_values(ready) == [0, 1, 2]
    assert ResultSet.objects.count() == 1


def test_a_stream_that_is_always_cut_leaves_its_longest_attempt_readable(
    ready, upstream
):
    def cut_after(count):
        return scripted_coralogix.Reply(
            parts=[
                scripted_coralogix.ndjson_reply(
                    scripted_coralogix.data_batch(0, count)
                ).parts[0],
                CUT,
            ]
        )

    upstream.on(scripted_coralogix.DATA, cut_after(1), cut_after(7), cut_after(2))
    while fetch(str(ready.pk)) == "later":
        pass
    ready.refresh_from_db()
    assert (ready.status, ready.error["code"]) == (Status.FAILED, "truncated")
    assert ready.result.row_count == 7
    assert not ready.result.complete
    (cut,) = ready.result.cuts
    assert (cut["code"], cut["details"]) == ("truncated", {"rows": 7})
    assert ResultSet.objects.count() == 1
    assert [
        path.name for path in stored_results.result_dir(ready.result).parent.iterdir()
    ] == [str(ready.result.pk)]


def test_a_provider_that_is_down_for_a_moment_is_asked_again(ready, upstream):
    upstream.on(
        scripted_coralogix.DATA,
        scripted_coralogix.UNAVAILABLE,
        scripted_coralogix.too_many_requests(),
        scripted_coralogix.data(3, scripted_coralogix.COMPLETED),
    )
    said = []
    for _ in range(3):
        RateBucket.objects.update(blocked_until=None)
        said.append(fetch(str(ready.pk)))
    assert said == ["later", "later", "settled"]


def test_a_result_that_is_not_ready_yet_is_asked_for_again(ready, upstream):
    upstream.on(
        scripted_coralogix.DATA,
        scripted_coralogix.Reply(409, body=b"not completed"),
        scripted_coralogix.data(3, scripted_coralogix.COMPLETED),
    )
    assert [fetch(str(ready.pk)) for _ in range(2)] == ["later", "settled"]


def test_an_expired_result_fails_in_words(ready, upstream):
    upstream.on(scripted_coralogix.DATA, scripted_coralogix.NOT_FOUND)
    fetch(str(ready.pk))
    ready.refresh_from_db()
    assert (ready.status, ready.error["code"]) == (Status.FAILED, "results_expired")
    assert ready.result is None


def test_a_warning_that_cuts_makes_the_result_incomplete(ready, upstream):
    limit = {"warning": {"numberOfResultsLimitWarning": {"numberOfResultsLimit": 3}}}
    upstream.on(
        scripted_coralogix.DATA,
        scripted_coralogix.data(3, limit, scripted_coralogix.COMPLETED),
    )
    fetch(str(ready.pk))
    ready.refresh_from_db()
    assert ready.status == Status.SUCCEEDED
    assert not ready.result.complete
    (cut,) = ready.result.cuts
    assert set(cut) == {"code", "message", "remedy", "details"}
    assert cut["details"]["numberOfResultsLimit"] == 3


def test_a_warning_of_the_job_counts_for_its_rows_too(ready):
    warning = {
        "code": "x",
        "message": "m",
        "remedy": "",
        "cuts_result": True,
        "details": {},
    }
    Run.objects.filter(pk=ready.pk).update(warnings=[warning])
    fetch(str(ready.pk))
    ready.refresh_from_db()
    assert not ready.result.complete


def test_our_own_limit_of_rows_cuts_and_says_so(ready, upstream, settings):
    settings.MAX_ROWS = 2
    fetch(str(ready.pk))
    ready.refresh_from_db()
    assert (ready.status, ready.error) == (Status.SUCCEEDED, None)
    assert ready.result.row_count == 2
    assert ready.result.cuts[0]["code"] == "our_row_limit"
    assert "2 rows" in ready.result.cuts[0]["message"]


def test_our_own_limit_of_bytes_cuts_and_says_so(ready, upstream, settings):
    settings.MAX_BYTES = 2_000
    upstream.on(
        scripted_coralogix.DATA,
        scripted_coralogix.ndjson_reply(
            *(scripted_coralogix.data_batch(n, 1) for n in range(100))
        ),
    )
    fetch(str(ready.pk))
    ready.refresh_from_db()
    assert ready.status == Status.SUCCEEDED
    assert 0 < ready.result.row_count < 100
    assert ready.result.cuts[0]["code"] == "limit_exceeded"


def test_cancelling_stops_the_stream_and_keeps_its_rows(ready, upstream):
    arrived = threading.Event()
    first = scripted_coralogix.ndjson_reply(
        scripted_coralogix.data_batch(0, 600)
    ).parts[0]
    upstream.on(
        scripted_coralogix.DATA,
        scripted_coralogix.Reply(parts=[first, arrived.set, upstream.closed.wait]),
    )
    thread = threading.Thread(target=fetch_in_thread, args=(ready,))
    thread.start()
    assert arrived.wait(5)
    cancel_run(Run.objects.get(pk=ready.pk))
    thread.join(10)
    ready.refresh_from_db()
    assert ready.status == Status.CANCELLED
    assert ready.result.row_count == 600
    assert ready.result.cuts[0]["code"] == "cancelled"
    assert "already ended" in ready.notes[0]


def fetch_in_thread(run):
    from django.db import connection

    try:
        fetch(str(run.pk))
    finally:
        connection.close()


def test_a_waiting_fetch_is_cancelled_at_once(ready):
    cancel_run(ready)
    assert ready.status == Status.CANCELLED


def test_a_fetch_that_lost_its_lease_stops_and_leaves_nothing(
    ready, upstream, data_dir
):
    def steal():
        Run.objects.filter(pk=ready.pk).update(lease_token=ready.pk)

    lines = scripted_coralogix.ndjson_reply(
        scripted_coralogix.data_batch(0, 600),
        scripted_coralogix.data_batch(600, 600),
        scripted_coralogix.COMPLETED,
    ).parts
    upstream.on(scripted_coralogix.DATA, in_other_thread(lines, steal))
    assert fetch(str(ready.pk)) == "lost"
    ready.refresh_from_db()
    assert ready.status == Status.FETCHING
    assert ready.lease_token == ready.pk
    assert ResultSet.objects.count() == 0
    assert [path for path in data_dir.rglob("*") if path.is_file()] == []


def in_other_thread(parts, action):
    """A reply that acts on the database after its first part, as another process would."""
    from django.db import connection

    def act():
        action()
        connection.close()

    return scripted_coralogix.Reply(parts=[parts[0], act, *parts[1:]])


def test_deleting_a_run_that_is_fetched_leaves_no_file(
    ready, upstream, data_dir, monkeypatch
):
    # As from another process: nobody there can hang up on our stream.
    monkeypatch.setattr(executor.direct_executor, "cancel", lambda _pk: None)
    lines = scripted_coralogix.ndjson_reply(
        scripted_coralogix.data_batch(0, 600), scripted_coralogix.data_batch(600, 600)
    ).parts
    upstream.on(
        scripted_coralogix.DATA,
        in_other_thread(lines, lambda: delete_run(Run.objects.get(pk=ready.pk))),
    )
    assert fetch(str(ready.pk)) == "lost"
    assert [path for path in data_dir.rglob("*") if path.is_file()] == []


def test_leftovers_of_a_dead_fetch_are_removed_but_for_the_best(ready):
    ResultSet.objects.create(run=ready, row_count=2)
    ResultSet.objects.create(run=ready, row_count=1)
    fetch(str(ready.pk))
    ready.refresh_from_db()
    assert list(ready.result_sets.all()) == [ready.result]
    assert ready.result.row_count == 3


def test_a_fetch_beyond_its_deadline_ends_in_words(ready, upstream):
    Run.objects.filter(pk=ready.pk).update(gives_up_at=timezone.now())
    upstream.on(
        scripted_coralogix.DATA,
        scripted_coralogix.Reply(parts=[b"", upstream.closed.wait]),
    )
    fetch(str(ready.pk))
    ready.refresh_from_db()
    assert (ready.status, ready.error["code"]) == (Status.FAILED, "too_long")


def test_without_its_connection_the_rows_cannot_be_fetched(ready):
    Connection.objects.all().delete()
    assert fetch(str(ready.pk)) == "settled"
    ready.refresh_from_db()
    assert ready.error["code"] == "connection_gone"


def test_a_run_that_kills_every_worker_is_put_to_rest(ready):
    Run.objects.filter(pk=ready.pk).update(claims=60)
    assert fetch(str(ready.pk)) == "settled"
    ready.refresh_from_db()
    assert ready.error["code"] == "internal"


def test_workers_are_kept_free_for_the_pump(ready, make_request, settings):
    from queries.runs.services import start_run

    held = {
        "lease_until": timezone.now() + timedelta(minutes=1),
        "status": Status.FETCHING,
    }
    for _ in range(settings.CLUSTER.workers - worker_limits.RESERVED_WORKERS):
        other = start_run(make_request("background"))
        Run.objects.filter(pk=other.pk).update(**held)
    assert fetch(str(ready.pk)) == "full"
    ready.refresh_from_db()
    assert ready.status == Status.FETCHING
    assert ready.next_at > timezone.now()


def test_exports_being_built_count_as_long_tasks_too(ready, settings):
    builds = [
        ExportFactory(
            run=ready,
            status=Status.RUNNING,
            lease_until=timezone.now() + timedelta(minutes=1),
        )
        for _ in range(settings.CLUSTER.workers - worker_limits.RESERVED_WORKERS)
    ]
    assert worker_limits.at_capacity()
    assert fetch(str(ready.pk)) == "full"
    # Its builder is gone: nobody has a worker for it.
    Export.objects.filter(pk=builds[0].pk).update(lease_until=timezone.now())
    assert not worker_limits.at_capacity()
    assert fetch(str(ready.pk)) == "settled"


def test_the_next_one_is_rung_for_when_a_fetch_ends(ready, make_request):
    from queries.runs.services import start_run

    other = start_run(make_request("background"))
    Run.objects.filter(pk=other.pk).update(status=Status.FETCHING)
    fetch(str(ready.pk))
    assert (str(other.pk),) in queued_args(fetching.queue.FETCH)


def test_rows_that_cannot_be_stored_end_the_run_in_words(ready, data_dir):
    (data_dir / "results").write_text("a file where a directory should be")
    fetch(str(ready.pk))
    ready.refresh_from_db()
    assert (ready.status, ready.error["code"]) == (Status.FAILED, "storage")


def test_parts_that_cannot_be_merged_stay_as_they_are(
    ready, upstream, monkeypatch, caplog
):
    def damaged(*_parts):
        raise ResultsDamagedError

    monkeypatch.setattr(receiver, "compact", damaged)
    upstream.on(scripted_coralogix.DATA, many_parts())
    fetch(str(ready.pk))
    ready.refresh_from_db()
    assert ready.status == Status.SUCCEEDED
    assert ready.result.parts.count() > 1
    assert column_values(ready) == list(range(1_500))
    assert "not_compacted" in caplog.text


def many_parts():
    return scripted_coralogix.ndjson_reply(
        *(scripted_coralogix.data_batch(n * 500, 500) for n in range(3)),
        scripted_coralogix.COMPLETED,
    )


def test_a_lease_lost_while_merging_publishes_nothing(ready, upstream, monkeypatch):
    compact = receiver.compact

    def stolen(*parts):
        Run.objects.filter(pk=ready.pk).update(lease_token=ready.pk)
        return compact(*parts)

    monkeypatch.setattr(receiver, "compact", stolen)
    upstream.on(scripted_coralogix.DATA, many_parts())
    assert fetch(str(ready.pk)) == "lost"
    ready.refresh_from_db()
    assert (ready.status, ready.result) == (Status.FETCHING, None)


def test_a_lease_lost_before_another_try_leaves_the_run_alone(ready, upstream):
    def steal(_request):
        Run.objects.filter(pk=ready.pk).update(lease_token=ready.pk)
        connection.close()
        return scripted_coralogix.UNAVAILABLE

    from django.db import connection

    upstream.on(scripted_coralogix.DATA, steal)
    assert fetch(str(ready.pk)) == "lost"
    ready.refresh_from_db()
    assert (ready.failures, ready.lease_token) == (0, ready.pk)


def test_nothing_is_kept_of_the_watch(ready):
    fetch(str(ready.pk))
    assert lease_keeper.lease_keeper.is_idle
