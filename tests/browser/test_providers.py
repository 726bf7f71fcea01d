"""Every provider, from an empty account to a file, and every verb it has, in a real browser."""

from __future__ import annotations

import itertools
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import (
    START_TIMEOUT_SECONDS,
    axe_violations,
    collect_console_errors,
)

SLOW = 90_000
KEY = "sandbox-demo-key"
PASSWORD = "one desk for long queries"
COUNTER = itertools.count(1)

# Provider -> what its connection form asks for besides the key ({origin} is the sandbox's).
FORMS = {
    "coralogix": {"region": "custom", "endpoint": "{origin}"},
    "supermetrics": {"base_url": "{origin}/enterprise/v2"},
    "saf": {"address": "{origin}", "auth": "bearer"},
    "polytomic": {"endpoint": "{origin}", "auth_kind": "bearer"},
}
# Provider -> a sample of it, and a column its answer has.
SAMPLES = {
    "coralogix": ("Errors by service", "errors"),
    "supermetrics": ("Google Ads: cost by campaign", "ampaign"),
    "saf": ("Latest errors", "service"),
    "polytomic": ("Orders by status", "status"),
}


@pytest.fixture
def newcomer(product, browser, signed_in) -> Iterator[Page]:
    """Somebody who was invited a moment ago and has nothing yet."""
    owner = browser.new_context(storage_state=signed_in, base_url=product.url)
    page = owner.new_page()
    page.goto("/teams/")
    page.get_by_label("Name").fill(f"Team {next(COUNTER)}")
    page.get_by_role("button", name=re.compile("Create")).click()
    page.get_by_label(re.compile("E-mail")).fill(f"new{next(COUNTER)}@example.com")
    page.get_by_role("button", name=re.compile("Add|Invite")).click()
    link = page.locator("#invitation-link").inner_text()
    owner.close()
    context = browser.new_context(
        base_url=product.url, viewport={"width": 1280, "height": 900}
    )
    context.set_default_timeout(20_000)
    troubles = collect_console_errors(context)
    page = context.new_page()
    page.goto(link)
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_label("Name").fill("New Comer")
    page.get_by_role("button", name="Create account and join").click()
    yield page
    context.close()
    assert troubles == []


@pytest.fixture
def origin(product) -> str:
    """Where the product's sandbox listens, once its rows are made: early clients wait for them."""
    port = (product.directory / "data" / "sandbox-port").read_text().strip()
    asked = Request(f"http://127.0.0.1:{port}/_sme/async_requests/status/")
    asked.add_header("Authorization", f"Bearer {KEY}")
    with urlopen(asked, timeout=START_TIMEOUT_SECONDS) as answer:
        assert answer.status == 200
    return f"http://127.0.0.1:{port}"


def connect(page: Page, provider: str, origin: str) -> None:
    """Add a connection the way a person does, and test it."""
    page.goto(f"/connections/new/?provider={provider}")
    page.get_by_label("Name", exact=True).fill(f"My {provider}")
    for name, value in FORMS[provider].items():
        field = page.locator(f"[name$=_{name}]").first
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value.format(origin=origin))
    page.locator("input[type=password]").fill(KEY)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Test", exact=True).click()
    expect(page.locator("#health .badge")).to_have_text(
        re.compile("Works|OK|Healthy|Good", re.I), timeout=SLOW
    )


def run_sample(page: Page, provider: str) -> None:
    """Click a sample; where it needs a choice, make it and run."""
    page.goto("/runs/new/")
    page.locator(".sample").filter(has_text=SAMPLES[provider][0]).click()
    if "/runs/new/" in page.url:
        if provider == "polytomic":
            page.locator("[name=setting_connection_id]").fill(
                "248df4b7-aa70-47b8-a036-33ac447e668d"
            )
        page.get_by_role("button", name="Run", exact=True).click()


def write(page: Page, statement: str) -> None:
    """Fill the form of the only connection there is, and run it."""
    page.goto("/runs/new/")
    page.locator("#run-form [name=statement]").fill(statement)
    page.get_by_role("button", name="Run", exact=True).click()


def made_there(
    page: Page, kind: str, folder: Path, *, zipped: bool = False, first: int = 0
) -> Path:
    """Have the provider make a file of the run that is shown: the first rows, or all of them."""
    page.locator("#provider-file-menu > summary").click()
    menu = page.locator("#provider-file-menu")
    menu.get_by_label(kind).check()
    menu.get_by_label("all", exact=True).set_checked(not first)
    if first:
        menu.get_by_label("the first").check()
        menu.get_by_label("How many rows").fill(str(first))
    menu.get_by_label("zip it").set_checked(zipped)
    page.get_by_role("button", name="Have it made").click()
    expect(page.locator("#export-live .status")).to_have_text("Ready", timeout=SLOW)
    expect(page.locator("main")).to_contain_text(
        "Search Anywhere Framework, the provider"
    )
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download").click()
    file = folder / coming.value.suggested_filename
    coming.value.save_as(file)
    return file


