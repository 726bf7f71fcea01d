"""Charts: axes with round ticks in the reader's zone, drawings that say what they show."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from queries.charts.svg import Chart, Series, render_chart
from queries.charts.ticks import number_ticks, short_number, time_ticks

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 6, 19, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (950, "950"), (1234, "1.23k"), (3_400_000, "3.4M"), (0.25, "0.25"), (-5000, "-5k"), (1e300, "1.00e+300")],
)  # fmt: skip
def test_numbers_on_an_axis_are_short(value, words):
    assert short_number(value) == words


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 100, [0, 25, 50, 75, 100]),
        (3, 7, [0, 2, 4, 6, 8]),
        (-10, 10, [-10, -5, 0, 5, 10]),
        (0, 0, [0, 0.25, 0.5, 0.75, 1]),
        (-40, -20, [-40, -30, -20, -10, 0]),
    ],
)
def test_ticks_are_round_and_enclose_everything(low, high, ticks):
    assert number_ticks(low, high) == ticks


@pytest.mark.parametrize("high", [1e-300, 7e-9, 0.3, 19, 1e9, 1.7e308])
def test_any_number_gets_a_handful_of_ticks(high):
    ticks = number_ticks(0, high)
    assert 2 <= len(ticks) <= 7
    assert ticks[-1] >= high * 0.999


def test_time_ticks_are_round_in_the_zone_of_the_reader():
    words = [w for _, w in time_ticks(NOON, NOON + timedelta(hours=6), BERLIN)]
    assert words == ["14:00", "15:00", "16:00", "17:00", "18:00", "19:00", "20:00"]
    kolkata = time_ticks(NOON, NOON + timedelta(days=5), ZoneInfo("Asia/Kolkata"))
    assert [w for _, w in kolkata] == ["20 Jun", "21 Jun", "22 Jun", "23 Jun", "24 Jun"]
    assert kolkata[0][0] == pytest.approx(6.5 / 120)


@pytest.mark.parametrize(
    ("span", "first"),
    [
        (timedelta(seconds=20), "14:00:00"),
        (timedelta(minutes=50), "14:00"),
        (timedelta(days=200), "Jul 2026"),
        (timedelta(days=3000), "2028"),
        (timedelta(days=36500), "2040"),
    ],
)
def test_time_ticks_suit_the_span(span, first):
    ticks = time_ticks(NOON, NOON + span, BERLIN)
    assert ticks[0][1] == first
    assert 2 <= len(ticks) <= 8
    assert all(0 <= place <= 1 for place, _ in ticks)


def test_no_span_has_no_ticks():
    assert time_ticks(NOON, NOON, UTC) == []


def test_columns_are_stacked_and_lead_somewhere():
    html = render_chart(
        Chart(
            "Rows",
            "columns",
            ["a", "<b>"],
            [Series("Error", [1, 0], "error"), Series("Info", [3, 2], "info")],
            urls=["?f=1", "?f=2&x"],
        )
    )
    assert html.count('data-severity="info"') == 2
    assert html.count('data-severity="error"') == 1
    assert 'href="?f=2&amp;x"' in html
    assert "&lt;b&gt;: Info 2, show only these" in html
    assert 'role="group"' in html
    assert "<b>" not in html


def test_a_line_breaks_where_a_number_is_missing():
    html = render_chart(
        Chart("T", "line", list("abcd"), [Series("n", [1, None, 3, 4], "2")])
    )
    assert (
        'class="hue-2" d="M0.0 75.0L0.0 75.0M666.67 25.0L666.67 25.0L1000.0 0.0"'
        in html
    )
    assert 'role="img"' in html


def test_names_below_a_line_stand_below_its_points():
    line = render_chart(
        Chart("t", "line", ["auth", "cart", "ship"], [Series("n", [1, 2, 3])])
    )
    assert [(x, name) for _, x, name in names_below(line)] == [
        ("0.0", "auth"),
        ("50.0", "cart"),
        ("100.0", "ship"),
    ]


def test_a_phone_shows_every_third_name_and_long_ones_are_cut():
    labels = [f"a service with number {n}" for n in range(12)]
    found = names_below(
        render_chart(Chart("t", "columns", labels, [Series("n", [1] * 12)]))
    )
    assert [css for css, _, _ in found] == ["", " hide-small", " hide-small"] * 2
    assert {name for _, _, name in found} == {"a service with …"}


def names_below(drawing):
    """(Further class, place in percent, words) of each."""
    return re.findall(r'<text class="x([^"]*)" x="([^"]*)%"[^>]*>([^<]*)', drawing)


def test_lying_bars_name_themselves_and_end_in_their_number():
    html = render_chart(Chart("T", "bars", ["x" * 60, "y"], [Series("n", [-5, 10])]))
    assert f"{'x' * 27}…" in html
    assert ">-5</text>" in html
    assert 'height="58"' in html


def test_a_chart_of_nothing_is_drawn_too():
    for kind in ("columns", "line", "bars"):
        assert "<svg" in render_chart(Chart("T", kind, [], [Series("n", [])]))


def test_the_table_says_what_the_drawing_shows():
    drawn = Chart(
        "T", "bars", ["x", "y"], [Series("n", [1, 2]), Series("m", [3, None])]
    )
    assert drawn.table == [("x", [1, 3]), ("y", [2, None])]
