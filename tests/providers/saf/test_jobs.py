"""Ids, states and lists of tasks, in every form they may come in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from queries.providers.base import JobState, Progress, QuerySpec
from queries.providers.errors import UnexpectedResponseError
from queries.providers.saf.jobs import (
    MAX_JOBS,
    parse_job_id,
    parse_job_status,
    parse_jobs,
)
from tests.providers.saf.conftest import ROOT
from tests.scripted_server import Reply, json_reply

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "reply",
    [
        *(json_reply({name: "12345"}) for name in ("id", "_id", "*id*", "task_id", "taskId", "request_id", "requestId")),
        json_reply({"id": 12345}),
        json_reply("12345"),
        json_reply(12345),
        Reply(body=b"12345\n", headers=TEXT),
    ],
)  # fmt: skip
def test_an_id_is_found_in_every_form(provider, upstream, reply):
    upstream.on("*", reply)
    assert provider.submit(QuerySpec("source x"), "key").job_id == "12345"


@pytest.mark.parametrize(
    "reply",
    [
        json_reply({"acknowledged": True}),
        json_reply({"id": ""}),
        json_reply({"id": "../break"}),
        json_reply({"id": True}),
        json_reply(""),
        json_reply(None),
        json_reply([]),
        Reply(body=b"", headers=TEXT),
        Reply(body=b"<html>hello</html>", headers=TEXT),
        Reply(body=b"12345"),
    ],
)
def test_an_answer_without_an_id_may_have_been_taken(provider, upstream, reply):
    upstream.on("*", reply)
    with pytest.raises(UnexpectedResponseError) as odd:
        provider.submit(QuerySpec("source x"), "key")
    assert odd.value.may_have_been_received
    assert not odd.value.retryable


WORDS = {
    JobState.WAITING: "CREATED NEW init queued Pending SCHEDULED",
    JobState.RUNNING: "RUNNING in_progress IN-PROGRESS Started PERSISTING",
    JobState.SUCCEEDED: "COMPLETED Done finished SUCCESS SUCCEEDED PERSIST_SUCCEEDED STORE_RESIDENT",
    JobState.FAILED: "FAILED error PERSIST_FAILED",
    JobState.CANCELLED: "CANCELED cancelled BROKEN STOPPED ABORTED KILLED CLOSED",
    JobState.UNKNOWN: "HIBERNATING 未知",
}


@pytest.mark.parametrize(
    ("word", "state"),
    [(word, state) for state, words in WORDS.items() for word in words.split()],
)
def test_states_are_known_in_any_case(word, state):
    for name in ("status", "state"):
        status = parse_job_status({name: word}, "1")
        assert (status.state, status.native) == (state, word)
        assert bool(status.warnings) is (state is JobState.UNKNOWN)


TASK = {"id": "12345", "status": "RUNNING"}


@pytest.mark.parametrize(
    "answer",
    [
        TASK,
        [TASK],
        [{"id": "1", "status": "FAILED"}, TASK],
        {"12345": {"state": "RUNNING"}},
        {"tasks": [TASK]},
        {"data": TASK},
        {"task": TASK},
        {"status": {"state": "RUNNING"}},
        {"response": {"tasks": [TASK]}},
    ],
)
def test_a_status_is_found_wherever_it_is(answer):
    assert parse_job_status(answer, "12345").state is JobState.RUNNING


@pytest.mark.parametrize(
    "answer",
    [{}, [], None, 7, "RUNNING", {"status": 200}, {"acknowledged": True}, [{"id": "1"}, {"id": "2"}],
     {"task": {"task": {"task": {"task": {"task": TASK}}}}}],
)  # fmt: skip
def test_what_holds_no_state_is_no_status(answer):
    with pytest.raises(UnexpectedResponseError):
        parse_job_status(answer, "12345")


@pytest.mark.parametrize(
    "time",
    ["2026-03-10T12:00:00Z", "2026-03-10T15:00:00+03:00", "2026-03-10T12:00:00", 1_773_144_000_000, 1_773_144_000,
     "1773144000000 ", 1_773_144_000_000.0],
)  # fmt: skip
def test_times_are_read_in_every_form(time):
    for name in ("startTime", "start_time", "start_time_in_millis", "startedAt"):
        assert parse_job_status(TASK | {name: time}, "1").started_at == NOON


def test_a_task_that_ended_says_when_and_what_there_is():
    status = parse_job_status(
        {
            "id": "1",
            "status": "COMPLETED",
            "created": "2026-03-10T12:00:00Z",
            "endTime": 1_773_144_000_000,
            "expiration_time_in_millis": 1_773_144_000_000,
            "progress": 1,
            "total": 1_234,
        },
        "1",
    )
    assert (status.submitted_at, status.ended_at, status.expires_at) == (NOON,) * 3
    assert status.total_rows == 1_234
    assert status.progress == Progress(100, 100)
    assert status.raw["total"] == 1_234


@pytest.mark.parametrize(
    ("value", "progress"),
    [
        (0.25, Progress(25, 100)),
        (40, Progress(40, 100)),
        ({"done": 3, "total": 7}, Progress(3, 7)),
        ({"done": 3}, None),
        (-1, None),
        (101, None),
        (True, None),
        ("half", None),
        (None, None),
    ],
)
def test_progress_is_read_or_left_out(value, progress):
    assert parse_job_status(TASK | {"progress": value}, "1").progress == progress


@pytest.mark.parametrize("time", ["soon", {}, True, 10**40, "9" * 18, "0001-01-01T00:00:00+14:00"])  # fmt: skip
def test_a_time_that_is_none_is_left_out(time):
    assert parse_job_status(TASK | {"startTime": time}, "1").started_at is None


@pytest.mark.parametrize(
    ("total", "rows"),
    [("12", 12), ({"value": 3, "relation": "eq"}, 3), ({"value": 10_000, "relation": "gte"}, None), (-1, None), (True, None)],
)  # fmt: skip
def test_a_total_is_a_count_or_left_out(total, rows):
    assert parse_job_status(TASK | {"total": total}, "1").total_rows == rows


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        ({"type": "index_not_found_exception", "reason": "no such index [x]"}, "index_not_found_exception", "no such index"),
        ({"root_cause": [{"type": "a", "reason": "b"}]}, "a", "b"),
        ("out of heap", "", "out of heap"),
        (None, "", "no reason given"),
    ],
)  # fmt: skip
def test_a_failed_task_says_why(error, code, words):
    failure = parse_job_status(
        {"id": "1", "status": "FAILED", "error": error}, "1"
    ).error
    assert words in str(failure)
    assert failure.provider_code == code


LISTS = {
    "tasks": {"tasks": [TASK]},
    "requests": {"requests": [TASK]},
    "items": {"items": [TASK]},
    "data": {"data": [TASK]},
    "bare": [TASK],
    "keyed": {"12345": {"status": "RUNNING"}},
    "keyed inside": {"tasks": {"12345": {"status": "RUNNING"}}},
}


@pytest.mark.parametrize("form", LISTS)
def test_a_list_of_tasks_is_read_in_every_form(provider, upstream, form):
    upstream.on("*", json_reply(LISTS[form]))
    [job] = provider.list_jobs()
    assert (job.job_id, job.status.state) == ("12345", JobState.RUNNING)
    assert upstream.requests[0].target == f"{ROOT}/status/"


def test_tasks_come_newest_first_with_statement_and_owner():
    jobs = parse_jobs(
        {
            "tasks": [
                {"id": "old", "status": "COMPLETED", "created": "2026-03-01T00:00:00Z", "query": "source a", "user": "anna"},
                {"id": "undated", "status": "DONE", "query": 7, "user": None},
                {"id": "new", "status": "RUNNING", "startTime": "2026-03-02T00:00:00Z"},
            ]
        }
    )  # fmt: skip
    assert [job.job_id for job in jobs] == ["new", "old", "undated"]
    assert (jobs[1].statement, jobs[1].owner) == ("source a", "anna")
    assert (jobs[2].statement, jobs[2].owner) == ("", "")


def test_a_task_without_a_usable_id_is_not_listed_and_a_list_is_bounded():
    many = [{"id": str(n), "status": "DONE"} for n in range(MAX_JOBS + 5)]
    assert len(parse_jobs([*many, {"id": "../x"}, {"status": "DONE"}])) == MAX_JOBS
    assert parse_jobs([]) == []
    assert parse_jobs({}) == []


@pytest.mark.parametrize("answer", [None, 7, "x", [7], {"a": 1}, {"tasks": "x"}])
def test_what_is_no_list_is_said_to_be_none(answer):
    with pytest.raises(UnexpectedResponseError):
        parse_jobs(answer)


def test_an_id_is_a_text_or_a_number():
    assert parse_job_id({"id": " 7 "}) == "7"
    assert parse_job_id({"id": None, "taskId": 8}) == "8"
    assert (
        parse_job_id({"id": 1.5})
        == parse_job_id({"id": {}})
        == parse_job_id(False)
        == ""
    )
