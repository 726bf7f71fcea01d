"""The main job in a real browser: connect, query, watch, page, export; nothing prepared by hand."""

from __future__ import annotations

import csv
import re
import zipfile
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import axe_violations

SLOW_RUN = 60_000


def write(
    tab: Page, statement: str, mode: str, time_range: str = "last-7d", **settings: str
) -> None:
    """Fill the new-run form the way a person does."""
    tab.goto("/runs/new/")
    tab.get_by_label("Statement").fill(statement)
    tab.get_by_label(mode, exact=True).check()
    tab.get_by_label("Time range").select_option(time_range)
    for name, value in settings.items():
        field = tab.locator(f"[name=setting_{name}]")
        field.select_option(value) if name == "tier" else field.fill(value)
    tab.get_by_role("button", name="Run", exact=True).click()


def ends_as(tab: Page, status: str) -> None:
    expect(tab.locator("#run-live .status")).to_have_text(status, timeout=SLOW_RUN)


def export(tab: Page, folder: Path, choose) -> Path:
    """Open the export menu, choose, and keep the file that comes."""
    tab.locator("#export-menu > summary").click()
    choose(tab.locator("#export-menu"))
    with tab.expect_download(timeout=SLOW_RUN) as coming:
        tab.get_by_role("button", name="Export", exact=True).click()
    file = folder / coming.value.suggested_filename
    coming.value.save_as(file)
    return file


def test_the_printed_link_works_once(product, browser, signed_in):
    context = browser.new_context()
    page = context.new_page()
    page.goto(product.sign_in_url)
    expect(page).to_have_url(re.compile("/accounts/"))
    context.close()


def test_a_newcomer_runs_a_sample_with_one_click(tab):
    tab.goto("/")
    expect(tab).to_have_url(re.compile("/runs/new/$"))
    tab.get_by_role("button", name=re.compile("Errors by service")).click()
    ends_as(tab, "Succeeded")
    expect(tab.locator(".grid thead")).to_contain_text("errors")
    assert tab.locator(".grid tbody tr").count() > 3


def test_a_direct_query_goes_from_the_form_to_a_spreadsheet(tab, tmp_path):
    write(
        tab,
        "source logs | orderby $m.timestamp desc | limit 300",
        "Direct",
        limit="300",
    )
    ends_as(tab, "Succeeded")
    expect(tab.locator("#run-live .completeness")).to_have_text(re.compile("Complete"))
    tab.get_by_role("link", name="Next page").click()
    expect(tab).to_have_url(re.compile("page=2"))
    expect(tab.locator(".grid tbody tr").first.locator("th")).to_have_text("101")
    tab.reload()
    expect(tab.locator(".grid tbody tr").first.locator("th")).to_have_text("101")

    def choose(menu):
        menu.get_by_label("Excel (XLSX)").check()
        menu.get_by_text("Name, compression").click()
        menu.get_by_label("File name").fill("latest lines")

    file = export(tab, tmp_path, choose)
    assert file.name == "latest lines.xlsx"
    sheet = openpyxl.load_workbook(file, read_only=True).worksheets[0]
    rows = list(sheet.iter_rows(values_only=True))
    assert len(rows) == 301
    assert rows[0][0] == "$m.timestamp" or "$m.timestamp" in rows[0]


def test_a_background_query_is_watched_live_and_taken_away(tab, tmp_path):
    write(tab, "source logs | limit 3000", "Background")
    expect(tab).to_have_url(re.compile("/runs/[0-9a-f-]{36}/$"))
    expect(tab.locator("#run-live[hx-trigger]")).to_be_visible()
    ends_as(tab, "Succeeded")
    expect(tab.locator("#run-live[hx-trigger]")).to_have_count(0)
    expect(tab.locator("#run-live .run-figures")).to_contain_text("3,000 rows")
    expect(tab.locator("#results")).to_contain_text("3,000 rows", timeout=SLOW_RUN)

    def choose(menu):
        menu.get_by_label("CSV").check()
        menu.get_by_text("Name, compression").click()
        menu.get_by_label("Compression").select_option("zip")
        expect(menu).to_contain_text("3,000 rows of", timeout=SLOW_RUN)

    with zipfile.ZipFile(export(tab, tmp_path, choose)) as archive:
        name, manifest = archive.namelist()
        assert manifest == "manifest.json"
        lines = archive.read(name).decode("utf-8-sig").splitlines()
    assert len(list(csv.reader(lines))) == 3001
    with tab.expect_download(timeout=SLOW_RUN) as coming:
        tab.get_by_role("button", name="CSV", exact=True).click()
    assert coming.value.path().read_text("utf-8-sig").splitlines() == lines
    tab.locator("#export-menu > summary").click()
    tab.locator("#export-menu").get_by_label("NDJSON", exact=True).check()
    tab.wait_for_timeout(2100)  # the form is barred for so long after each download
    with tab.expect_download(timeout=SLOW_RUN) as coming:
        tab.get_by_role("button", name="Download without saving").click()
    assert coming.value.failure() is None
    with zipfile.ZipFile(coming.value.path()) as archive:
        name, _manifest = archive.namelist()
        assert len(archive.read(name).splitlines()) == 3000


