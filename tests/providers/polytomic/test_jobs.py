"""What an answer about a query says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from queries.providers.base import JobState
from queries.providers.errors import (
    QueryError,
    ResultsExpiredError,
    UnexpectedResponseError,
)
from tests.providers.keys import CANARY
from tests.providers.polytomic.samples import JOB, RESULT, VERSION, answer
from tests.scripted_server import Reply, json_reply


def status(provider, upstream, reply):
    upstream.on(RESULT, reply)
    return provider.status(JOB)


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("created", JobState.WAITING),
        ("running", JobState.RUNNING),
        ("Running", JobState.RUNNING),
        ("done", JobState.SUCCEEDED),
        ("failed", JobState.FAILED),
        ("unknown", JobState.FAILED),
        ("cancelled", JobState.CANCELLED),
        ("paused", JobState.UNKNOWN),
    ],
)
def test_the_word_is_the_state_and_is_kept(provider, upstream, word, state):
    found = status(provider, upstream, answer(word))
    assert found.state is state
    assert found.native == word
    assert found.raw["status"] == word
    assert found.statistics == {"api_version": VERSION}
    assert found.total_rows is None
    assert found.expires_at is None


def test_a_query_that_is_done_tells_rows_and_expiry(provider, upstream):
    reply = answer(
        count=3,
        fields=["name", "age"],
        expires="2026-01-02T03:04:05+02:00",
        results=[{"name": "x", "age": 1}],
        links={"next": f"{RESULT}?page=secret-token"},
    )
    found = status(provider, upstream, reply)
    assert found.state is JobState.SUCCEEDED
    assert found.total_rows == 3
    assert found.expires_at == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert found.raw == {
        "id": JOB,
        "status": "done",
        "count": 3,
        "fields": ["name", "age"],
        "expires": "2026-01-02T03:04:05+02:00",
    }
    assert "secret-token" not in repr(found)


@pytest.mark.parametrize("expires", [None, "", "soon", 7, "0001-01-01T00:00:00Z", {}])
def test_an_expiry_that_is_none_is_left_out(provider, upstream, expires):
    assert status(provider, upstream, answer(expires=expires)).expires_at is None


def test_an_expiry_without_a_zone_is_in_utc(provider, upstream):
    found = status(provider, upstream, answer(expires="2026-01-02T03:04:05.123456789"))
    assert found.expires_at == datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)


@pytest.mark.parametrize("count", [None, "10", -1, 1.5, True, []])
def test_a_count_that_is_none_is_left_out(provider, upstream, count):
    assert status(provider, upstream, answer(count=count)).total_rows is None


@pytest.mark.parametrize(
    ("error", "says"),
    [
        ("no such table", "no such table"),
        (None, "no reason given"),
        ({"key": "k", "message": "inside"}, "inside"),
        ("bad\x00\u202etext", "bad text"),
        (f"your key is {CANARY}", "your key is ***"),
    ],
)
def test_a_query_that_failed_says_why(provider, upstream, error, says):
    found = status(provider, upstream, answer("failed", error=error))
    assert isinstance(found.error, QueryError)
    assert str(found.error) == f"Polytomic failed to run the query: {says}"
    assert CANARY not in repr(found)


@pytest.mark.parametrize("word", ["failed", "unknown"])
def test_an_end_that_is_no_result_carries_the_request_id(provider, upstream, word):
    said = json_reply({"data": {"id": JOB, "status": word}}, X_Request_ID="r-9")
    assert status(provider, upstream, said).error.request_id == "r-9"


def test_a_lost_result_is_an_end_with_words_of_its_own(provider, upstream):
    found = status(provider, upstream, answer("unknown", error="gone"))
    assert found.state.is_final
    assert isinstance(found.error, ResultsExpiredError)
    assert found.error.code == "lost"
    assert found.error.provider_code == "unknown"
    assert "has lost its result" in str(found.error)
    assert str(found.error).endswith("Polytomic says: gone")
    assert found.error.remedy == "Run the query again."


def test_many_columns_are_not_all_kept_beside_a_run(provider, upstream):
    found = status(provider, upstream, answer(fields=[f"c{n}" for n in range(5_000)]))
    assert len(found.raw["fields"]) == 200


@pytest.mark.parametrize(
    "reply",
    [
        answer(None),
        answer(""),
        json_reply({"data": {"status": 7}}),
        json_reply({"data": None}),
        json_reply({"data": []}),
        json_reply({"data": {"status": "done", "results": 7}}),
        json_reply({"data": {"status": "done"}, "links": []}),
        json_reply({"data": {"status": "done"}, "links": {"next": 7}}),
        json_reply({"status": "done"}),
        Reply(body=b"<html>"),
    ],
)
def test_an_answer_without_a_state_or_in_another_form_is_not_understood(
    provider, upstream, reply
):
    with pytest.raises(UnexpectedResponseError):
        status(provider, upstream, reply)


def test_a_first_page_larger_than_other_answers_may_be_is_taken(
    make_provider, upstream
):
    provider = make_provider({"max_response_bytes": 1_000})
    reply = answer(count=1, results=[{"text": "x" * 100_000}])
    assert status(provider, upstream, reply).state is JobState.SUCCEEDED
