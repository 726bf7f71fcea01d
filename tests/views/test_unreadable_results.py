"""Rows that cannot be read at this moment, or not like that: every page says so in words."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from queries.models import Export
from queries.results.concurrency import READ_SLOTS
from tests.stored_results import log_rows, stored_run

BUSY = "Too many results are being read at this moment. Try again shortly."
PAGES = ["run_results", "run_columns", "run_column", "run_timeline", "run_row"]
FILES = ["run_export", "run_download", "run_export_estimate"]
WRONG = {
    '["is","$d.nope","x"]': "The filter on “$d.nope” cannot be used: this result has no such column.",
    '["matches","$d.message","("]': "The filter on “$d.message” cannot be used: the regular expression is not valid",
    '["between","$d.n","a","b"]': "The filter on “$d.n” cannot be used:",
}


@pytest.fixture
def run(user):
    return stored_run(log_rows(30), owner=user)


@pytest.fixture
def crowd(monkeypatch):
    """Others read results with every thread there is, and the time to wait for one is over at once."""
    wait_for = READ_SLOTS._freed.wait_for
    monkeypatch.setattr(
        READ_SLOTS._freed, "wait_for", lambda free, _: wait_for(free, 0)
    )
    return READ_SLOTS.acquire(READ_SLOTS.capacity, 0)


def page_of(page, name, run, **query):
    place = [run.pk, 3] if name == "run_row" else [run.pk]
    if name == "run_column":
        query["of"] = "$m.severity"
    if name == "run_columns":  # of all rows the files' footers tell, and nobody waits
        query.setdefault("q", "message")
    if name == "run_row":
        query = {"view": "&".join(f"{key}={value}" for key, value in query.items())}
    return page.get(reverse(name, args=place), query)


def file_of(page, name, run, **choices):
    choices = {"format": "csv", "columns": "all", **choices}
    return page.post(reverse(name, args=[run.pk]), choices, follow=True)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_that_too_many_read_results(page, run, crowd, name):
    with crowd:
        response = page_of(page, name, run)
    assert response.status_code == 200
    assert BUSY in response.text
    assert BUSY not in page_of(page, name, run).text


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_that_too_many_read_results(page, run, crowd, name):
    with crowd:
        response = file_of(page, name, run)
    assert response.status_code == 200
    assert BUSY in response.text
    assert not Export.objects.exists()


@pytest.mark.parametrize("name", PAGES[:-1])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_page_says_what_is_wrong_with_a_filter(page, run, name, wrong):
    response = page_of(page, name, run, f=wrong)
    assert response.status_code == 200
    assert WRONG[wrong] in response.text


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_file_says_what_is_wrong_with_a_filter(page, run, name, wrong):
    response = file_of(page, name, run, view=f"f={wrong}", as_shown="on")
    assert response.status_code == 200
    assert WRONG[wrong] in response.text
    assert not Export.objects.exists()


@pytest.mark.parametrize("wrong", WRONG)
def test_a_row_is_shown_whatever_is_wrong_with_the_filter_around_it(page, run, wrong):
    response = page_of(page, "run_row", run, f=wrong)
    assert response.status_code == 200
    assert "message 3" in response.text


def test_a_refine_begins_without_a_filter_on_a_column_that_is_not_there(page, run):
    view = f"f={json.dumps(['is', '$d.nope', 'x'])}"
    response = page.get(reverse("run_refine", args=[run.pk]), {"view": view})
    assert response.context["form"].initial["statement"] == "source logs"
