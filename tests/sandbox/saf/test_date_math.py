"""Date math: steps, roundings, anchors."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.saf.date_math import DateMathError, resolve_date_math

NOW = datetime(2026, 3, 31, 14, 45, 30, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", "2026-03-31T14:45:30.500"),
        ("now-1d", "2026-03-30T14:45:30.500"),
        ("now+2h-30m", "2026-03-31T16:15:30.500"),
        ("now-1M", "2026-02-28T14:45:30.500"),
        ("now-1y", "2025-03-31T14:45:30.500"),
        ("now+11M", "2027-02-28T14:45:30.500"),
        ("now-1w", "2026-03-24T14:45:30.500"),
        ("now-10s", "2026-03-31T14:45:20.500"),
        ("now-1H", "2026-03-31T13:45:30.500"),
        ("now/s", "2026-03-31T14:45:30"),
        ("now/m", "2026-03-31T14:45:00"),
        ("now/h", "2026-03-31T14:00:00"),
        ("now/H", "2026-03-31T14:00:00"),
        ("now/d", "2026-03-31T00:00:00"),
        ("now/w", "2026-03-30T00:00:00"),
        ("now/M", "2026-03-01T00:00:00"),
        ("now/y", "2026-01-01T00:00:00"),
        ("now-1d/d", "2026-03-30T00:00:00"),
        ("2022-05-18||/M", "2022-05-01T00:00:00"),
        ("2022-05-18||+1M-1d", "2022-06-17T00:00:00"),
        ("2022-05-18", "2022-05-18T00:00:00"),
        ("2022-05", "2022-05-01T00:00:00"),
        ("2022", "2022-01-01T00:00:00"),
        ("2022-05-18T10:00:00+03:00", "2022-05-18T07:00:00"),
        ("1652868000000", "2022-05-18T10:00:00"),
    ],
)
def test_a_text_means_a_moment(text, moment):
    assert resolve_date_math(text, NOW) == datetime.fromisoformat(moment).replace(
        tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now/d", "2026-04-01T00:00:00"),
        ("now/M", "2026-04-01T00:00:00"),
        ("now/h", "2026-03-31T15:00:00"),
        ("now", "2026-03-31T14:45:30.500"),
    ],
)
def test_an_upper_bound_is_rounded_to_the_end(text, moment):
    expected = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert resolve_date_math(text, NOW, round_up=True) == expected


@pytest.mark.parametrize("text", ["", "tomorrow", "now-", "now1d", "-1d", "||", "now||-1d", "2022-13-01", "2022-05-18-1d", "now-999999y", "99999999999999999999", "now-1d "])  # fmt: skip
def test_what_is_no_date_is_said(text):
    with pytest.raises(DateMathError):
        resolve_date_math(text, NOW)


@given(st.text(max_size=20) | st.from_regex(r"(now|20\d\d-0\d-\d\d\|\|)([+-]\d{1,6}[yMwdhms]|/[yMwdhms]){0,4}", fullmatch=True))  # fmt: skip
def test_whatever_the_text_it_is_a_moment_or_refused(text):
    with suppress(DateMathError):
        assert resolve_date_math(text, NOW).tzinfo is not None
