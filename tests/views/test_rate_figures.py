"""What a provider says of its limit is kept with the connection and shown on its page."""

from __future__ import annotations

import pytest
from django.urls import reverse

from queries.connections import rate_limit
from queries.connections.services import open_provider
from queries.providers.base import Provider, RateLimitStatus
from tests.all_providers import all_providers, connection_to  # noqa: F401 - a fixture
from tests.factories import ConnectionFactory
from tests.markup import one_line
from tests.providers.supermetrics.samples import status
from tests.scripted_server import Upstream, json_reply

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("all_providers")]


def test_the_figures_of_the_last_call_are_kept_and_shown(page, user):
    told = {"X_RateLimit_Limit": "500", "X_RateLimit_Remaining": "412"}
    with Upstream() as upstream:
        upstream.on("*", json_reply(status("RUNNING"), **told))
        connection = connection_to("supermetrics", upstream.origin, owner=user)
        with open_provider(connection) as provider:
            provider.status("job-1")
    connection.refresh_from_db()
    assert connection.rate_figures["remaining"] == 412
    text = one_line(page.get(reverse("connection_detail", args=[connection.pk])).text)
    assert '<b class="num">412</b> of 500 calls left' in text


@pytest.mark.parametrize(("left", "waits"), [("0", True), ("1", False)])
def test_when_no_call_is_left_nobody_who_holds_the_key_makes_one(user, left, waits):
    with Upstream() as upstream:
        upstream.on(
            "*", json_reply(status("RUNNING"), **{"X-RateLimit-Remaining": left})
        )
        connection = connection_to("supermetrics", upstream.origin, owner=user)
        with open_provider(connection) as provider:
            provider.status("job-1")
    assert (50 < rate_limit.acquire(connection, None) <= 60) is waits


def test_the_time_until_which_the_figures_hold_is_shown(page, user):
    figures = {"limit": None, "remaining": 0, "resets_at": "2026-11-22T11:00:00+00:00"}
    connection = ConnectionFactory(owner=user, rate_figures=figures)
    text = one_line(page.get(reverse("connection_detail", args=[connection.pk])).text)
    assert "calls left until" in text


def test_a_provider_that_tells_nothing_changes_nothing(user, monkeypatch):
    connection = ConnectionFactory(owner=user, rate_figures={"remaining": 3})
    with open_provider(connection):
        pass
    connection.refresh_from_db()
    assert connection.rate_figures == {"remaining": 3}


def test_the_figures_are_kept_when_the_call_fails(user, monkeypatch):
    figures = property(lambda _self: RateLimitStatus(limit=9, remaining=0))
    monkeypatch.setattr(Provider, "rate_figures", figures)
    connection = ConnectionFactory(owner=user)
    with pytest.raises(ValueError, match="stop"), open_provider(connection):
        raise ValueError("stop")
    connection.refresh_from_db()
    assert connection.rate_figures["limit"] == 9
