"""Template tags: icons, numbers, times, navigation, sorting, paging."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.template import engines
from django.test import RequestFactory
from django.utils import timezone

from queries.templatetags.querydeck import EMPTY_VALUE
from tests.markup import one_line

NOW = datetime(2026, 11, 22, 11, 42, 7, tzinfo=UTC)


def render(source: str, url: str = "/", name: str = "", **context: Any) -> str:
    request = RequestFactory().get(url)
    request.resolver_match = SimpleNamespace(url_name=name)  # type: ignore[assignment]
    return one_line(
        engines["django"].from_string(source).render(context, request).strip()
    )


def test_an_icon_is_inline_svg_hidden_from_screen_readers():
    svg = render('{% icon "play" %}')
    assert svg.startswith('<svg class="icon" ')
    assert 'aria-hidden="true"' in svg
    assert "<path" in svg
    assert "style=" not in svg
    assert "@license" not in svg
    assert 'class="icon icon--sm"' in render('{% icon "play" "sm" %}')


@pytest.mark.parametrize("name", ["no-such-icon", "../LICENSE", "", "PLAY"])
def test_a_mistyped_icon_is_an_error(name: str):
    with pytest.raises(LookupError, match="No icon"):
        render("{% icon name %}", name=name)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (100000, "100,000"),
        (-1234, "-1,234"),
        (None, ""),
        (True, "True"),
        ("x", "x"),
    ],
)
def test_numbers_are_grouped(value: object, text: str):
    assert render("{{ value|number }}", value=value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (12.7, "12 s"),
        (60, "1 min"),
        (192, "3 min 12 s"),
        (7500, "2 h 5 min"),
        (7200, "2 h"),
        (100000, "1 d 3 h"),
        (timedelta(minutes=3), "3 min"),
        (None, ""),
    ],
)
def test_durations_use_two_units_at_most(seconds: Any, text: str):
    assert render("{{ seconds|duration }}", seconds=seconds) == text


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=10), "just now"),
        (timedelta(seconds=50), "1 min ago"),
        (timedelta(minutes=49), "49 min ago"),
        (timedelta(hours=5, minutes=40), "6 h ago"),
        (timedelta(days=12), "12 d ago"),
        (timedelta(days=-2), "in 2 d"),
    ],
)
@time_machine.travel(NOW, tick=False)
def test_the_past_and_the_future_are_told_in_one_unit(age: timedelta, text: str):
    html = render("{% ago when %}", when=NOW - age)
    assert html.startswith("<time datetime=")
    assert f"data-relative>{text}</time>" in html


def test_a_moment_is_shown_in_the_readers_zone_with_the_zone():
    with timezone.override(ZoneInfo("Europe/Berlin")):
        html = render("{% full_time when %}", when=NOW)
    assert (
        html
        == '<time datetime="2026-11-22T11:42:07+00:00">22 Nov 2026, 12:42:07 CET</time>'
    )


def test_a_missing_moment_is_a_dash_or_the_words_given():
    assert (
        render("{% ago when %}|{% full_time when %}|{% elapsed when %}", when=None)
        == f"{EMPTY_VALUE}|{EMPTY_VALUE}|{EMPTY_VALUE}"
    )
    assert render('{% ago when "Never" %}', when=None) == "Never"


@time_machine.travel(NOW, tick=False)
def test_elapsed_time_ticks_until_there_is_an_end():
    start = NOW - timedelta(seconds=83)
    running = render("{% elapsed start %}", start=start)
    assert 'data-elapsed-since="2026-11-22T11:40:44+00:00"' in running
    assert ">1 min 23 s<" in running
    ended = render("{% elapsed start end %}", start=start, end=NOW)
    assert ended == "1 min 23 s"


def test_the_navigation_marks_where_one_is():
    source = '{% nav_current "run_" except_name="run_new" %}'
    assert render(source, name="run_detail") == 'aria-current="page"'
    assert render(source, name="run_new") == ""
    assert render(source, name="team_list") == ""
    assert engines["django"].from_string(source).render({}) == ""


def test_a_form_keeps_the_rest_of_the_query_string():
    html = render(
        '{% hidden_query "page" %}', url="/?page=3&q=%22%3E%3Cb%3E&col=a&col=b"
    )
    assert "page" not in html
    assert '<input type="hidden" name="q" value="&quot;&gt;&lt;b&gt;">' in html
    assert html.count('name="col"') == 2


@pytest.mark.parametrize(
    ("sort", "direction", "href"),
    [
        ("", None, "?q=x&amp;sort=%24d.ms"),
        ("$d.ms", "ascending", "?q=x&amp;sort=-%24d.ms"),
        ("-$d.ms", "descending", "?q=x"),
        ("other", None, "?q=x&amp;sort=%24d.ms"),
    ],
)
def test_a_column_head_cycles_through_the_orders(
    sort: str, direction: str | None, href: str
):
    html = render(
        '{% sort_header "$d.ms" "" "integer" %}',
        url=f"/?q=x&page=4&sort={sort}",
        sorts=(sort,) if sort else (),
    )
    assert f'href="{href}"' in html
    assert html.startswith('<th scope="col" class="c-num"')
    assert (
        (f'aria-sort="{direction}"' in html) if direction else ("aria-sort" not in html)
    )
    assert "hx-get" not in html


def test_column_heads_number_the_sorts_they_take_part_in():
    sorts = ("-a", "b")
    assert "sort number</span> 1" in render('{% sort_header "a" %}', sorts=sorts)
    second = render('{% sort_header "b" %}', sorts=sorts)
    assert "sort number</span> 2" in second
    assert 'aria-sort="ascending"' in second
    assert "sort number" not in render('{% sort_header "c" %}', sorts=sorts)
    assert "sort number" not in render('{% sort_header "b" %}', sorts=("b",))


def test_a_column_head_swaps_the_target_and_has_a_stable_id():
    html = render('{% sort_header "a b" label %}', label="A <b>", target="#results")
    assert 'id="sort-a_b"' in html
    assert 'hx-target="#results"' in html
    assert "A &lt;b&gt;" in html


PAGER = '{% include "components/_pager.html" %}'


def test_a_pager_says_where_one_is_and_leads_everywhere():
    html = render(
        PAGER, url="/?q=x&page=4", number=4, pages=1000, first=301, last=400, total=100000, noun="rows",
        size=100, sizes=(50, 100, 500), target="#results",
    )  # fmt: skip
    assert f"<b>301{EMPTY_VALUE}400</b> of <b>100,000</b> rows" in html
    for page in (1, 3, 5, 1000):
        assert f'href="?q=x&amp;page={page}"' in html
    assert '<option value="100" selected>' in html
    assert 'max="1000"' in html
    assert html.count('hx-target="#results"') == 6
    assert "aria-disabled" not in html


def test_a_pager_at_its_end_leads_back_only():
    html = render(
        PAGER, url="/?page=2", number=2, pages=2, first=101, last=120, total=120
    )
    assert html.count('aria-disabled="true"') == 2
    assert 'href="?page=1"' in html
    assert "hx-get" not in html


def test_one_page_needs_no_pager_arrows_and_none_says_so():
    assert "First page" not in render(
        PAGER, number=1, pages=1, first=1, last=9, total=9
    )
    assert "No runs" in render(
        PAGER, number=1, pages=1, first=0, last=0, total=0, noun="runs"
    )


def test_an_alert_shows_what_is_known_and_escapes_it():
    source = '{% include "components/_alert.html" with level="error" title="No" message=evil remedy="Do" code="C1" request_id="r2" only %}'
    html = render(source, evil="<b>")
    assert 'role="alert"' in html
    assert "&lt;b&gt;" in html
    for text in ("No", "Do", "C1", "r2"):
        assert f">{text}<" in html
    plain = render('{% include "components/_alert.html" with message="Hi" only %}')
    assert "Provider code" not in plain
    assert 'role="alert"' not in plain


def test_a_badge_of_completeness_lists_its_notes():
    source = '{% include "components/_completeness.html" with state="cut" label="Truncated" notes=notes only %}'
    html = render(
        source, notes=[{"text": "Stopped at 2,000.", "remedy": "Raise it."}, "Plain."]
    )
    assert html.startswith('<details class="completeness menu" data-state="cut">')
    for text in ("Stopped at 2,000.", "Raise it.", "Plain."):
        assert text in html
    assert render(source, notes=[]).startswith(
        '<span class="completeness" data-state="cut">'
    )


def test_a_status_is_a_word_and_may_be_announced():
    source = '{% include "components/_status.html" with status=status label="Fetching rows" announce=announce only %}'
    html = render(source, status="fetching", announce="Fetching")
    assert (
        'data-status="fetching" data-announce="Fetching">Fetching rows</span>' in html
    )
    assert "<svg" in render(source, status="succeeded")


@pytest.mark.parametrize(
    ("level", "role"), [("success", "status"), ("info", "status"), ("warning", "alert"), ("error", "alert")]
)  # fmt: skip
def test_bad_news_interrupts_and_stays(level: str, role: str):
    html = render('{% include "components/_toast.html" with text="T" %}', level=level)
    assert f'role="{role}"' in html
    assert ("data-autohide" in html) == (role == "status")
