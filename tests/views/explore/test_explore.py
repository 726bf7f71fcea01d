"""Exploring: everything is an address; panels and pictures work as pages of their own."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.http import QueryDict
from django.urls import reverse

from queries.charts.builders import chart_axes, epoch_columns_as_times
from queries.forms.grid_forms import canonical_query, typed_time_bounds
from queries.forms.grid_view import parse_grid_state
from queries.results import Column, Condition, Page
from queries.views.explore.filter_texts import condition_text
from queries.views.explore.grid_links import GridUrl
from tests.factories import (
    MembershipFactory,
    RunFactory,
    SavedQueryFactory,
    UserFactory,
)
from tests.markup import one_line
from tests.stored_results import log_rows, stored_run
from tests.views.explore.test_results import numbers

HTMX = {"HX-Request": "true"}
ERRORS = ("is", "$m.severity", "Error")


@pytest.fixture
def run(user):
    return stored_run(log_rows(250), owner=user, statement="source logs")


def f(*parts: str) -> str:
    return json.dumps(parts)


def url(name, run, **query):
    return reverse(name, args=[run.pk], query=query)


def links(text: str) -> dict[str, str]:
    """Link text (or label) -> address, of every link."""
    found = re.findall(r'<a\s([^>]*?)href="([^"]*)"([^>]*)>(.*?)</a>', text, re.DOTALL)
    return {
        (re.search(r'aria-label="([^"]*)"', before + rest) or [0, re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", inside)).strip()])[1]: unescape(href)
        for before, href, rest, inside in found
    }  # fmt: skip


def test_a_filter_is_a_chip_in_words_that_leads_to_the_address_without_it(page, run):
    text = page.get(url("run_results", run, f=[f(*ERRORS), f("between", "$d.n", "100", "")], q="message", sort="-$d.n")).text  # fmt: skip
    found = links(text)
    for words in ("$m.severity is Error", "$d.n is at least 100", "any column contains message"):  # fmt: skip
        assert f"{words}, remove this filter" in found
    left = parse_qs(urlsplit(found["$m.severity is Error, remove this filter"]).query)
    assert left["f"] == ['["between","$d.n","100",""]']
    assert left["q"] == ["message"]
    assert left["sort"] == ["-$d.n"]
    assert "by $d.n ↓, remove this sort" in found
    assert found["Clear all"].endswith("/results/")
    assert "50 of 250 rows" in one_line(text)


def test_rows_are_sorted_by_several_columns(page, run):
    response = page.get(url("run_results", run, sort=["$m.severity", "-$d.n"], size=50))
    assert numbers(response)[:3] == [250, 247, 244]
    assert response.text.count('aria-sort="') == 2
    assert re.search(r"sort number</span> 2", response.text)


def test_what_the_form_asks_becomes_an_address(page, run):
    asked = url(
        "run_results", run, fc="$d.n", fo="between", fv="5", fw="9", page=3, q=""
    )
    response = page.get(asked)
    assert response.status_code == 302
    assert parse_qs(urlsplit(response["Location"]).query) == {
        "f": ['["between","$d.n","5","9"]']
    }
    assert numbers(page.get(response["Location"])) == [6, 7, 8, 9, 10]


def test_a_time_typed_on_the_readers_clock_is_that_time(page, run, user):
    user.time_zone = "Asia/Kolkata"
    user.save()
    asked = url("run_results", run, fc="$m.timestamp", fo="is", fv="2026-06-19 05:31")
    response = page.get(asked, follow=True)
    assert numbers(response) == list(range(61, 101)) + list(range(101, 121))
    assert (
        "$m.timestamp is between 2026-06-19 05:31 and 2026-06-19 05:31:59.999"
        in response.text
    )


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2026-06-19", "2026-06-19T00:00:00.000Z", "2026-06-19T23:59:59.999Z"),
        ("2026-06-19T10:00+02:00", "2026-06-19T08:00:00.000Z", "2026-06-19T08:00:00.000Z"),
        ("soon", "soon", "soon"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_a_typed_time_stands_for_its_last_unit(text, low, high):
    assert typed_time_bounds(text, UTC) == (low, high)


def test_a_column_is_moved_by_a_button(page, run):
    response = page.get(
        url("run_results", run, col=["$d.n", "$d.message"], up="$d.message")
    )
    assert parse_qs(urlsplit(response["Location"]).query)["col"] == [
        "$d.message",
        "$d.n",
    ]
    heads = re.findall(r'title="Sort by ([^"]+)"', page.get(response["Location"]).text)
    assert heads == ["$d.message", "$d.n"]


def test_moves_stop_at_the_ends_and_unknown_columns_stay():
    query = QueryDict("col=a&col=b&up=a&down=x")
    assert canonical_query(query, {"a": "text", "b": "text"}, ["a", "b"], UTC).getlist(
        "col"
    ) == ["a", "b"]


@pytest.mark.parametrize(
    "odd", ["[", "null", '["is"]', '["is",1]', '["nope","a","b"]', "[" * 9000]
)
def test_an_odd_filter_is_ignored(page, run, odd):
    assert len(numbers(page.get(url("run_results", run, f=odd)))) == 100


@pytest.mark.parametrize("bad", [("matches", "$d.message", "("), ("is", "gone", "x")])
def test_a_filter_that_cannot_be_is_said_in_place_and_can_be_removed(page, run, bad):
    text = page.get(url("run_results", run, f=f(*bad))).text
    assert "These rows cannot be shown" in text
    assert "remove this filter" in text


def test_the_columns_panel_lists_types_presence_and_what_is_shown(page, user):
    run = stored_run([{"a": 1, "b": "x"}, {"a": 2}], owner=user)
    text = one_line(page.get(url("run_columns", run, view="col=b"), headers=HTMX).text)
    assert "<html" not in text
    assert re.search(r'value="b" checked.*?50%', text, re.DOTALL)
    assert re.search(r'value="a" aria-label.*?integer.*?100%', text, re.DOTALL)
    assert "<html" in page.get(url("run_columns", run)).text


def test_a_column_says_what_it_holds_and_offers_its_values(page, run):
    text = page.get(url("run_column", run, of="$d.n", view="f=" + f(*ERRORS))).text
    plain = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))
    assert "of 83" in plain
    assert "Least 2 Greatest 248 Mean 125" in plain
    found = links(
        page.get(
            url("run_column", run, of="$m.severity", view=urlencode({"f": f(*ERRORS)}))
        ).text
    )
    assert "No longer only Error 83 rows" in found
    both = found["Only Info 84 rows"]
    assert parse_qs(urlsplit(both).query)["f"] == [
        '["is","$m.severity","Error","Info"]'
    ]
    assert len(numbers(page.get(both + "&size=500"))) == 167
    without = found["Without Info"]
    assert '["not","$m.severity","Info"]' in parse_qs(urlsplit(without).query)["f"]


def test_rows_without_a_value_can_be_chosen(page, user):
    run = stored_run([{"a": 1}, {"b": 2}, {"a": None}], owner=user)
    found = links(page.get(url("run_column", run, of="a")).text)
    assert numbers(page.get(found["Only no value 2 rows"])) == [2, 3]
    assert numbers(page.get(found["Without no value"])) == [1]


def test_a_column_that_is_not_there_is_not_found(page, run):
    assert page.get(url("run_column", run, of="gone")).status_code == 404
    assert page.get(url("run_condition", run, fc="gone")).status_code == 404


def test_the_form_of_a_filter_suggests_values_and_fitting_comparisons(page, run):
    text = page.get(url("run_condition", run, fc="$m.severity"), headers=HTMX).text
    assert '<option value="Warning">' in text
    assert 'value="matches"' not in text
    text = page.get(url("run_condition", run, fc="$d.message"), headers=HTMX).text
    assert 'value="matches"' in text


def test_a_value_can_be_added_to_the_statement_and_nothing_runs(page, run):
    found = links(page.get(url("run_column", run, of="$m.severity")).text)
    form = page.get(found["Filter for value, in the query"]).text
    assert "source logs\n| filter $m.severity == " in unescape(form)
    found = links(
        page.get(url("run_results", run, f=[f(*ERRORS), f("is", "$d.n", "5")])).text
    )
    form = unescape(page.get(found["Add to the statement"]).text)
    assert "source logs\n| filter $m.severity == ERROR\n| filter $d.n == 5" in form
    assert type(run).objects.count() == 1


def test_a_statement_in_lucene_is_offered_no_clause(page, user):
    run = stored_run(
        log_rows(3), owner=user, settings={"syntax": "QUERY_SYNTAX_LUCENE"}
    )
    assert (
        "Add to the statement"
        not in page.get(url("run_results", run, f=f(*ERRORS))).text
    )


def test_the_timeline_leads_to_its_rows(page, run, user):
    user.time_zone = "Europe/Berlin"
    user.save()
    text = page.get(url("run_timeline", run, view="sort=-$d.n"), headers=HTMX).text
    bars = re.findall(r'<a href="([^"]+)" hx-get="[^"]+" data-low="([^"]+)"', text)
    assert len(bars) > 10
    assert "02:00" in text
    assert text.count('data-severity="error"') > 10
    counted = [len(numbers(page.get(unescape(href)))) for href, _ in bars]
    assert sum(counted) == 250
    assert "sort=-%24d.n" in bars[0][0]
    assert '<th scope="col" class="num">Error</th>' in text


def test_the_timeline_is_stacked_by_a_chosen_column_or_by_nothing(page, run):
    text = page.get(
        url("run_timeline", run, view="by=$l.subsystemname"), headers=HTMX
    ).text
    assert "service-6" in text
    assert 'class="hue-7"' in text
    text = page.get(url("run_timeline", run, view="by=-"), headers=HTMX).text
    assert "data-severity" not in text


def test_a_picture_is_offered_where_there_is_something_to_draw(page, user):
    logs = page.get(url("run_results", stored_run(log_rows(3), owner=user))).text
    assert "/timeline/?view=" in logs
    names = page.get(
        url(
            "run_results",
            stored_run([{"a": "x", "n": 1}, {"a": "y", "n": 2}], owner=user),
        )
    ).text
    assert "/chart/?view=" in names
    assert re.search(r'aria-current="true">Bars<', one_line(names))
    plain = page.get(url("run_results", stored_run([{"a": "x"}], owner=user))).text
    assert "/timeline/" not in plain
    assert "/chart/" not in plain


def test_a_hidden_picture_stays_hidden_by_its_address(page, run):
    text = page.get(url("run_results", run, show="table")).text
    assert "/timeline/?view=" not in text
    assert re.search(r'aria-current="true">Table<', one_line(text))


def test_a_chart_is_drawn_by_the_axes_of_the_address(page, user):
    rows = [{"a": "x", "n": 1, "m": 10}, {"a": "y", "n": 2, "m": 20}]
    run = stored_run(rows, owner=user)
    text = page.get(url("run_chart", run, view=""), headers=HTMX).text
    assert text.count("<g>") == 4
    text = page.get(url("run_chart", run, view="show=line&y=m"), headers=HTMX).text
    assert "chart--line" in text
    assert text.count("<path") == 1
    text = page.get(
        url("run_chart", run, view="f=" + f("is", "a", "x")), headers=HTMX
    ).text
    assert text.count("<g>") == 2


def test_nothing_to_draw_is_said(page, user):
    run = stored_run([{"a": "x"}, {"a": "y"}], owner=user)
    assert "nothing to draw" in page.get(url("run_chart", run)).text
    assert "no column of times" in page.get(url("run_timeline", run)).text


def test_nanoseconds_of_grouping_by_time_are_a_line_over_time():
    start = 1_795_273_200_000_000_000
    columns = [
        Column("hour", "integer", "w"),
        Column("level", "text", "s"),
        Column("rows", "integer", "i"),
    ]
    rows = [(n, [start + n // 2 * 3600 * 10**9, "ab"[n % 2], n]) for n in range(6)]
    drawn = epoch_columns_as_times(Page(columns, rows, 6, 6))
    assert drawn.rows[2][1][0] - drawn.rows[0][1][0] == timedelta(hours=1)
    axes = chart_axes(drawn.columns, "", "")
    assert axes is not None
    assert (
        axes.x.name,
        [y.name for y in axes.ys],
        [by.name for by in axes.group_by],
    ) == (
        "hour",
        ["rows"],
        ["level"],
    )


def test_the_neighbours_of_a_row_are_those_of_the_order_and_filter(page, run):
    text = page.get(url("run_results", run, f=f(*ERRORS), sort="-$d.n")).text
    row = links(text)["Open row 246"]
    found = links(page.get(row, headers=HTMX).text)
    assert "/rows/248/" in found["Previous row"]
    assert "/rows/242/" in found["Next row"]
    first = links(page.get(links(text)["Open row 249"], headers=HTMX).text)
    assert "Previous row" not in first
    assert "/rows/245/" in first["Next row"]


def test_a_made_up_place_has_no_neighbours(page, run):
    address = reverse(
        "run_row", args=[run.pk, 5], query={"at": "77", "view": "sort=-$d.n"}
    )
    assert "Next row" not in page.get(address, headers=HTMX).text


def test_a_saved_query_remembers_columns_and_widths(page, user):
    query = SavedQueryFactory(owner=user)
    run = stored_run(log_rows(3), owner=user, saved_query=query)
    widths = json.dumps({"$d.n": 120, "$d.message": 9, "x": "wide", "y": 1e9})
    page.post(
        reverse("saved_query_layout", args=[query.pk]),
        {"view": "col=$d.message&col=$d.n", "widths": widths},
    )
    query.refresh_from_db()
    assert query.layout == {"columns": ["$d.message", "$d.n"], "widths": {"$d.n": 120}}
    text = page.get(url("run_results", run)).text
    assert re.findall(r'title="Sort by ([^"]+)"', text) == ["$d.message", "$d.n"]
    assert 'data-width="120"' in text
    text = page.get(url("run_results", run, col="$d.n")).text
    assert re.findall(r'title="Sort by ([^"]+)"', text) == ["$d.n"]
    text = page.get(url("run_results", run, layout="off")).text
    assert text.count('title="Sort by') > 2


@pytest.mark.parametrize("odd", ["", "[", "[1]", '"x"', "null", "[" * 9000])
def test_odd_widths_are_none(page, user, odd):
    query = SavedQueryFactory(owner=user)
    page.post(reverse("saved_query_layout", args=[query.pk]), {"widths": odd})
    query.refresh_from_db()
    assert query.layout == {"columns": [], "widths": {}}


def test_only_who_may_edit_it_is_offered_to_remember(page, user):
    membership = MembershipFactory(user=user)
    query = SavedQueryFactory(owner=UserFactory(), team=membership.team)
    run = stored_run(log_rows(3), owner=user, saved_query=query)
    assert "Remember for this" not in page.get(url("run_columns", run)).text
    query.owner = user
    query.save()
    assert "Remember for this" in page.get(url("run_columns", run)).text


def test_a_wide_result_is_explored_by_its_columns(page, user):
    run = stored_run([{f"c{n:03}": n for n in range(500)}], owner=user)
    text = page.get(url("run_columns", run), headers=HTMX).text
    assert text.count('name="col"') == 500
    assert text.count("checked") == 60
    grid = page.get(url("run_results", run), headers=HTMX).content
    assert len(grid) < 200_000


@pytest.mark.parametrize(
    ("condition", "kind", "words"),
    [
        (Condition("a", "is", ("x", "y")), "text", "a is one of x, y"),
        (Condition("a", "not", ("x", "y")), "text", "a is none of x, y"),
        (Condition("a", "lacks", ("x",)), "text", "a does not contain x"),
        (Condition("a", "matches", ("x.*",)), "text", "a matches x.*"),
        (Condition("a", "between", ("", "5")), "integer", "a is at most 5"),
        (Condition("a", "between", ("1", "5")), "integer", "a is between 1 and 5"),
        (Condition("a", "empty"), "text", "a is empty"),
        (Condition("a", "is", ("x" * 99,)), "text", f"a is {'x' * 60}…"),
        (Condition("t", "is", ("2026-06-19T00:00:01.500Z",)), "timestamp", "t is 2026-06-19 00:00:01.500"),
    ],
)  # fmt: skip
def test_a_condition_reads_as_a_sentence(condition, kind, words):
    assert condition_text(condition, kind, UTC) == words


def test_addresses_give_back_what_they_were_made_of():
    address = GridUrl(RunFactory.build(), QueryDict("sort=-a&q=x&tz=utc&page=4&rows=9"))
    there = address.toggle_filter("b", "is", "ü & ?")
    query = QueryDict(urlsplit(there).query)
    assert parse_grid_state(query).conditions == (Condition("b", "is", ("ü & ?",)),)
    assert query["tz"] == "utc"
    assert "page" not in query
    assert "rows" not in query
    again = GridUrl(RunFactory.build(), query).toggle_filter("b", "is", "ü & ?")
    assert "f=" not in again


def test_times_of_statistics_are_shown_in_the_zone_of_the_reader(page, run, user):
    user.time_zone = "Asia/Kolkata"
    user.save()
    text = page.get(url("run_column", run, of="$m.timestamp")).text
    assert "2026-06-19 05:30:00.461" in text
    assert (
        datetime(2026, 6, 19, tzinfo=UTC).strftime("%Y-%m-%d 00:00:00.461")
        not in text.split("Most frequent")[0]
    )