def ends_well(page: Page) -> None:
    expect(page.locator("#run-live .status")).to_have_text("Succeeded", timeout=SLOW)


@pytest.mark.parametrize("provider", FORMS)
def test_from_an_empty_account_to_a_file(newcomer, provider, origin, tmp_path):
    newcomer.goto("/runs/new/")
    expect(newcomer.locator("main")).to_contain_text("No connection yet")
    connect(newcomer, provider, origin)
    run_sample(newcomer, provider)
    ends_well(newcomer)
    expect(newcomer.locator(".grid thead")).to_contain_text(
        SAMPLES[provider][1], timeout=SLOW
    )
    shown = newcomer.locator(".grid tbody tr").count()
    assert shown > 0
    newcomer.locator("#export-menu > summary").click()
    newcomer.locator("#export-menu").get_by_label("JSON", exact=True).check()
    with newcomer.expect_download(timeout=SLOW) as coming:
        newcomer.get_by_role("button", name="Export", exact=True).click()
    coming.value.save_as(tmp_path / "rows.json")
    assert len(json.loads((tmp_path / "rows.json").read_text())) >= shown


def test_saf_shows_its_log_makes_a_file_and_deletes_its_result(
    newcomer, origin, tmp_path
):
    connect(newcomer, "saf", origin)
    run_sample(newcomer, "saf")
    ends_well(newcomer)
    here = newcomer.url
    newcomer.get_by_role("link", name="Log", exact=True).click()
    expect(newcomer.locator("#log tbody tr").first).to_be_visible()
    newcomer.goto(here)
    rows = newcomer.locator("#run-live .run-figures b").first.inner_text()
    csv = made_there(newcomer, "CSV", tmp_path)
    assert csv.suffix == ".csv"
    assert csv.read_text().count("\n") > 1
    newcomer.goto(here)
    packed = made_there(newcomer, "JSON", tmp_path, zipped=True)
    assert packed.name.endswith(".json.zip")
    with zipfile.ZipFile(packed) as archive:
        assert len(json.loads(archive.read(archive.namelist()[0]))) == int(rows)
    newcomer.goto(here)
    book = openpyxl.load_workbook(made_there(newcomer, "XLSX", tmp_path, first=3))
    assert book.active.max_row == 4
    newcomer.goto(here)
    newcomer.get_by_label("More").click()
    newcomer.get_by_role(
        "button", name=re.compile("Delete.*(provider|there)", re.I)
    ).click()
    newcomer.get_by_role("dialog").get_by_role(
        "button", name=re.compile("Delete")
    ).click()
    told = newcomer.get_by_text("The result was deleted at the provider.")
    expect(told.first).to_be_visible()
    expect(newcomer.locator("#provider-file-menu")).to_have_count(0)
    assert newcomer.locator(".grid tbody tr").count() > 0


def test_saf_lists_queries_started_elsewhere_and_adopts_one(newcomer, origin):
    connect(newcomer, "saf", origin)
    newcomer.get_by_role("link", name="Provider jobs").click()
    # The oldest ones were there before any test; newer ones may have been stopped or deleted by one.
    newcomer.get_by_role("button", name=re.compile("^Import")).last.click()
    expect(newcomer).to_have_url(re.compile("/runs/[0-9a-f-]{36}/$"))
    ends_well(newcomer)
    expect(newcomer.locator("#results .grid")).to_be_visible(timeout=SLOW)


def test_saf_stops_everything_only_after_being_asked(newcomer, origin):
    connect(newcomer, "saf", origin)
    connection = newcomer.url
    write(newcomer, "source shop-* sandbox_seconds=3600 | head 10")
    run = newcomer.url
    expect(newcomer.locator("#run-live")).to_contain_text("RUNNING", timeout=SLOW)
    newcomer.goto(connection)
    stop = newcomer.get_by_role("button", name="Cancel all provider jobs")
    stop.click()
    # The box is not ticked: nothing is even asked.
    expect(newcomer.get_by_role("dialog")).to_have_count(0)
    newcomer.get_by_label("Also the queries that were not started here").check()
    stop.click()
    dialog = newcomer.get_by_role("dialog")
    expect(dialog).to_contain_text("also those that were not started here")
    dialog.get_by_role("button", name="Cancel").click()
    stop.click()
    dialog.get_by_role("button", name="Stop them all").click()
    expect(newcomer.get_by_text("was asked to stop all queries")).to_be_visible()
    newcomer.goto(run)
    status = newcomer.locator("#run-live .status")
    expect(status).to_have_text("Cancelled", timeout=SLOW)


