"""The grid: every row can be paged to, sorted, filtered and opened; the address carries the state."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from django.urls import reverse

from queries.models import Status
from tests.factories import RunFactory
from tests.markup import one_line
from tests.results.test_wire_to_page import ODD, wire_row
from tests.stored_results import log_rows, stored_run

HTMX = {"HX-Request": "true"}


@pytest.fixture
def run(user):
    return stored_run(log_rows(250), owner=user)


def url(run, **query):
    return reverse("run_results", args=[run.pk], query=query)


def numbers(response) -> list[int]:
    """The row numbers shown, 1-based."""
    return [
        int(n.replace(",", ""))
        for n in re.findall(r'aria-label="Open row ([\d,]+)"', response.text)
    ]


def test_the_first_page_shows_a_hundred_rows_and_counts_them_all(page, run):
    response = page.get(url(run))
    assert numbers(response) == list(range(1, 101))
    assert "<b>1\N{EN DASH}100</b> of <b>250</b>" in response.text


def test_a_page_in_the_middle_and_the_last_one_are_exact(page, run):
    assert numbers(page.get(url(run, page=2, size=50))) == list(range(51, 101))
    assert numbers(page.get(url(run, page=3))) == list(range(201, 251))


def test_a_page_past_the_end_is_the_last_one(page, run):
    assert numbers(page.get(url(run, page=99999999999))) == list(range(201, 251))


@pytest.mark.parametrize("odd", ["0", "-3", "x", "1e9", "", "٣"])
def test_an_odd_page_or_size_means_the_default(page, run, odd):
    assert numbers(page.get(url(run, page=odd, size=odd))) == list(range(1, 101))


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_a_row_opens_whatever_its_data_hold(page, user, text):
    row = json.loads(wire_row(text))
    run = stored_run([row], owner=user)
    response = page.get(reverse("run_row", args=[run.pk, 0]))
    assert response.status_code == 200
    assert "cannot be shown" not in response.text
    assert "severity" in response.text


def test_sorting_covers_the_whole_result(page, run):
    assert numbers(page.get(url(run, sort="-$d.n", size=50))) == list(
        range(250, 200, -1)
    )
    assert numbers(page.get(url(run, sort="$d.n", size=50))) == list(range(1, 51))


def test_an_unknown_sort_column_changes_nothing(page, run):
    assert numbers(page.get(url(run, sort="no; DROP TABLE"))) == list(range(1, 101))


def test_a_filter_looks_into_every_column(page, run):
    response = page.get(url(run, q="MESSAGE 24"))
    assert numbers(response) == [25, *range(241, 251)]
    assert "11 of 250 rows" in one_line(response.text)


def test_a_filter_on_one_column_ignores_the_others(page, run):
    assert numbers(page.get(url(run, **{"q": "service-3", "in": "$d.message"}))) == []
    found = numbers(page.get(url(run, **{"q": "service-3", "in": "$l.subsystemname"})))
    assert found == [n + 1 for n in range(250) if n % 7 == 3]


def test_wildcards_in_a_filter_are_just_characters(page, run):
    assert numbers(page.get(url(run, q="%"))) == []
    assert "No row passes the filter" in page.get(url(run, q="%")).text


def test_only_the_chosen_columns_are_shown(page, run):
    text = page.get(url(run, col=["$d.n", "$d.message"]), headers=HTMX).text
    assert one_line(text).count('<th scope="col"') == 3
    assert "service-1" not in text.split("<tbody")[1]


def test_htmx_gets_the_grid_alone_and_back_gets_the_page(page, run):
    assert "<html" not in page.get(url(run), headers=HTMX).text
    back = HTMX | {"HX-History-Restore-Request": "true"}
    assert "<html" in page.get(url(run), headers=back).text


def test_times_are_shown_in_the_zone_of_the_person_or_in_utc(page, run, user):
    user.time_zone = "Asia/Kolkata"
    user.save()
    assert "2026-06-19 05:30:00.461" in page.get(url(run)).text
    assert "2026-06-19 00:00:00.461" in page.get(url(run, tz="utc")).text


def test_a_row_opens_as_the_tree_it_came_as(page, run):
    text = page.get(reverse("run_row", args=[run.pk, 7])).text
    assert "message 7" in text
    assert "service-0" in text
    assert reverse("run_row", args=[run.pk, 6]) in text
    assert reverse("run_row", args=[run.pk, 8]) in text


def test_a_row_that_is_not_there_is_not_found(page, run):
    assert page.get(reverse("run_row", args=[run.pk, 250])).status_code == 404


def test_json_inside_a_row_is_unfolded_and_odd_text_is_left_alone(page, user):
    rows = [
        {
            "userData": '{"deep": {"er": 9007199254740993}}',
            "broken": "{no",
            "s": "<b>x</b>",
        }
    ]
    run = stored_run(rows, owner=user)
    text = page.get(reverse("run_row", args=[run.pk, 0])).text
    assert "9007199254740993" in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    assert "<b>x</b>" not in text


def test_an_expired_result_says_so(page, run):
    run.result_removed_at, run.result_removed_why, run.result = (
        run.finished_at,
        "expired",
        None,
    )
    run.save()
    assert "This result expired" in page.get(url(run)).text
    run.result_removed_why = "deleted"
    run.save()
    assert (
        "This result was deleted" in page.get(reverse("run_row", args=[run.pk, 0])).text
    )


def test_files_that_vanished_are_an_error_in_words(page, run, data_dir):
    for file in data_dir.rglob("*.parquet"):
        file.unlink()
    assert "These rows cannot be shown" in page.get(url(run)).text


def test_an_answer_without_rows_is_told_from_a_missing_one(page, user):
    assert "No results" in page.get(url(stored_run([], owner=user))).text
    failed = RunFactory(owner=user, status=Status.FAILED)
    assert "This run has no rows." in page.get(url(failed)).text


def test_hostile_text_in_cells_and_column_names_stays_text(page, user):
    evil = "<script>alert(1)</script>"
    text = page.get(
        url(stored_run([{evil: evil, "javascript:x": "{{ 7|add:7 }}"}], owner=user))
    ).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_the_columns_that_say_most_come_first_and_ids_last(page, user):
    row = {
        "$m": {"logid": "x", "severity": "Info", "timestamp": "t"},
        "$d": {"z": 1, "message": "m"},
    }
    text = page.get(url(stored_run([row], owner=user))).text
    heads = re.findall(r'title="Sort by ([^"]+)"', text)
    assert heads == ["$m.timestamp", "$m.severity", "$d.message", "$d.z", "$m.logid"]


def test_pairs_are_opened_as_the_object_they_stand_for(page, user):
    pairs = [{"key": "severity", "value": "5"}, {"key": "empty"}]
    doubled = [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]
    run = stored_run([{"metadata": pairs, "labels": doubled}], owner=user)
    text = page.get(reverse("run_row", args=[run.pk, 0]), headers=HTMX).text
    tree = text.split("Raw JSON")[0]
    assert '<span class="key">severity</span>' in tree
    assert tree.count('<span class="key">key</span>') == 2


def test_a_very_wide_result_shows_its_first_columns_until_asked_for_more(page, user):
    run = stored_run([{f"c{n:03}": n for n in range(300)}], owner=user)
    text = page.get(url(run), headers=HTMX).text
    assert one_line(text).count('<th scope="col"') == 61
    assert "60/300" in re.sub(r"<[^>]+>", "", text)
    text = page.get(url(run, col=["c299"]), headers=HTMX).text
    assert one_line(text).count('<th scope="col"') == 2


def test_a_row_of_many_megabytes_does_not_become_such_a_page(page, user):
    run = stored_run([{"m": "x" * 3_000_000}], owner=user)
    response = page.get(reverse("run_row", args=[run.pk, 0]))
    assert len(response.content) < 700_000
    assert "an export holds all of it" in response.text


def test_a_row_goes_with_the_names_of_all_columns_so_that_values_become_filters(
    page, run
):
    text = page.get(reverse("run_row", args=[run.pk, 0]), headers=HTMX).text
    names = json.loads(unescape(re.search(r'data-columns="([^"]*)"', text)[1]))
    assert {"$m.severity", "$d.n", "$d.nested.a"} <= set(names)
