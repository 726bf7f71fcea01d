"""A million rows in a real browser: from the sandbox's wire through every way to look at them to a file."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import start_product, stop_product
from tests.browser.test_main_job import write

pytestmark = pytest.mark.slow

ROWS = 1_000_000
# Of a week of the demo shop a part lies ahead of now, and the archive lags behind.
ROWS_OF_THE_SHOP = 1_200_000
MINUTES = 60_000


@pytest.fixture(scope="module")
def large_product(tmp_path_factory, browser) -> Iterator:
    """A product of its own, whose sandbox has more than a million rows."""
    running = start_product(
        tmp_path_factory.mktemp("million"), "--sandbox-rows", str(ROWS_OF_THE_SHOP)
    )
    yield running
    stop_product(running)


@pytest.fixture
def grid(large_product, browser) -> Iterator[Page]:
    """The rows of a finished run of a million rows."""
    context = browser.new_context(base_url=large_product.url, accept_downloads=True)
    context.set_default_timeout(MINUTES)
    expect.set_options(timeout=MINUTES)
    page = context.new_page()
    page.goto(large_product.sign_in_url)
    write(page, f"source logs | limit {ROWS}", "Background", "last-7d")
    expect(page.locator("#run-live .status")).to_have_text(
        "Succeeded", timeout=10 * MINUTES
    )
    yield page
    expect.set_options(timeout=5_000)
    context.close()


def counted(page: Page) -> int:
    """How many rows pass the filter, as the page says."""
    found = re.match(
        rf"([\d,]+) of {ROWS:,} rows", page.locator("#counts").inner_text()
    )
    return int(found[1].replace(",", "")) if found else ROWS


def test_a_million_rows_are_explored_and_taken_away(grid: Page):
    expect(grid.locator("#counts")).to_have_text(f"{ROWS:,} rows")
    chips = grid.locator(".chip--on .chip-words")

    # Filter, by the form.
    grid.locator("#filter-menu > summary").click()
    grid.locator("#condition-column").select_option("$m.severity")
    form = grid.locator("#filter-form .condition")
    expect(form.locator("option[value=Critical]")).to_be_attached()
    form.locator("[name=fv]").first.fill("Error")
    form.get_by_role("button", name="Add filter").click()
    expect(chips).to_have_text(["$m.severity is Error"])
    errors = counted(grid)
    assert 0 < errors < ROWS

    # A facet says beforehand how many rows a click leaves.
    grid.locator("#columns-button").click()
    grid.locator("#columns-find").fill("subsystemname")
    grid.locator("#columns-list a:visible").click()
    facet = grid.locator(".facets li").first
    promised = int(re.sub(r"\D", "", facet.locator(".num").first.inner_text()))
    facet.get_by_role("link", name=re.compile("^Only ")).click()
    expect(chips).to_have_count(2)
    assert counted(grid) == promised < errors

    # The timeline shows the same rows, and a bar narrows to its time.
    bars = grid.locator(".chart a")
    expect(bars.first).to_be_attached()
    bars.last.focus()
    grid.keyboard.press("Enter")
    expect(chips).to_have_count(3)
    narrowed = counted(grid)
    assert 0 < narrowed <= promised

    # Down to one row, and to the next.
    grid.locator(".grid tbody .c-row a").first.click()
    expect(grid.locator("#drawer h2")).to_have_text(re.compile("^Row "))
    expect(grid.locator("#drawer")).to_contain_text("Error")

    # Back, step by step, to all of them, and forth again.
    for left in (2, 1, 0):
        grid.go_back()
        expect(chips).to_have_count(left)
        grid.wait_for_load_state()
    assert counted(grid) == ROWS
    for there in (1, 2, 3):
        grid.go_forward()
        expect(chips).to_have_count(there)
        grid.wait_for_load_state()  # going on before the scripts are there is not heard

    # What is shown is what the file holds.
    grid.get_by_role("button", name="CSV", exact=True).click()
    with grid.expect_download() as coming:
        grid.get_by_role("link", name="Download", exact=True).click()
    with coming.value.path().open(encoding="utf-8-sig", newline="") as file:
        assert sum(1 for _ in csv.reader(file)) == narrowed + 1
