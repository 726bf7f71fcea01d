"""Keys, permissions and the rate limit."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.config import LIMITED_KEY, ApiKey, Limits
from sandbox.rate import RateLimiter
from tests.sandbox.conftest import NOW, open_sandbox

PATHS = [
    "query",
    "background-query",
    "background-query/status",
    "background-query/cancel",
    "background-query/data",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer nobody-knows-me",
        "Basic c2FuZGJveC1kZW1vLWtleQ==",
        "sandbox-demo-key",
    ],
)
def test_without_a_known_key_nothing_is_answered(wire, path, header):
    headers = {} if header is None else {"Authorization": header}
    answer = wire.http.post(
        f"/api/v1/dataprime/{path}", json={"query": "source logs"}, headers=headers
    )
    assert answer.status_code == 401
    assert "key" in answer.json()["message"]


def test_a_refused_key_is_not_repeated(wire):
    answer = wire.with_key("a-very-secret-thing").query()
    assert "a-very-secret-thing" not in answer.text


def test_a_key_without_the_permission_is_told_which_one(wire):
    limited = wire.with_key(LIMITED_KEY)
    assert limited.query("source logs | limit 1").status_code == 200
    for answer in (limited.query(tier="TIER_ARCHIVE"), limited.submit()):
        assert answer.status_code == 403
        assert "legacy-archive-queries:Execute" in answer.json()["message"]


def test_frequent_search_has_a_permission_of_its_own():
    keys = {"archivist": ApiKey("demo", frozenset({"legacy-archive-queries:Execute"}))}
    with open_sandbox(count=1, keys=keys) as wire:
        answer = wire.with_key("archivist").query()
        assert wire.with_key("archivist").query(tier="TIER_ARCHIVE").status_code == 200
    assert answer.status_code == 403
    assert "logs.data-api#high:ReadData" in answer.json()["message"]


def test_the_thirty_first_query_of_a_minute_is_told_when_to_come_back():
    with open_sandbox(count=1, limits=Limits()) as wire:
        assert {wire.query().status_code for _ in range(15)} == {200}
        wire.clock.advance(20)
        assert {wire.query().status_code for _ in range(15)} == {200}
        refused = wire.query()
        other = wire.with_key(LIMITED_KEY).query()
        background = wire.submit()
        wire.clock.advance(40)
        later = wire.query()
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "40"
    assert "limit" in refused.json()["message"]
    assert (other.status_code, background.status_code, later.status_code) == (
        200,
        200,
        200,
    )


def test_a_refused_query_does_not_count():
    limiter = RateLimiter(2)
    moments = [0, 1, 2, 3, 60, 61]
    waits = [
        limiter.acquire("key", NOW + timedelta(seconds=second)) for second in moments
    ]
    assert waits == [0, 0, 58, 57, 0, 0]


def test_the_journal_has_what_came_in_but_not_the_key():
    with open_sandbox(count=1) as wire:
        wire.query("source logs | limit 1")
        wire.http.get("/_sandbox/health")
        direct, health = wire.sandbox.requests
    assert (direct.method, direct.path, direct.operation) == (
        "POST",
        "/api/v1/dataprime/query",
        "query",
    )
    assert direct.json()["query"] == "source logs | limit 1"
    assert direct.key_last4 == "-key"
    assert "sandbox-demo" not in repr(direct) + repr(direct.headers)
    assert health.operation == "health"
    assert health.at == NOW
