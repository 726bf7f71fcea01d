"""Date ranges and date strings."""

from __future__ import annotations

from datetime import date

import pytest

from sandbox.supermetrics.dates import parse_day, resolve_date_range
from sandbox.supermetrics.errors import ApiError

TODAY = date(2026, 3, 11)  # a Wednesday


@pytest.mark.parametrize(
    ("kind", "start", "end"),
    [
        ("today", "2026-03-11", "2026-03-11"),
        ("yesterday", "2026-03-10", "2026-03-10"),
        ("last_7_days", "2026-03-04", "2026-03-10"),
        ("last_7_days_inc", "2026-03-04", "2026-03-11"),
        ("last_week_sun_sat", "2026-03-01", "2026-03-07"),
        ("last_week_mon_sun", "2026-03-02", "2026-03-08"),
        ("last_2_weeks_sun_sat", "2026-02-22", "2026-03-07"),
        ("last_2_weeks_mon_sun", "2026-02-23", "2026-03-08"),
        ("last_1_weeks_mon_sun_inc", "2026-03-02", "2026-03-11"),
        ("this_month", "2026-03-01", "2026-03-10"),
        ("this_month_inc", "2026-03-01", "2026-03-11"),
        ("last_month", "2026-02-01", "2026-02-28"),
        ("last_3_months", "2025-12-01", "2026-02-28"),
        ("last_3_months_inc", "2025-12-01", "2026-03-11"),
        ("this_year_inc", "2026-01-01", "2026-03-11"),
        ("last_year", "2025-01-01", "2025-12-31"),
        ("last_year_inc", "2025-01-01", "2026-03-11"),
        ("last_2_years", "2024-01-01", "2025-12-31"),
        ("", "2026-03-10", "2026-03-10"),
    ],
)
def test_every_documented_range_has_its_days(kind, start, end):
    found = resolve_date_range({"date_range_type": kind}, TODAY)
    assert [day.isoformat() for day in found] == [start, end]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-02-28", "2026-02-28"),
        ("today", "2026-03-11"),
        (" Yesterday ", "2026-03-10"),
        ("tomorrow", "2026-03-12"),
        ("@1772323200", "2026-03-01"),
        ("-2 weeks", "2026-02-25"),
        ("+1 day", "2026-03-12"),
        ("3 days ago", "2026-03-08"),
        ("-1 month", "2026-02-11"),
        ("1 year ago", "2025-03-11"),
    ],
)
def test_a_day_can_be_said_in_words(text, day):
    assert parse_day(text, TODAY).isoformat() == day


def test_a_month_ago_is_never_a_day_that_is_not_there():
    assert parse_day("-1 month", date(2026, 3, 31)) == date(2026, 2, 28)


def test_dates_of_ones_own_win_over_a_name():
    found = resolve_date_range(
        {
            "date_range_type": "last_year",
            "start_date": "2026-01-01",
            "end_date": "yesterday",
        },
        TODAY,
    )
    assert found == (date(2026, 1, 1), date(2026, 3, 10))


@pytest.mark.parametrize(
    "query",
    [
        {"date_range_type": "last_0_days"},
        {"date_range_type": "next_year"},
        {"date_range_type": "last_9999_years"},
        {"date_range_type": "custom"},
        {"start_date": "2026-01-01"},
        {"start_date": "2026-02-01", "end_date": "2026-01-01"},
        {"start_date": "the ides of March", "end_date": "today"},
        {"start_date": "-9999 years", "end_date": "today"},
        {"start_date": "@99999999999999", "end_date": "today"},
        {"start_date": "2026-13-01", "end_date": "today"},
    ],
)
def test_a_range_that_cannot_be_is_refused(query):
    with pytest.raises(ApiError) as refused:
        resolve_date_range(query, TODAY)
    assert refused.value.status == 400
