"""Page after page: none lost, none doubled, whatever the pages are like."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queries.providers.errors import (
    CallStoppedError,
    ConflictError,
    LimitExceededError,
    QueryError,
    ResultsExpiredError,
    TruncatedStreamError,
    UnavailableError,
    UnexpectedResponseError,
)
from queries.providers.saf import paging
from tests.providers.adapters.saf import requested_range, rows
from tests.providers.keys import CANARY
from tests.scripted_server import CUT, Reply, json_reply

JOB = "12345"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(paging, "RETRY_DELAYS", (0.0, 0.0, 0.0))


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(paging, "PAGE_ROWS", 7)


def numbers(provider):
    with provider.rows(JOB) as stream:
        return [row.values["n"] for row in stream], stream


def pages(count, total=True, most=10**9):
    """A server with `count` rows that gives at most `most` of them at once."""

    def page(request):
        start, end = requested_range(request)
        found = [{"n": n} for n in range(start, min(end, count, start + most))]
        return json_reply({"results": found} | ({"total": count} if total else {}))

    return page


def test_a_page_is_asked_for_from_inclusive_to_exclusive(provider, upstream):
    upstream.on("*", rows(5_000))
    found, stream = numbers(provider)
    assert found == list(range(5_000))
    assert [requested_range(request) for request in upstream.requests] == [(0, 2_000), (2_000, 4_000), (4_000, 6_000)]  # fmt: skip
    assert stream.bytes_received > 10_000
    assert stream.warnings == []


@given(count=st.integers(0, 30), told=st.booleans(), most=st.integers(1, 12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
def test_whatever_the_sizes_every_row_comes_once(provider, upstream, small_pages, count, told, most):  # fmt: skip
    # A server that says no total is trusted to give as many as it was asked for.
    upstream.on("*", pages(count, told, most if told else 10**9))
    assert numbers(provider)[0] == list(range(count))


def test_a_total_that_counts_the_page_does_not_end_the_result(provider, upstream, small_pages):  # fmt: skip
    def page(request):
        start, end = requested_range(request)
        found = [{"n": n} for n in range(start, min(end, 20))]
        return json_reply({"results": found, "total": len(found)})

    upstream.on("*", page)
    assert numbers(provider)[0] == list(range(20))


def test_a_server_that_sends_everything_at_once_is_taken_at_its_word(provider, upstream, small_pages):  # fmt: skip
    upstream.on("*", json_reply({"results": [{"n": n} for n in range(50)]}))
    assert numbers(provider)[0] == list(range(50))
    assert len(upstream.requests) == 1


def test_a_server_that_begins_to_send_more_than_asked_for_is_not_believed(provider, upstream, small_pages):  # fmt: skip
    whole = json_reply({"results": [{"n": n} for n in range(50)]})
    upstream.on("*", json_reply({"results": [{"n": n} for n in range(7)]}), whole)
    with provider.rows(JOB) as stream, pytest.raises(UnexpectedResponseError, match="does not page"):  # fmt: skip
        list(stream)


def test_rows_that_are_counted_but_do_not_come_are_said_to_be_missing(provider, upstream):  # fmt: skip
    upstream.on("*", json_reply({"total": 10, "results": [{"n": 0}]}), json_reply({"total": 10, "results": []}))  # fmt: skip
    found, stream = numbers(provider)
    assert found == [0]
    [warning] = stream.warnings
    assert warning.cuts_result
    assert warning.details == {"total": 10, "received": 1}


@pytest.mark.parametrize("trouble", [Reply(503), Reply(429, headers={"Retry-After": "0"}), Reply(parts=[b'{"resul', CUT]), Reply(raw=[CUT])])  # fmt: skip
def test_a_page_that_fails_for_a_moment_is_asked_for_again(provider, upstream, small_pages, trouble):  # fmt: skip
    seen = []

    def page(request):
        seen.append(requested_range(request)[0])
        return (
            trouble if seen.count(7) in {1, 2} and seen[-1] == 7 else rows(20)(request)
        )

    upstream.on("*", page)
    assert numbers(provider)[0] == list(range(20))
    assert seen == [0, 7, 7, 7, 14]


def test_after_a_few_tries_the_rows_so_far_are_kept_and_the_error_is_told(provider, upstream, small_pages):  # fmt: skip
    upstream.on("*", rows(20), Reply(503))
    found = []
    with provider.rows(JOB) as stream, pytest.raises(UnavailableError):
        found.extend(stream)
    assert len(found) == 7
    assert len(upstream.requests) == 1 + 1 + len(paging.RETRY_DELAYS)


@pytest.mark.parametrize(("reply", "kind"), [(Reply(404), ResultsExpiredError), (Reply(429, headers={"Retry-After": "3600"}), UnavailableError)])  # fmt: skip
def test_what_will_not_pass_soon_is_not_tried_again(provider, upstream, small_pages, reply, kind):  # fmt: skip
    upstream.on("*", rows(20), reply)
    with provider.rows(JOB) as stream, pytest.raises(kind):
        list(stream)
    assert len(upstream.requests) == 2


def test_the_first_page_is_left_to_whoever_asks(provider, upstream):
    for reply, kind in ((Reply(503), UnavailableError), (Reply(409), ConflictError), (Reply(parts=[b"{", CUT]), TruncatedStreamError)):  # fmt: skip
        upstream.on("*", reply)
        with pytest.raises(kind):
            provider.rows(JOB)
    assert len(upstream.requests) == 3


def test_a_wait_between_pages_ends_when_its_owner_hangs_up(provider, upstream, small_pages, monkeypatch):  # fmt: skip
    monkeypatch.setattr(paging, "RETRY_DELAYS", (600.0,))
    monkeypatch.setattr(paging, "MAX_RETRY_WAIT", 601.0)

    def fail(request):
        provider.abort()
        return Reply(503)

    upstream.on("*", rows(20), fail)
    with provider.rows(JOB) as stream, pytest.raises((CallStoppedError, UnavailableError)):  # fmt: skip
        list(stream)


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(provider, upstream, monkeypatch):  # fmt: skip
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", 4_000)
    upstream.on("*", rows(1_000))
    assert numbers(provider)[0] == list(range(1_000))


def test_one_row_that_is_too_large_is_said_so(provider, upstream, monkeypatch):
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", 1_000)
    upstream.on("*", json_reply({"results": [{"n": "x" * 2_000}]}))
    with pytest.raises(LimitExceededError, match="One row"):
        provider.rows(JOB)


def test_all_pages_together_are_bounded(make_provider, upstream):
    provider = make_provider(policy={"max_stream_bytes": 60_000})
    upstream.on("*", rows(50_000))
    found = []
    with provider.rows(JOB) as stream, pytest.raises(LimitExceededError):
        found.extend(stream)
    assert found


def test_an_error_inside_a_success_is_an_error(provider, upstream):
    upstream.on("*", json_reply({"error": {"type": "illegal_state_exception", "reason": f"not yet {CANARY}"}, "status": 409}))  # fmt: skip
    with pytest.raises(ConflictError) as refused:
        provider.rows(JOB)
    assert CANARY not in str(refused.value)
    upstream.on("*", json_reply({"error": "out of heap"}))
    with pytest.raises(QueryError, match="out of heap"):
        provider.rows(JOB)


def test_rows_that_hold_the_key_stay_whole(provider, upstream):
    upstream.on("*", json_reply({"results": [{"n": CANARY}]}))
    assert numbers(provider)[0] == [CANARY]


def test_what_the_query_took_is_in_statistics_and_the_rest_in_extras(provider, upstream):  # fmt: skip
    cost = {"level": "DEBUG", "totalMillis": 12, "commands": [{"command": "source x"}]}
    upstream.on("*", json_reply({"results": [{"n": 0}], "executionCost": cost, "sidebar": {"fields": []}}))  # fmt: skip
    _, stream = numbers(provider)
    assert stream.statistics == {"cost.level": "DEBUG", "cost.totalMillis": 12}
    assert stream.extras == {"execution_cost": cost, "sidebar": {"fields": []}}


def test_a_row_that_is_no_json_ends_the_stream_as_an_error(provider, upstream):
    body = json.dumps({"results": [{"n": 0}]})[:-2] + ", " + "[" * 3_000 + "]" * 3_000 + "]}"  # fmt: skip
    upstream.on("*", Reply(body=body.encode()))
    try:
        numbers(provider)
    except UnexpectedResponseError:
        return
    raise AssertionError("the row was taken")
