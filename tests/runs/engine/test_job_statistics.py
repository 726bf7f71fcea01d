"""A direct run that the provider goes on with in the background, and what it tells beside the rows."""

from __future__ import annotations

import pytest
from django.db import connections

from queries.models import Mode, Run, Status
from queries.providers.base import JobState, JobStatus, Progress, RowStream
from queries.runs.engine import fetching, job_statistics, orphan_jobs, queue
from queries.runs.engine.run_updates import query_spec
from queries.runs.services import RunRequest, cancel_run, start_run, wait_for
from tests.all_providers import all_providers, connection_to  # noqa: F401 - a fixture
from tests.providers.supermetrics import samples
from tests.runs.engine.queued_tasks import queued_args
from tests.scripted_server import Upstream, json_reply

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("all_providers"),
]
LONG = 15


@pytest.fixture
def slow(user):
    """A Supermetrics that stops waiting, and a direct run on it."""
    with Upstream() as one:
        one.on(samples.DATA, json_reply(samples.status("RUNNING"), 202))
        one.on(samples.STATUS, json_reply(samples.status("RUNNING")))
        base = f"{one.origin}{samples.BASE}"
        connection = connection_to("supermetrics", base, owner=user)
        asked = {"time_range": "none", "settings": samples.SETTINGS}
        request = RunRequest(
            owner=user, connection=connection, statement="", mode=Mode.DIRECT, **asked
        )
        yield one, lambda: wait_for(start_run(request), LONG)


def test_a_direct_run_that_takes_too_long_goes_on_in_the_background(slow):
    _upstream, start = slow
    run = start()
    assert (run.mode, run.status, run.job_id) == (
        Mode.BACKGROUND,
        Status.RUNNING,
        "job-1",
    )
    assert run.lease_token is None
    assert run.next_at
    assert run.gives_up_at
    assert "goes on in the background" in run.notes[0]
    assert queued_args(queue.RUN_SCHEDULER)


def test_the_pump_brings_a_handed_over_run_to_its_end(slow, schedule_once):
    upstream, start = slow
    run = schedule_once(start())
    assert run.statistics["progress"] == [3, 12]
    upstream.on(samples.STATUS, json_reply(samples.result([["1", "a"]], total=1)))
    run = schedule_once(run)
    assert run.status == Status.FETCHING
    assert fetching.fetch(str(run.pk)) == "settled"
    run.refresh_from_db()
    assert (run.status, run.rows_received) == (Status.SUCCEEDED, 1)
    assert run.statistics["extras"]["query"]["start_date"] == "2026-11-15"
    assert run.statistics["provider_expires_at"]
    assert query_spec(run).statement


def test_a_handed_over_run_can_be_cancelled(slow, schedule_once):
    _upstream, start = slow
    run = start()
    cancel_run(run)
    run = schedule_once(run)
    assert run.status == Status.CANCELLED
    assert any("cannot cancel" in note for note in run.notes)


def test_a_run_lost_while_it_was_handed_over_stays_as_it_is(slow):
    upstream, start = slow

    def deleted(_request):
        Run.objects.update(lease_token=None)
        return json_reply(samples.status("RUNNING"), 202)

    upstream.on(samples.DATA, deleted)
    run = start()
    assert (run.mode, run.job_id) == (Mode.DIRECT, "")


def test_a_job_handed_over_for_a_run_that_has_ended_is_cancelled(slow, monkeypatch):
    told = []
    monkeypatch.setattr(
        orphan_jobs,
        "cancel_job_in_background",
        lambda _connection, job_id: told.append(job_id),
    )
    upstream, start = slow

    def ended(_request):
        Run.objects.update(status=Status.CANCELLED)
        connections.close_all()
        return json_reply(samples.status("RUNNING"), 202)

    upstream.on(samples.DATA, ended)
    start()
    assert told == ["job-1"]


def test_progress_never_goes_beyond_its_total():
    told = JobStatus(JobState.RUNNING, progress=Progress(9, 4))
    assert job_statistics.status_statistics(told) == {"progress": [4, 4]}
    assert (
        job_statistics.status_statistics(
            JobStatus(JobState.RUNNING, progress=Progress(0, 0))
        )
        == {}
    )


def test_what_is_too_large_to_keep_is_named():
    stream = RowStream(lambda _stream: iter(()), lambda: None)
    large = "x" * job_statistics.MAX_EXTRAS_CHARACTERS
    stream.extras |= {"small": [1], "large": large, "next": 2}
    assert job_statistics.stream_statistics(stream) == {
        "extras": {"small": [1], "next": 2},
        "extras_left_out": ["large"],
    }


def test_the_answer_about_a_job_is_kept_as_it_came_but_for_what_is_too_large():
    raw = {
        "state": "RUNNING",
        "note": "\0x",
        "plan": "x" * job_statistics.MAX_STATUS_CHARACTERS,
        "parts": [1],
    }
    kept = job_statistics.status_statistics(JobStatus(JobState.RUNNING, raw=raw))[
        "status_told"
    ]
    assert kept == {"state": "RUNNING", "note": "\ufffdx", "parts": [1]}
