"""The test of a connection, rate figures, and what is offered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from queries.providers.base import RateLimitStatus
from queries.providers.errors import ProviderError, UnsupportedOperationError
from queries.providers.supermetrics.provider import Supermetrics
from tests.providers.supermetrics.samples import SPEC, STATUS, refused, status
from tests.scripted_server import Reply, json_reply

LIMITS = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4999"}


def test_a_good_key_is_said_to_work(provider, upstream):
    upstream.on("/me", json_reply({"data": {}}, **LIMITS))
    result = provider.test()
    assert result.ok
    assert result.message.startswith("The key works: Supermetrics answered in ")
    assert provider.rate_figures == RateLimitStatus(5_000, 4_999)
    assert upstream.paths() == ["/me"]


def test_where_nobody_says_who_one_is_a_query_that_does_not_exist_tells_as_much(
    provider, upstream
):
    upstream.on(STATUS, json_reply({"error": "STATUS_NOT_FOUND"}, 404))
    result = provider.test()
    assert result.ok
    assert upstream.paths() == ["/me", STATUS]


@pytest.mark.parametrize(
    ("me", "answer", "code"),
    [
        (Reply(401), Reply(404), "authentication"),
        (Reply(403), Reply(404), "permission_denied"),
        (json_reply(refused("API_KEY_INVALID")), Reply(404), "authentication"),
        (json_reply(refused("STATUS_NOT_FOUND")), Reply(404), "not_found"),
        (Reply(404), Reply(404), "not_found"),
        (Reply(404), Reply(401), "authentication"),
        (Reply(500), Reply(404), "unavailable"),
    ],
)
def test_what_is_wrong_with_a_connection_is_said(provider, upstream, me, answer, code):
    upstream.on("/me", me)
    upstream.on(STATUS, answer)
    result = provider.test()
    assert not result.ok
    assert result.error_code == code
    assert result.message


def test_rate_figures_are_those_of_the_last_answer(provider, upstream):
    assert provider.rate_figures is None
    upstream.on("*", json_reply(status("RUNNING"), **LIMITS))
    provider.status("job-1")
    assert provider.rate_figures == RateLimitStatus(5_000, 4_999)


def test_a_refusal_says_when_requests_come_back(provider, upstream):
    upstream.on("*", Reply(429, headers=LIMITS | {"Retry-After": "60"}))
    with pytest.raises(ProviderError):
        provider.submit(SPEC, "k")
    figures = provider.rate_figures
    assert (figures.limit, figures.remaining) == (5_000, 0)
    assert figures.resets_at - datetime.now(UTC) < timedelta(seconds=61)


@pytest.mark.parametrize("value", ["many", "-1", "9" * 10, "", "²"])
def test_odd_figures_are_no_figures(provider, upstream, value):
    headers = (
        {"X-RateLimit-Limit": value} if value != "²" else {"X-RateLimit-Limit": "x"}
    )
    upstream.on("*", json_reply(status("RUNNING"), **headers))
    provider.status("job-1")
    assert provider.rate_figures is None


def test_what_supermetrics_offers():
    can = Supermetrics.capabilities
    assert (can.direct, can.background, can.progress) == (True, True, True)
    assert (can.cancel, can.delete, can.logs) == (False, False, False)
    assert can.idempotent_submit
    assert can.job_retention == timedelta(hours=1)
    assert not Supermetrics.uses_time_range
    assert not Supermetrics.statement_required


def test_a_cancel_is_not_offered(provider):
    with pytest.raises(UnsupportedOperationError):
        provider.cancel("job-1")


def test_every_picker_has_a_list():
    kinds = {field.catalog for field in Supermetrics.query_fields if field.catalog}
    assert kinds == set(Supermetrics.capabilities.catalog)
    names = {field.name for field in Supermetrics.query_fields}
    assert {f.catalog_parent for f in Supermetrics.query_fields} <= names | {""}
