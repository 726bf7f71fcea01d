"""Every state of a query, and what is told beside it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from queries.providers.base import JobState, Progress, Queue
from queries.providers.errors import (
    ProviderError,
    QueryError,
    UnexpectedResponseError,
)
from tests.providers.supermetrics.samples import (
    DATA,
    SPEC,
    STATUS,
    refused,
    result,
    status,
)
from tests.scripted_server import json_reply


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("SCHEDULED", JobState.WAITING),
        ("QUEUED", JobState.WAITING),
        ("RUNNING", JobState.RUNNING),
        ("running", JobState.RUNNING),
        ("FAILURE", JobState.FAILED),
        ("PROCESS_EXITED", JobState.FAILED),
        ("STOPPED", JobState.CANCELLED),
        ("HIBERNATING", JobState.UNKNOWN),
        ("", JobState.UNKNOWN),
    ],
)
def test_every_word_has_its_state(provider, upstream, word, state):
    upstream.on(STATUS, json_reply(status(word)))
    found = provider.status("job-1")
    assert (found.state, found.native) == (state, word.upper())
    assert (found.error is not None) is (state is JobState.FAILED)
    assert bool(found.warnings) is (state is JobState.UNKNOWN)
    assert found.expires_at is None


def test_progress_and_the_queue_are_told(provider, upstream):
    upstream.on(STATUS, json_reply(status("RUNNING")))
    found = provider.status("job-1")
    assert found.progress == Progress(3, 12)
    assert found.queue == Queue(waiting=4, running=2)


@pytest.mark.parametrize(
    ("told", "progress"),
    [
        ({"queries_ready": 5, "queries_total": 3}, Progress(3, 3)),
        ({"queries_ready": 0, "queries_total": 0}, None),
        ({"queries_ready": "many", "queries_total": 3}, None),
        ({"queries_ready": -1, "queries_total": True}, None),
        (None, None),
        ("x", None),
    ],
)
def test_odd_progress_does_no_harm(provider, upstream, told, progress):
    upstream.on(STATUS, json_reply(status("RUNNING", progress=told, workflow=told)))
    found = provider.status("job-1")
    assert (found.progress, found.queue) == (progress, None)


def test_a_success_tells_how_many_rows_there_are_and_until_when(provider, upstream):
    upstream.on(STATUS, json_reply(result([[1, "x"]], total=70_000)))
    before = datetime.now(UTC)
    found = provider.status("job-1")
    assert found.total_rows == 70_000
    assert (
        timedelta(hours=1) <= found.expires_at - before < timedelta(hours=1, minutes=1)
    )
    assert found.statistics["run_seconds"] == 1.25
    assert found.statistics["data_sampled"] is False
    assert "data" not in found.raw


def test_a_question_about_a_query_asks_for_hardly_any_rows(provider, upstream):
    upstream.on(STATUS, json_reply(status("RUNNING")))
    provider.status("job-1")
    (request,) = upstream.requests
    query = parse_qs(request.target.partition("?")[2])
    assert json.loads(query["json"][0]) == {
        "schedule_id": "job-1",
        "offset_start": 0,
        "offset_end": 0,
    }


def test_sampled_data_is_said_to_be(provider, upstream):
    answer = result([], total=0)
    answer["meta"]["result"]["data_sampled"] = True
    upstream.on(STATUS, json_reply(answer))
    (warning,) = provider.status("job-1").warnings
    assert warning.code == "data_sampled"
    assert not warning.cuts_result


def test_a_failed_query_may_be_answered_by_an_error(provider, upstream):
    upstream.on(
        STATUS, json_reply(refused("QUERY_EXECUTION_FAILED", "The source said no."))
    )
    found = provider.status("job-1")
    assert found.state is JobState.FAILED
    assert "The source said no." in str(found.error)
    assert found.native == "error"
    assert found.raw["error"]["code"] == "QUERY_EXECUTION_FAILED"


def test_a_failure_may_bring_its_reason(provider, upstream):
    answer = status("FAILURE") | {"error": {"code": "X", "message": "Because."}}
    upstream.on(STATUS, json_reply(answer))
    found = provider.status("job-1")
    assert (found.state, found.native) == (JobState.FAILED, "FAILURE")
    assert "Because." in str(found.error)


@pytest.mark.parametrize(
    "answer", [{}, {"meta": {}}, {"meta": {"status_code": 7}}, {"data": []}]
)
def test_an_answer_without_a_state_is_not_taken_for_one(provider, upstream, answer):
    upstream.on("*", json_reply(answer))
    for call in (
        lambda: provider.status("job-1"),
        lambda: provider.submit(SPEC, "k"),
        lambda: provider.run(SPEC),
        lambda: provider.rows("job-1"),
    ):
        with pytest.raises(UnexpectedResponseError):
            call()


@pytest.mark.parametrize("http_status", [200, 202])
def test_whether_a_query_goes_on_is_told_by_its_state_not_by_the_status(
    provider, upstream, http_status
):
    upstream.on(DATA, json_reply(status("QUEUED", "their-id"), http_status))
    assert provider.submit(SPEC, "key-1").job_id == "their-id"


@pytest.mark.parametrize("told", ["", "no good id", 7, None, "x" * 51])
def test_an_id_nobody_could_ask_by_is_not_taken(provider, upstream, told):
    upstream.on(DATA, json_reply(status("QUEUED", told), 202))
    assert provider.submit(SPEC, "key-1").job_id in {"key-1", "7"}


@pytest.mark.parametrize("word", ["FAILURE", "STOPPED", "PROCESS_EXITED"])
def test_a_direct_query_that_fails_says_so(provider, upstream, word):
    upstream.on(DATA, json_reply(status(word)))
    with pytest.raises(QueryError) as failed:
        provider.run(SPEC)
    assert failed.value.provider_code == word
    assert failed.value.remedy


def test_rows_before_the_end_are_a_conflict(provider, upstream):
    upstream.on(STATUS, json_reply(status("RUNNING")))
    with pytest.raises(ProviderError) as early:
        provider.rows("job-1")
    assert early.value.code == "conflict"