def test_saf_cancels_a_running_query(newcomer, origin):
    connect(newcomer, "saf", origin)
    # Far longer than this test waits for anything: only the cancel can end it.
    write(newcomer, "source shop-* sandbox_seconds=3600 | head 10")
    expect(newcomer.locator("#run-live")).to_contain_text("RUNNING", timeout=SLOW)
    newcomer.get_by_role("button", name="Cancel", exact=True).click()
    live = newcomer.locator("#run-live")
    expect(live.locator(".status")).to_have_text("Cancelled", timeout=SLOW)
    live.get_by_text("Statement and details").click()
    expect(live).to_contain_text("CANCELED")
    expect(live).to_contain_text("confirmed")


def test_saf_checks_a_query_before_it_runs(newcomer, origin):
    connect(newcomer, "saf", origin)
    newcomer.goto("/runs/new/")
    newcomer.locator("#run-form [name=statement]").fill("source shop-* | serch x")
    newcomer.get_by_role("button", name="Check").click()
    told = newcomer.locator("#run-preview")
    expect(told).to_contain_text("line 1:17")
    newcomer.locator("#run-form [name=statement]").fill("source shop-* | search x")
    newcomer.get_by_label("Time range", exact=True).select_option("last-7d")
    newcomer.get_by_role("button", name="Check").click()
    expect(told).to_contain_text(re.compile(r"looks at [\d,]+ events"))
    expect(told.locator("meter").first).to_be_visible()
    assert axe_violations(newcomer) == []
    expect(newcomer).to_have_url(re.compile("/runs/new/$"))
    newcomer.get_by_role("button", name="Run", exact=True).click()
    ends_well(newcomer)


def test_supermetrics_goes_on_in_the_background_and_shows_progress(newcomer, origin):
    connect(newcomer, "supermetrics", origin)
    newcomer.goto("/runs/new/")
    query = {
        "ds_id": "NUM",
        "ds_accounts": "100",
        "fields": "n",
        "settings": {"sandbox_seconds": 8},
    }
    newcomer.locator("#run-form [name=setting_input]").select_option("json")
    newcomer.locator("#run-form [name=statement]").fill(json.dumps(query))
    newcomer.locator("#run-form [name=setting_sync_timeout]").evaluate(
        "field => { field.value = '1' }"
    )
    newcomer.get_by_role("button", name="Run", exact=True).click()
    live = newcomer.locator("#run-live")
    expect(live).to_contain_text("goes on in the background", timeout=SLOW)
    expect(live).to_contain_text(re.compile(r"\d+ of \d+ parts done"), timeout=SLOW)
    expect(live).to_contain_text(
        re.compile(r"\d+ running, \d+ waiting in the provider"), timeout=SLOW
    )
    ends_well(newcomer)
    expect(live.locator(".run-figures")).to_contain_text("100 rows")
    live.get_by_text("Statement and details").click()
    expect(live).to_contain_text("The provider keeps it until")
    expect(live).to_contain_text("no cancelling")


def test_supermetrics_can_be_stopped_listening_to_and_says_that_it_goes_on(
    newcomer, origin
):
    connect(newcomer, "supermetrics", origin)
    newcomer.goto("/runs/new/")
    query = {
        "ds_id": "NUM",
        "ds_accounts": "10",
        "fields": "n",
        "settings": {"sandbox_seconds": 3_600},
    }
    newcomer.get_by_label("Background").check()
    newcomer.locator("#run-form [name=setting_input]").select_option("json")
    newcomer.locator("#run-form [name=statement]").fill(json.dumps(query))
    newcomer.get_by_role("button", name="Run", exact=True).click()
    live = newcomer.locator("#run-live")
    expect(live).to_contain_text("parts done", timeout=SLOW)
    newcomer.get_by_role("button", name="Cancel", exact=True).click()
    expect(live.locator(".status")).to_have_text("Cancelled", timeout=SLOW)
    expect(live).to_contain_text("Supermetrics cannot cancel")


