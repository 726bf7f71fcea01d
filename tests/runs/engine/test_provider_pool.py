"""What the pump's providers say of their limits reaches the connection's page while the pump goes on."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from queries.providers.errors import RateLimitError
from queries.runs.engine.provider_pool import ProviderPool
from tests.all_providers import connection_to
from tests.providers.supermetrics.samples import status
from tests.scripted_server import Upstream, json_reply

pytestmark = pytest.mark.django_db


def left(calls: int) -> dict[str, str]:
    return {"X_RateLimit_Limit": "500", "X_RateLimit_Remaining": str(calls)}


@pytest.fixture
def counting(user):
    """A connection whose provider counts its calls down, and the upstream it leads to."""
    with Upstream() as upstream:
        answers = [
            json_reply(status("RUNNING"), **left(calls)) for calls in (9, 8, 7, 6)
        ]
        upstream.on("*", *answers)
        yield connection_to("supermetrics", upstream.origin, owner=user), upstream


def remaining(connection) -> int | None:
    connection.refresh_from_db()
    return connection.rate_figures.get("remaining")


def asks(shelf: ProviderPool, connection) -> None:
    with shelf.acquire(connection) as provider:
        provider.status("job-1")


def test_many_calls_cost_one_write_and_it_comes_while_the_shelf_is_open(counting):
    connection, _upstream = counting
    with ProviderPool() as shelf:
        asks(shelf, connection)
        with CaptureQueriesContext(database) as writes:
            for _ in range(2):
                asks(shelf, connection)
            assert len(writes) == 0
            shelf.save_rate_figures()
            shelf.save_rate_figures()
            assert len(writes) == 1
        assert remaining(connection) == 7


def test_the_latest_call_has_the_last_word_whichever_provider_made_it(counting):
    connection, _upstream = counting
    with ProviderPool() as shelf:
        with shelf.acquire(connection) as one:
            asks(shelf, connection)
            one.status("job-1")
        asks(shelf, connection)
    assert remaining(connection) == 7


def test_a_refusal_tells_its_figures_too(counting):
    connection, upstream = counting
    upstream.on("*", json_reply({}, 429, **left(0)))
    with ProviderPool() as shelf:
        with pytest.raises(RateLimitError):
            asks(shelf, connection)
        shelf.save_rate_figures()
        assert remaining(connection) == 0
