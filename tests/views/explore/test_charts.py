"""Charts of aggregates: what counts is what is drawn, and what is left out is said."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.urls import reverse

from tests.markup import one_line
from tests.stored_results import stored_run

HTMX = {"HX-Request": "true"}
START = datetime(2026, 6, 19, tzinfo=UTC)
LEVELS = ("Debug", "Info", "Warning", "Error", "Critical")


def hourly(hours, names=LEVELS, **more):
    """Rows as grouping by hour and by name gives them."""
    for hour in range(hours):
        for at, name in enumerate(names):
            moment = START + timedelta(hours=hour)
            yield {"hour": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "level": name, "rows": hour + at, **more}  # fmt: skip


def stored(user, rows):
    return stored_run(rows, owner=user, hints={"hour": "timestamp"})


def grid(page, run, **query):
    return one_line(page.get(reverse("run_results", args=[run.pk], query=query)).text)


def drawing(page, run, view=""):
    address = reverse("run_chart", args=[run.pk], query={"view": view})
    return one_line(unescape(page.get(address, headers=HTMX).text))


def current(text):
    return re.findall(r'aria-current="true">(\w+)</a>', text)


def test_a_week_by_the_hour_and_severity_is_lines_unasked(page, user):
    run = stored(user, hourly(168))
    assert current(grid(page, run)) == ["Lines"]
    text = drawing(page, run)
    assert text.count("<path") == len(LEVELS)
    assert "a series for each level" in text
    assert "largest of" not in text
    assert "the first" not in text


def test_bars_over_time_stand_and_are_stacked(page, user):
    text = drawing(page, stored(user, hourly(168)), "show=bar")
    assert "chart--columns" in text
    assert text.count("<g><title>") == 168
    assert re.search(r"2026-06-19 0\d:00: [^<]*Critical 9[^<]*Debug 5", text)


def test_more_moments_than_can_stand_are_the_first_ones_and_it_is_said(page, user):
    text = drawing(page, stored(user, hourly(250)), "show=bar")
    assert "chart--bars" in text
    assert "the first 8 of 250 moments" in text


def test_the_largest_series_are_drawn_and_it_is_said_of_how_many(page, user):
    names = [f"service-{n:02}" for n in range(12)]
    text = drawing(page, stored(user, hourly(24, names)))
    assert text.count("<path") == 8
    assert "the 8 largest of 12" in text
    assert "service-11" in text
    assert "service-00" not in text


def test_two_names_together_name_a_series(page, user):
    rows = [
        {**row, "service": service}
        for row in hourly(24, ("Info", "Error"))
        for service in ("cart", "auth")
    ]
    text = drawing(page, stored(user, rows))
    assert text.count("<path") == 4
    assert "a series for each level, service" in text
    assert "Info, cart" in text


def test_rows_that_are_no_aggregate_are_points_of_their_own(page, user):
    rows = [*hourly(3, ("Info",)), *hourly(3, ("Info",))]
    text = drawing(page, stored(user, rows))
    assert text.count("<path") == 1
    assert "a series for each" not in text
    assert re.search(r'<path class="hue-1" d="([^"]*)"', text)[1].count("L") == 6


def test_bars_that_one_name_does_not_tell_apart_have_both(page, user):
    rows = [
        {"service": service, "level": level, "n": 1}
        for service in ("cart", "auth")
        for level in ("Info", "Error")
    ]
    text = drawing(page, stored(user, rows))
    assert list(re.findall(r'class="name"[^>]*>([^<]+)<', text)) == [
        "cart, Info",
        "cart, Error",
        "auth, Info",
        "auth, Error",
    ]


@pytest.mark.parametrize(
    ("hours", "names", "words"),
    [
        (2_001, LEVELS, "10,005 rows, more than the 10,000 that a chart can show"),
        (1_300, [*[*"abcdefgh"][:7], "z"], "10,400 rows"),
    ],
)
def test_too_many_are_refused_in_words_with_a_remedy(page, user, hours, names, words):
    run = stored(user, hourly(hours, names))
    assert current(grid(page, run)) == ["Timeline"]
    assert current(grid(page, run, show="line")) == ["Lines"]
    text = drawing(page, run, "show=line")
    assert words in text
    assert "Filter the rows, group by longer steps, or look at the table." in text


def test_marks_count_not_rows(page, user):
    rows = (
        {"hour": f"{START + timedelta(minutes=n):%Y-%m-%dT%H:%M:%SZ}", "a": n, "b": n, "c": n}
        for n in range(4_000)
    )  # fmt: skip
    run = stored(user, rows)
    assert "12,000 marks, more than the 10,000" in drawing(page, run, "show=line")
    assert drawing(page, run, "show=line&y=a").count("<path") == 1


def test_bars_over_names_need_only_the_first_rows(page, user):
    run = stored(user, ({"name": f"n{n}", "rows": n} for n in range(12_000)))
    text = drawing(page, run, "show=bar&sort=-rows")
    assert "the first 40 of 12,000 rows; sort to choose which" in text
    assert "n11999" in text


def test_a_wide_result_of_many_rows_is_offered_no_chart(page, user):
    rows = [{**{f"c{n}": n for n in range(8)}, "name": str(at)} for at in range(501)]
    text = grid(page, stored(user, rows))
    assert "Bars" not in text
    assert "Bars" in grid(page, stored(user, rows[:500]))
