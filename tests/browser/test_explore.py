"""Exploring a stored result of 20,000 rows in a real browser: filter, facet, zoom, sort, drill down, and Back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import axe_violations
from tests.browser.test_main_job import ends_as, write

ROWS = "20,000"
SLOW = 30_000


@pytest.fixture(scope="module")
def address(product, browser, signed_in) -> str:
    """The address of a run with the rows to explore."""
    context = browser.new_context(storage_state=signed_in, base_url=product.url)
    page = context.new_page()
    write(page, "source logs | limit 20000", "Background")
    ends_as(page, "Succeeded")
    found = page.url
    context.close()
    return found


@pytest.fixture
def grid(tab: Page, address: str) -> Page:
    tab.goto(address)
    expect(tab.locator("#counts")).to_have_text(f"{ROWS} rows")
    expect(tab.locator(".chart a").first).to_be_attached(timeout=SLOW)
    return tab


def chips(page: Page):
    return page.locator(".chip--on .chip-words")


def test_a_facet_narrows_the_rows_and_back_brings_them_again(grid: Page):
    grid.locator("#columns-button").click()
    grid.locator("#columns-find").fill("m.severity")
    expect(grid.locator("#columns-list li:visible")).to_have_count(1)
    grid.locator("#columns-list a:visible").click()
    facet = grid.get_by_role("link", name=re.compile(r"^Only Warning"))
    facet.click()
    expect(chips(grid)).to_have_text(["$m.severity is Warning"])
    expect(grid.locator("#counts")).to_have_text(
        re.compile(rf"^\s*[\d,]+ of\s+{ROWS} rows\s*$")
    )
    words = grid.locator(".grid tbody tr td:nth-child(3)").all_inner_texts()
    assert set(words) == {"Warning"}
    chosen = grid.get_by_role("link", name=re.compile(r"^No longer only Warning"))
    expect(chosen).to_have_attribute("aria-current", "true")
    grid.get_by_role("link", name=re.compile(r"^Without Info")).click()
    expect(chips(grid)).to_have_count(2)
    grid.go_back()
    expect(chips(grid)).to_have_count(1)
    grid.go_back()
    expect(grid.locator("#counts")).to_have_text(f"{ROWS} rows")


def test_a_drag_over_the_timeline_zooms_and_the_chip_zooms_out(grid: Page):
    box = grid.locator(".chart").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    grid.mouse.move(box["x"] + box["width"] * 0.3, middle)
    grid.mouse.down()
    grid.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=4)
    grid.mouse.up()
    expect(chips(grid)).to_have_text([re.compile(r"^\$m\.timestamp is between ")])
    expect(grid).to_have_url(re.compile("between"))
    grid.locator(".chip--on").click()
    expect(chips(grid)).to_have_count(0)
    expect(grid).not_to_have_url(re.compile("between"))


def test_the_timeline_is_walked_and_opened_by_keys(grid: Page):
    bars = grid.locator(".chart a")
    bars.first.focus()
    grid.keyboard.press("ArrowRight")
    expect(bars.nth(1)).to_be_focused()
    grid.keyboard.press("Enter")
    expect(chips(grid)).to_have_text([re.compile(r"^\$m\.timestamp is between ")])


def test_filters_are_added_by_the_form_and_by_a_cell(grid: Page):
    grid.locator("#filter-menu > summary").click()
    grid.locator("#condition-column").select_option("$d.message")
    form = grid.locator("#filter-form .condition")
    expect(form.locator("[name=fo] option[value=contains]")).to_be_attached()
    expect(form.locator("[name=fw]")).to_be_hidden()
    form.locator("[name=fo]").select_option("contains")
    form.locator("[name=fv]").fill("order")
    form.get_by_role("button", name="Add filter").click()
    expect(chips(grid)).to_have_text(["$d.message contains order"])
    expect(grid).not_to_have_url(re.compile("fo="))
    cell = grid.locator(".grid tbody tr").first.locator("td").nth(3)
    service = cell.inner_text()
    cell.click()
    grid.get_by_role("link", name="Filter for value").click()
    expect(chips(grid)).to_have_count(2)
    expect(chips(grid).last).to_have_text(f"$l.subsystemname is {service}")


def test_a_filter_without_a_value_says_so_and_stays_open(grid: Page):
    grid.locator("#filter-menu > summary").click()
    grid.locator("#condition-column").select_option("$d.http.status")
    form = grid.locator("#condition-form")
    value = form.locator("[name=fv]")
    expect(form.locator("[name=fo] option[value=contains]")).to_have_count(0)
    form.get_by_role("button", name="Add filter").click()
    expect(form.get_by_role("alert")).to_contain_text("Enter a value.")
    expect(value).to_be_focused()
    assert axe_violations(grid) == []
    grid.keyboard.type("two hundred")
    grid.keyboard.press("Enter")
    expect(form.get_by_role("alert")).to_contain_text("“two hundred” is not a number.")
    expect(grid).not_to_have_url(re.compile("fo="))
    value.fill("200")
    grid.keyboard.press("Enter")
    expect(chips(grid)).to_have_text(["$d.http.status is 200"])
    expect(form).to_be_hidden()


def test_shift_adds_a_sort_and_its_number(grid: Page):
    grid.locator("th a[id]", has_text="$m.severity").click()
    expect(grid.locator("th[aria-sort]")).to_have_count(1)
    grid.locator("th a[id]", has_text="$m.timestamp").click(modifiers=["Shift"])
    expect(grid.locator("th[aria-sort]")).to_have_count(2)
    expect(grid.locator("th[data-column='$m.timestamp'] .place")).to_contain_text("2")
    expect(grid).to_have_url(re.compile("sort=%24m.severity&sort=%24m.timestamp"))


def test_rows_are_walked_by_keys_in_the_order_shown(grid: Page):
    grid.locator("th a[id]", has_text="$m.severity").click()
    expect(grid.locator("th[aria-sort]")).to_have_count(1)
    expect(grid.locator("#results.htmx-settling")).to_have_count(0)
    rows = grid.locator(".grid tbody .c-row").all_inner_texts()
    grid.locator(".grid tbody .c-row a").first.click()
    heading = grid.locator("#drawer h2")
    expect(heading).to_have_text(f"Row {rows[0]}")
    grid.keyboard.press("j")
    expect(heading).to_have_text(f"Row {rows[1]}")
    grid.keyboard.press("k")
    expect(heading).to_have_text(f"Row {rows[0]}")
    leaf = grid.locator("#drawer .leaf", has_text="subsystemname")
    leaf.focus()
    grid.keyboard.press("Enter")
    expect(grid.locator("#cell-menu b")).to_have_text("$l.subsystemname")
    grid.keyboard.press("Enter")
    expect(chips(grid)).to_have_text([re.compile(r"^\$l\.subsystemname is ")])


def test_a_column_is_moved_by_its_button_which_keeps_the_focus(grid: Page):
    grid.locator("#columns-button").click()
    grid.get_by_role("button", name="Move $m.timestamp down").click()
    expect(grid.locator(".grid thead th[data-column]").first).to_have_attribute(
        "data-column", "$m.severity"
    )
    expect(grid.locator("#columns-list li").first).to_have_attribute(
        "data-name", "$m.severity"
    )
    expect(grid.locator("#down-1")).to_be_focused()


def test_the_edge_of_a_head_sets_its_width(grid: Page):
    head = grid.locator("th[data-column='$m.severity']")
    box = head.bounding_box()
    assert box is not None
    grid.mouse.move(box["x"] + box["width"] - 1, box["y"] + 10)
    grid.mouse.down()
    grid.mouse.move(box["x"] + box["width"] + 79, box["y"] + 10, steps=3)
    grid.mouse.up()
    wider = head.bounding_box()
    assert wider is not None
    assert abs(wider["width"] - box["width"] - 80) < 5


def test_an_aggregate_is_a_chart_with_a_table(tab: Page):
    write(
        tab,
        "source logs | groupby $l.subsystemname aggregate count() as rows",
        "Direct",
    )
    ends_as(tab, "Succeeded")
    expect(tab.locator(".chart--bars")).to_be_visible(timeout=SLOW)
    tab.get_by_role("link", name="Lines").click()
    expect(tab.locator(".chart--line")).to_be_visible(timeout=SLOW)
    expect(tab).to_have_url(re.compile("show=line"))
    tab.get_by_text("View data").click()
    expect(tab.locator(".chart-table tbody tr").first).to_be_visible()
    tab.get_by_role("link", name="Table", exact=True).click()
    expect(tab.locator(".chart")).to_have_count(0)


def test_it_all_works_without_a_script(product, browser, signed_in, address):
    context = browser.new_context(
        storage_state=signed_in, base_url=product.url, java_script_enabled=False
    )
    page = context.new_page()
    page.goto(address)
    page.locator("#columns-button").click()
    page.locator("#columns-list a", has_text="$m.severity").click()
    page.get_by_role("link", name=re.compile(r"^Only Warning")).click()
    expect(chips(page)).to_have_text(["$m.severity is Warning"])
    page.get_by_role("link", name="Show chart").click()
    page.locator(".chart a").last.click()
    expect(chips(page)).to_have_count(2)
    page.goto(f"{address}condition/?fc=$d.message")
    page.locator("[name=fo]").select_option("contains")
    page.locator("[name=fv]").fill("order")
    page.get_by_role("button", name="Add filter").click()
    expect(chips(page)).to_have_text(["$d.message contains order"])
    context.close()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_exploring_is_accessible_and_fits(grid: Page, width: int, theme: str):
    grid.set_viewport_size({"width": width, "height": 800})
    grid.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    grid.goto(
        f"{grid.url}?f=%5B%22is%22%2C%22%24m.severity%22%2C%22Info%22%5D&sort=$m.severity"
    )
    expect(grid.locator(".chart a").first).to_be_attached(timeout=SLOW)
    assert grid.evaluate("document.documentElement.scrollWidth") == width
    assert axe_violations(grid) == []
    grid.locator("#columns-button").click()
    expect(grid.locator("#columns-list")).to_be_visible()
    assert axe_violations(grid) == []
    grid.locator("#columns-list a").first.click()
    expect(grid.locator(".facets")).to_be_visible()
    assert axe_violations(grid) == []
