"""Poll schedule and back-off."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.runs.engine import backoff


@pytest.fixture(autouse=True)
def short_backoff():
    """The real schedule, for once."""


@pytest.mark.parametrize(
    ("age", "every"),
    [(0, 1), (4.9, 1), (5, 2), (19, 2), (20, 5), (299, 5), (300, 15), (86_400, 15)],
)
def test_polls_become_rarer_as_a_job_grows_old(age, every):
    delays = [backoff.poll_delay(timedelta(seconds=age)) for _ in range(50)]
    assert all(every * 0.9 <= delay <= every * 1.1 for delay in delays)


def test_hundreds_of_runs_are_not_polled_at_the_same_moment():
    assert len({backoff.poll_delay(timedelta(hours=1)) for _ in range(50)}) > 1


@given(failures=st.integers(0, 10_000))
def test_back_off_is_never_nothing_and_never_endless(failures):
    assert 0 < backoff.backoff_seconds(failures) <= backoff.MAX_BACKOFF


def test_back_off_grows():
    assert (
        backoff.backoff_seconds(1)
        <= 1.0
        < backoff.backoff_seconds(3)
        < backoff.backoff_seconds(6)
    )


@given(asked=st.floats(0, 1e9))
def test_what_the_provider_asks_for_is_honoured_within_reason(asked):
    waited = backoff.backoff_seconds(1, asked)
    assert waited >= min(asked, backoff.MAX_RETRY_AFTER)
    assert waited <= max(backoff.MAX_RETRY_AFTER, backoff.MAX_BACKOFF)
