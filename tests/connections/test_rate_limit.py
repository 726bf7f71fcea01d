"""Rate limits that hold over all processes."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection as database
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from queries.connections import rate_limit
from queries.models import RateBucket
from queries.providers.base import RateLimit
from tests.factories import ConnectionFactory

LIMIT = RateLimit(calls=3, seconds=60)
START = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_tokens_are_given_until_there_are_none():
    with time_machine.travel(START, tick=False):
        assert [rate_limit.acquire_from_bucket("b", LIMIT) for _ in range(3)] == [
            0,
            0,
            0,
        ]
        assert (
            rate_limit.acquire_from_bucket("b", LIMIT)
            == 60 + rate_limit.WINDOW_MARGIN_SECONDS
        )


@pytest.mark.django_db
def test_the_wait_ends_when_the_first_token_comes_back():
    with time_machine.travel(START, tick=False) as clock:
        for _ in range(3):
            rate_limit.acquire_from_bucket("b", LIMIT)
            clock.shift(10)
        wait = rate_limit.acquire_from_bucket("b", LIMIT)
        assert wait == 30 + rate_limit.WINDOW_MARGIN_SECONDS
        clock.shift(wait + 0.001)
        assert rate_limit.acquire_from_bucket("b", LIMIT) == 0
        assert rate_limit.acquire_from_bucket("b", LIMIT) > 0


@pytest.mark.django_db
def test_without_a_limit_nobody_waits():
    assert [rate_limit.acquire_from_bucket("b", None) for _ in range(50)] == [0] * 50


@pytest.mark.django_db
def test_a_blocked_bucket_lets_nobody_through_until_then():
    one = ConnectionFactory()
    with time_machine.travel(START, tick=False) as clock:
        rate_limit.block(one, 20)
        assert rate_limit.acquire(one, LIMIT) == 20
        assert rate_limit.acquire(one, None) == 20
        clock.shift(21)
        assert rate_limit.acquire(one, LIMIT) == 0


@pytest.mark.django_db
def test_a_shorter_block_does_not_end_a_longer_one():
    one = ConnectionFactory()
    with time_machine.travel(START, tick=False):
        rate_limit.block(one, 20)
        rate_limit.block(one, 5)
        assert rate_limit.acquire(one, LIMIT) == 20


@pytest.mark.django_db
def test_connections_with_the_same_key_share_a_bucket_and_others_do_not():
    first, same, other = (
        ConnectionFactory(),
        ConnectionFactory(),
        ConnectionFactory(key="another-key"),
    )
    assert rate_limit.bucket_key(first) == rate_limit.bucket_key(same)
    assert rate_limit.bucket_key(first) != rate_limit.bucket_key(other)


@pytest.mark.django_db
def test_the_bucket_does_not_hold_the_key():
    one = ConnectionFactory(key="cxup_canary_0123456789abcdef")
    rate_limit.acquire(one, LIMIT)
    assert "canary" not in str(RateBucket.objects.values())


@pytest.mark.django_db
def test_a_bucket_everybody_pulls_at_is_left_for_a_moment(monkeypatch):
    monkeypatch.setattr(rate_limit, "seconds_to_wait", contended)
    assert (
        rate_limit.acquire_from_bucket("b", LIMIT) == rate_limit.CONTENTION_WAIT_SECONDS
    )


def contended(bucket, _limit, _now):
    """Somebody else takes a token between our look and our UPDATE, each time."""
    RateBucket.objects.filter(key=bucket.key).update(version=bucket.version + 1)
    return 0.0


@pytest.mark.django_db(transaction=True)
def test_many_at_once_never_get_more_than_there_are(monkeypatch):
    monkeypatch.setattr(rate_limit, "MAX_ATTEMPTS", 50)
    limit, got = RateLimit(calls=10, seconds=60), []
    rate_limit.acquire_from_bucket("warm", limit)

    def grab():
        try:
            got.extend(
                rate_limit.acquire_from_bucket("b", limit) == 0 for _ in range(4)
            )
        finally:
            database.close()

    threads = [threading.Thread(target=grab) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 10
    assert len(got) == 24


class AnyWindow(TestCase):
    """The promise itself, for any pattern of calls."""

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.floats(0, 40), min_size=1, max_size=40), st.integers(1, 5))
    def test_no_window_ever_sees_more_calls_than_allowed(self, pauses, calls):
        RateBucket.objects.all().delete()
        limit, taken = RateLimit(calls=calls, seconds=60), []
        with time_machine.travel(START, tick=False) as clock:
            for pause in pauses:
                clock.shift(pause)
                if rate_limit.acquire_from_bucket("b", limit) == 0:
                    taken.append(timezone.now())
        for moment in taken:
            window = [t for t in taken if moment <= t < moment + timedelta(seconds=60)]
            assert len(window) <= calls
