"""What the server is asked of a query before it runs, and what is made of its answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from queries.providers.base import Preview
from queries.providers.errors import (
    LimitExceededError,
    QueryError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)
from queries.providers.saf import previews
from tests.providers.adapters.saf import SPEC
from tests.scripted_server import Reply, json_reply

VALIDATE, TIMELINE = "/_sme/queryStats/validate", "/_sme/queryStats/timeline"
BUCKET = {"@timestamp": "2026-03-01T00:00:00Z", "count": 3}


@pytest.fixture
def counting(upstream):
    """The server can count, and counts three events."""
    upstream.on(VALIDATE, json_reply({"sidebar": True, "timeline": True}))
    upstream.on(TIMELINE, json_reply({"fields": [BUCKET]}))
    return upstream


def test_events_are_counted_where_they_can_be(provider, counting):
    spec = replace(SPEC, statement="source x | search a&b=1")
    told = provider.preview(spec)
    assert "looks at 3 events" in told.message
    assert told.extras == {"timeline": [{"at": BUCKET["@timestamp"], "count": 3}]}
    can, timeline = counting.requests
    assert (can.method, timeline.method) == ("GET", "GET")
    assert can.target.endswith("validate?query=source%20x%20%7C%20search%20a%26b%3D1")
    assert "startTime=2026-03-01T00%3A00%3A00.000Z" in timeline.target
    assert "timefield=%40timestamp" in timeline.target


def test_date_math_is_counted_over_as_it_is_run(provider, counting):
    math = {"time_source": "date_math", "start_math": "now-1d", "time_field": "at"}
    provider.preview(replace(SPEC, settings=math))
    target = counting.requests[1].target
    assert "startTime=now-1d&timefield=at&" in target
    assert "endTime" not in target


def test_events_are_not_counted_where_they_cannot_be(provider, upstream):
    upstream.on("*", json_reply({"sidebar": False, "timeline": False}))
    assert provider.preview(SPEC) == Preview(previews.NOT_COUNTED)
    assert upstream.paths() == [VALIDATE]


@pytest.mark.parametrize("fields", [[], [BUCKET | {"count": 0}]])
def test_a_query_that_finds_nothing_is_said_to(provider, counting, fields):
    counting.on(TIMELINE, json_reply({"fields": fields}))
    assert provider.preview(SPEC) == Preview(previews.NO_EVENTS)


@pytest.mark.parametrize("count", [1, "1", {"value": 1, "relation": "eq"}], ids=repr)
def test_a_count_is_read_in_any_form(provider, counting, count):
    counting.on(TIMELINE, json_reply({"fields": [BUCKET | {"count": count}]}))
    assert "one event " in provider.preview(SPEC).message


def test_a_query_that_cannot_be_read_is_refused_in_the_servers_words(
    provider, upstream
):
    error = {"type": "parsing_exception", "reason": "line 1:1 unexpected [sauce]"}
    upstream.on("*", json_reply({"error": error, "status": 400}, 400))
    with pytest.raises(QueryError, match=r"line 1:1 unexpected \[sauce\]"):
        provider.preview(SPEC)


def test_a_server_without_these_calls_is_said_to_lack_them(provider, upstream):
    upstream.on("*", json_reply({"error": "no handler found for uri [/x]"}, 400))
    with pytest.raises(UnsupportedOperationError):
        provider.preview(SPEC)


@pytest.mark.parametrize(
    ("can", "timeline"),
    [
        ({}, {}),
        ({"timeline": "perhaps"}, {}),
        ({"timeline": True}, {}),
        ({"timeline": True}, {"fields": ["a"]}),
        ({"timeline": True}, {"fields": [{"count": 1}]}),
        ({"timeline": True}, 7),
    ],
)
def test_an_answer_that_says_nothing_is_no_consent(provider, upstream, can, timeline):
    upstream.on(VALIDATE, json_reply(can))
    upstream.on(TIMELINE, json_reply(timeline))
    with pytest.raises(UnexpectedResponseError):
        provider.preview(SPEC)


def test_an_error_inside_a_success_is_an_error(provider, upstream):
    upstream.on("*", Reply(body=b'{"error": "all shards failed", "status": 400}'))
    with pytest.raises(QueryError, match="all shards failed"):
        provider.preview(SPEC)


def test_a_query_that_no_address_holds_is_not_sent(provider, upstream):
    with pytest.raises(LimitExceededError) as refused:
        provider.preview(replace(SPEC, statement="source x | search " + "ä" * 700))
    assert "Run it as it is" in refused.value.remedy
    assert upstream.requests == []
