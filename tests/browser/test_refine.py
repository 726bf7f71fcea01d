"""Refining in a real browser: from a filtered grid to an answer, and back when it was wrong."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import axe_violations
from tests.browser.test_main_job import ends_as, write

SEEN = os.environ.get("REFINE_PICTURES")  # a folder: keep what the pages look like


def look(tab: Page, name: str) -> None:
    """Keep pictures of the page, if somebody wants to look: wide and narrow, light and dark."""
    if not SEEN:
        return
    for scheme in ("light", "dark"):
        for width in (1280, 360):
            tab.emulate_media(color_scheme=scheme)
            tab.set_viewport_size({"width": width, "height": 900})
            tab.screenshot(
                path=Path(SEEN) / f"{name}-{scheme}-{width}.png", full_page=True
            )
    tab.emulate_media(color_scheme="light")
    tab.set_viewport_size({"width": 1280, "height": 900})


@pytest.fixture
def result(tab):
    """The page of a run with 300 log rows."""
    write(tab, "source logs | limit 300", "Direct", limit="300")
    ends_as(tab, "Succeeded")
    return tab


def test_a_result_is_refined_in_dataprime_and_again_in_sql(result):
    tab = result
    tab.get_by_role("link", name="Refine", exact=True).click()
    expect(tab.get_by_role("heading", name="Refine", level=1)).to_be_visible()
    expect(tab.get_by_label("Statement")).to_have_value("source logs")
    assert axe_violations(tab) == []
    look(tab, "form")
    tab.get_by_role("link", name=re.compile("Count by")).click()
    tab.get_by_role("button", name="Refine").click()
    ends_as(tab, "Succeeded")
    expect(tab.locator(".grid thead")).to_contain_text("count")
    expect(tab.locator(".page-head")).to_contain_text("source logs | limit 300")
    assert axe_violations(tab) == []
    look(tab, "answer")
    tab.get_by_role("link", name="Refine", exact=True).click()
    tab.get_by_label("SQL").check()
    expect(tab.get_by_role("link", name=re.compile("at a glance"))).to_be_visible()
    look(tab, "form-sql")
    tab.get_by_label("Statement").fill("SELECT sum(count) AS rows FROM rows")
    tab.get_by_role("button", name="Refine").click()
    ends_as(tab, "Succeeded")
    expect(tab.locator(".grid tbody td").first).to_have_text("300")


def test_a_mistake_is_marked_where_it_is(result):
    tab = result
    tab.get_by_role("link", name="Refine", exact=True).click()
    tab.get_by_label("Statement").fill("SELECT 1,\n  nope FROM rows")
    tab.get_by_label("SQL").check()
    tab.get_by_role("button", name="Refine").click()
    ends_as(tab, "Failed")
    look(tab, "failed")
    tab.get_by_role("link", name="Edit").click()
    expect(tab.locator(".editor-mark")).to_have_count(1)
    expect(tab.get_by_label("SQL")).to_be_checked()


def test_an_endless_refine_is_watched_and_cancelled(result):
    tab = result
    tab.get_by_role("link", name="Refine", exact=True).click()
    tab.get_by_label("SQL").check()
    tab.get_by_label("Statement").fill("SELECT count(*) FROM range(100000000000000)")
    tab.get_by_role("button", name="Refine").click()
    tab.get_by_role("button", name="Cancel", exact=True).click()
    ends_as(tab, "Cancelled")
