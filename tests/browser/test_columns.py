"""Columns in a real browser: dragged into order, set to a width by keys, remembered; the tree beside them."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import axe_violations
from tests.browser.test_main_job import ends_as, write

SLOW = 30_000


@pytest.fixture
def grid(tab: Page) -> Page:
    write(tab, "source logs | limit 60", "Direct", limit="60")
    ends_as(tab, "Succeeded")
    expect(tab.locator("#counts")).to_have_text("60 rows")
    return tab


def heads(page: Page) -> list[str]:
    found = page.locator(".grid thead th[data-column]")
    return [one.get_attribute("data-column") or "" for one in found.all()]


def width(page: Page, column: str) -> float:
    box = page.locator(f"th[data-column='{column}']").bounding_box()
    assert box is not None
    return box["width"]


def test_a_column_is_dragged_into_its_place(grid: Page):
    before = heads(grid)
    grid.locator("#columns-button").click()
    rows = grid.locator("#columns-list > li")
    expect(rows.first).to_have_attribute("data-name", before[0])
    rows.first.drag_to(rows.nth(2), target_position={"x": 40, "y": 24})
    expect(grid).to_have_url(re.compile("col="))
    expect(grid.locator(".grid thead th[data-column]").first).to_have_attribute(
        "data-column", before[1]
    )
    assert heads(grid)[:4] == [before[1], before[2], before[0], before[3]]
    expect(rows.nth(2)).to_have_attribute("data-name", before[0])
    grid.go_back()
    expect(grid.locator(".grid thead th[data-column]").first).to_have_attribute(
        "data-column", before[0]
    )


def test_a_width_is_set_by_keys_and_given_back(grid: Page):
    column = "$m.severity"
    natural = width(grid, column)
    grid.locator(f"th[data-column='{column}'] .about").focus()
    grid.keyboard.press("Enter")
    field = grid.get_by_label("Width")
    expect(field).to_have_value(str(round(natural)))
    field.fill("280")
    grid.keyboard.press("Tab")
    assert abs(width(grid, column) - 280) < 2
    grid.locator("th a[id]", has_text=column).click()
    expect(grid.locator("th[aria-sort]")).to_have_count(1)
    assert abs(width(grid, column) - 280) < 2
    field.fill("")
    grid.keyboard.press("Tab")
    assert width(grid, column) < 200


def test_a_saved_query_remembers_order_choice_and_width(grid: Page):
    run = grid.url
    grid.get_by_role("link", name="Save query").click()
    grid.get_by_label("Name", exact=True).fill("columns I like")
    grid.get_by_role("button", name=re.compile("^Save")).click()
    expect(grid).to_have_url(re.compile("/saved-queries/[0-9a-f-]{36}/"))
    saved = grid.url
    grid.get_by_role("button", name=re.compile("^Run")).first.click()
    ends_as(grid, "Succeeded")
    assert grid.url != run
    grid.locator("#columns-button").click()
    expect(grid.locator("#columns-list")).to_be_visible()
    boxes = grid.locator("#columns-list input[type=checkbox]")
    for number in range(3, boxes.count()):
        boxes.nth(number).uncheck()
    grid.get_by_role("button", name="Show these").click()
    expect(grid.locator(".grid thead th[data-column]")).to_have_count(3)
    grid.get_by_role("button", name="Move $m.timestamp down").click()
    expect(grid.locator(".grid thead th[data-column]").first).to_have_attribute(
        "data-column", "$m.severity"
    )
    expect(grid.locator("#columns-list li").first).to_have_attribute(
        "data-name", "$m.severity"
    )
    grid.locator("#columns-list a", has_text="$m.severity").click()
    grid.get_by_label("Width").fill("333")
    grid.keyboard.press("Tab")
    assert abs(width(grid, "$m.severity") - 333) < 2
    grid.get_by_role("link", name="All columns").click()
    grid.get_by_role("button", name="Remember for this saved query").click()
    expect(grid.locator(".toast")).to_be_visible()
    grid.goto(saved)
    grid.get_by_role("button", name=re.compile("^Run")).first.click()
    ends_as(grid, "Succeeded")
    expect(grid.locator(".grid thead th[data-column]")).to_have_count(3)
    assert heads(grid)[:2] == ["$m.severity", "$m.timestamp"]
    assert "col=" not in grid.url
    assert abs(width(grid, "$m.severity") - 333) < 2


def test_a_branch_of_a_row_is_copied_with_its_path(grid: Page):
    grid.locator(".grid tbody th a").first.click()
    branch = grid.locator("#row-tree .branch", has_text="applicationname").last
    text = grid.locator("#row-json").text_content() or ""
    labels = {one["key"]: one["value"] for one in json.loads(text)["labels"]}
    branch.get_by_role("button", name="Copy labels").focus()
    assert axe_violations(grid) == []
    grid.keyboard.press("Enter")
    menu = grid.locator("#cell-menu")
    expect(menu.locator("b")).to_have_text("$l")
    copied = menu.locator("[data-what=value]").get_attribute("data-copy-text")
    assert json.loads(copied or "") == labels
    grid.keyboard.press("Escape")
    expect(menu).to_be_hidden()


def test_a_value_of_a_hidden_column_can_be_chosen_in_its_row(grid: Page):
    grid.goto(f"{grid.url}?col=$m.timestamp")
    expect(grid.locator(".grid thead th[data-column]")).to_have_count(1)
    grid.locator(".grid tbody th a").first.click()
    leaf = grid.locator("#row-tree .leaf", has_text="subsystemname").first
    leaf.click()
    grid.get_by_role("link", name="Filter for value").click()
    expect(grid.locator(".chip--on")).to_have_text(
        re.compile(r"^\s*\$l\.subsystemname is ")
    )