def test_sort_filter_columns_and_back_live_in_the_address(tab):
    write(tab, "source logs | limit 500", "Direct", limit="500")
    ends_as(tab, "Succeeded")
    tab.get_by_role("link", name=re.compile(r"^\$m.severity")).click()
    expect(tab).to_have_url(re.compile(r"sort=%24m.severity"))
    expect(tab.locator("th[aria-sort=ascending]")).to_have_count(1)
    tab.get_by_label("Search rows").fill("checkout")
    tab.get_by_role("button", name="Filter").click()
    expect(tab).to_have_url(re.compile("q=checkout"))
    expect(tab.locator("#results .toolbar")).to_contain_text("of 500 rows")
    tab.locator("#columns-button").click()
    expect(tab.locator("#columns-list")).to_be_visible()
    boxes = tab.locator("#columns-list input[type=checkbox]")
    for number in range(2, boxes.count()):
        boxes.nth(number).uncheck()
    tab.get_by_role("button", name="Show these").click()
    expect(tab.locator(".grid thead th")).to_have_count(3)
    tab.go_back()
    expect(tab).not_to_have_url(re.compile("col="))
    expect(tab.locator("#results .toolbar")).to_contain_text("of 500 rows")
    expect(tab.locator("header.topbar")).to_be_visible()


def test_a_row_opens_beside_the_grid_and_closes_again(tab):
    write(tab, "source logs | limit 50", "Direct", limit="50")
    ends_as(tab, "Succeeded")
    tab.locator(".grid tbody th a").nth(4).click()
    expect(tab.locator("#drawer h2")).to_have_text("Row 5")
    tab.get_by_role("link", name="Next row").click()
    expect(tab.locator("#drawer h2")).to_have_text("Row 6")
    tab.get_by_role("button", name="Close row").click()
    expect(tab.locator("#drawer")).to_be_empty()


def test_a_running_query_is_cancelled_and_says_so(tab):
    write(tab, "source logs | limit 100000", "Background")
    tab.get_by_role("button", name="Cancel", exact=True).click()
    ends_as(tab, "Cancelled")


def test_a_mistake_in_the_statement_is_told_with_line_and_column(tab):
    write(tab, "source logs\n| fliter true", "Direct")
    ends_as(tab, "Failed")
    expect(tab.locator(".alert--error")).to_contain_text("line 2")
    expect(tab.locator(".alert--error")).to_contain_text("column 3")


def test_a_reload_in_the_middle_loses_nothing(tab):
    write(tab, "source logs | limit 2000", "Background")
    tab.reload()
    ends_as(tab, "Succeeded")
    expect(tab.locator("#run-live .run-figures")).to_contain_text("2,000 rows")


def test_a_double_click_on_run_makes_one_run(tab):
    tab.goto("/runs/")
    count = tab.locator("#runs tbody tr").count()
    tab.goto("/runs/new/")
    tab.get_by_label("Statement").fill("source logs | limit 7")
    tab.get_by_role("button", name="Run", exact=True).dblclick()
    ends_as(tab, "Succeeded")
    tab.goto("/runs/")
    assert tab.locator("#runs tbody tr").count() == min(count + 1, 25)


def test_the_keyboard_is_enough(tab):
    tab.goto("/runs/new/")
    tab.get_by_label("Statement").focus()
    tab.keyboard.type("source logs | limit 5")
    tab.keyboard.press("Control+Enter")
    ends_as(tab, "Succeeded")
    expect(tab.locator(".grid tbody tr")).to_have_count(5)


PAGES = [
    "/runs/new/",
    "/runs/",
    "/connections/",
    "/connections/new/",
    "/saved-queries/",
    "/saved-queries/new/",
    "/teams/",
    "/exports/",
    "/accounts/",
    "/accounts/password/",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_accessible_and_fits_a_phone(tab, path, theme):
    tab.emulate_media(color_scheme=theme)
    tab.goto(path)
    assert axe_violations(tab) == []
    assert tab.locator("h1").count() == 1
    tab.set_viewport_size({"width": 360, "height": 740})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_run_page_is_accessible_in_every_state(tab):
    write(tab, "source logs | limit 100", "Direct", limit="100")
    ends_as(tab, "Succeeded")
    tab.locator(".grid tbody th a").first.click()
    expect(tab.locator("#drawer h2")).to_have_text("Row 1")
    assert axe_violations(tab) == []
    tab.locator("#export-menu > summary").click()
    assert axe_violations(tab) == []
    tab.set_viewport_size({"width": 360, "height": 740})
    tab.keyboard.press("Escape")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360


def test_all_of_the_export_menu_is_within_reach_on_a_phone(tab, tmp_path):
    write(tab, "source logs | limit 1", "Direct", limit="1")
    ends_as(tab, "Succeeded")
    tab.set_viewport_size({"width": 360, "height": 740})

    def choose(menu):
        menu.get_by_text("Name, compression").click()
        menu.get_by_label("File name").fill("on the way")

    assert export(tab, tmp_path, choose).name == "on the way.csv"


def test_no_page_asks_anybody_else_for_anything(tab, product):
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    for path in PAGES:
        tab.goto(path)
    assert [url for url in asked if not url.startswith((product.url, "data:"))] == []


HOSTILE = [
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "javascript:window.hacked=1",
    "{{ 7|add:7 }}",
    "</textarea><svg onload=window.hacked=1>",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text_in_statement_cells_names_and_tree(tab, text):
    tab.on("dialog", lambda dialog: pytest.fail("a dialog opened"))
    quoted = text.replace("'", "\\'")
    write(
        tab,
        f"source logs | limit 1 | create $d['{quoted}'] from '{quoted}'",
        "Direct",
        limit="1",
    )
    ends_as(tab, "Succeeded")
    expect(tab.locator(".grid tbody")).to_contain_text(text)
    tab.locator(".grid tbody th a").first.click()
    expect(tab.locator("#drawer")).to_contain_text(text)
    tab.goto("/runs/")
    expect(tab.locator("#runs")).to_contain_text(text[:12])
    assert tab.evaluate("window.hacked") is None
