"""Time ranges resolve once, to the second, across zones and clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from queries import time_ranges

NOW = datetime(2026, 3, 29, 12, 30, tzinfo=UTC)


def test_a_preset_ends_now_and_is_as_long_as_it_says():
    found = time_ranges.resolve("last-6h", now=NOW)
    assert (found.start, found.end) == (NOW - timedelta(hours=6), NOW)


def test_today_begins_at_midnight_where_the_person_is():
    found = time_ranges.resolve("today", now=NOW, zone=ZoneInfo("Asia/Kolkata"))
    assert found.start == datetime(2026, 3, 28, 18, 30, tzinfo=UTC)
    assert found.end == NOW


def test_a_day_with_a_clock_change_has_23_hours():
    now = datetime(2026, 3, 30, 10, 0, tzinfo=UTC)
    found = time_ranges.resolve("yesterday", now=now, zone=ZoneInfo("Europe/Berlin"))
    assert found.end - found.start == timedelta(hours=23)


def test_an_absolute_range_is_kept_in_utc():
    start = datetime(2026, 1, 1, 8, tzinfo=ZoneInfo("America/New_York"))
    found = time_ranges.resolve("absolute", now=NOW, start=start, end=NOW)
    assert found.start == datetime(2026, 1, 1, 13, tzinfo=UTC)
    assert found.start.tzinfo is UTC


def test_no_range_is_a_choice_too():
    assert time_ranges.resolve("none", now=NOW) == time_ranges.TimeRange(None, None)
    assert time_ranges.label("none") == "No time range"


@pytest.mark.parametrize("choice", ["last-2y", "", "absolute"])
def test_what_is_no_time_range_is_refused(choice):
    with pytest.raises(ValueError, match="not a time range"):
        time_ranges.resolve(choice, now=NOW)


def test_every_choice_has_words():
    assert time_ranges.label("last-1h") == "Last hour"
    assert all(words for _, words in time_ranges.CHOICES)