def test_the_form_of_supermetrics_asks_for_what_is_chosen_and_offers_lists(
    newcomer, origin
):
    connect(newcomer, "supermetrics", origin)
    newcomer.goto("/runs/new/")
    form = newcomer.locator("#run-form")
    by_hand = form.locator("[name=statement]")
    dates, start, end = (
        form.locator(f"[name=setting_{name}]")
        for name in ("date_range_type", "start_date", "end_date")
    )
    expect(by_hand).to_be_hidden()
    expect(start).to_be_hidden()
    dates.select_option("custom")
    expect(form.get_by_label("How many")).to_be_hidden()
    start.fill("-7 days")
    form.get_by_label("Write the query as").select_option("json")
    expect(by_hand).to_be_visible()
    expect(form.get_by_label("Filter")).to_be_hidden()
    form.get_by_label("Write the query as").select_option("form")
    for name, value, offered in (
        ("ds_id", "AW", "Google Ads"),
        ("ds_accounts", "111-222-3333", "Harbour Coffee EU"),
        ("fields", "Campaignname, Clicks", "Campaign name"),
    ):
        field = form.locator(f"[name=setting_{name}]")
        field.click()
        expect(form.locator(f"#choices-setting_{name}")).to_contain_text(offered)
        # Only a field that has a list shows it: a text area has none.
        assert field.evaluate("field => field.list.options.length") > 1
        field.fill(value)
    expect(start).to_have_value("-7 days")
    end.fill("yesterday")
    assert axe_violations(newcomer) == []
    form.get_by_role("button", name="Run", exact=True).click()
    ends_well(newcomer)
    expect(newcomer.locator(".grid thead")).to_contain_text("Campaign name")


def test_what_was_typed_for_one_provider_is_there_again_when_it_returns(tab):
    tab.goto("/runs/new/")
    form = tab.locator("#run-form")
    choose = form.locator("[name=connection]")
    choose.select_option(label="Sandbox: Polytomic")
    expect(form).to_have_attribute("data-provider", "polytomic")
    form.locator("[name=statement]").fill("SELECT 1 -- mine")
    form.locator("[name=setting_connection_id]").fill("half an id")
    choose.select_option(label="Sandbox")
    expect(form).to_have_attribute("data-provider", "coralogix")
    expect(form.locator("[name=statement]")).to_have_value("")
    form.locator("[name=statement]").fill("source logs // theirs")
    form.get_by_label("Background").check(force=True)
    choose.select_option(label="Sandbox: Polytomic")
    expect(form.locator("[name=statement]")).to_have_value("SELECT 1 -- mine")
    expect(form.locator("[name=setting_connection_id]")).to_have_value("half an id")
    expect(form.locator(".editor")).to_contain_text("SELECT")
    choose.select_option(label="Sandbox")
    expect(form.locator("[name=statement]")).to_have_value("source logs // theirs")
    expect(form.get_by_label("Background")).to_be_checked()


def ask_polytomic(page: Page, statement: str) -> None:
    """Fill in the statement beside the connection that was chosen, and run it."""
    page.locator("#run-form [name=statement]").fill(statement)
    page.get_by_role("button", name="Run", exact=True).click()


def test_polytomic_offers_its_connections_and_says_why_one_fails(newcomer, origin):
    connect(newcomer, "polytomic", origin)
    newcomer.goto("/runs/new/")
    field = newcomer.locator("#run-form [name=setting_connection_id]")
    field.focus()
    offered = newcomer.locator("datalist option")
    expect(offered).to_have_count(4, timeout=SLOW)
    words = " ".join(offered.all_text_contents())
    assert "Shop warehouse (PostgreSQL)" in words
    assert "rate-limited now, until" in words
    field.fill(offered.filter(has_text="unhealthy").get_attribute("value"))
    ask_polytomic(newcomer, "SELECT 1")
    live = newcomer.locator("#run-live")
    expect(live.locator(".status")).to_have_text("Failed", timeout=SLOW)
    expect(live).to_contain_text("password authentication failed")
    expect(live).to_contain_text("Last provider response")


def test_a_cancel_that_polytomic_cannot_do_and_a_shared_run_are_explained(
    newcomer, origin
):
    connect(newcomer, "polytomic", origin)
    expect(newcomer.locator("main")).to_contain_text("Not offered by this provider")
    newcomer.goto("/runs/new/")
    field = newcomer.locator("#run-form [name=setting_connection_id]")
    field.fill("248df4b7-aa70-47b8-a036-33ac447e668d")
    ask_polytomic(newcomer, "SELECT n FROM numbers(1000)")
    live = newcomer.locator("#run-live")
    expect(live).to_contain_text("Polytomic cannot cancel: we stop watching")
    live.get_by_role("button", name="Cancel", exact=True).click()
    expect(live.locator(".status")).to_have_text("Cancelled", timeout=SLOW)
    newcomer.get_by_label("More").click()
    newcomer.locator(".menu-item").filter(has_text="Team ").click()
    expect(newcomer.locator("body")).to_contain_text(
        "Polytomic shows this result only to the key that started the query"
    )
