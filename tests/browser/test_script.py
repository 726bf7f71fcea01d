"""What app.js promises, on a page that holds one of everything, under the product's CSP.

No server: the browser's requests are answered here, from the templates and static files.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
from csp.utils import build_policy
from django import forms
from django.contrib.messages import ERROR, SUCCESS
from django.contrib.messages.storage.base import Message
from django.template import engines
from django.test import RequestFactory
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import ROOT, axe_violations, collect_console_errors

SITE = "https://querydeck.test"
SOURCE = (Path(__file__).parent / "everything.html").read_text()
STATEMENT = "source logs // all\n| filter $d.a == 'x'\n| limit 10"
ROW = '<div class="drawer-head"><h2>Row {n}</h2><button type="button" data-close="#drawer" aria-label="Close row">x</button></div>'


class Statement(forms.Form):
    """A statement with an error in line 2, column 10."""

    statement = forms.CharField(
        widget=forms.Textarea(
            attrs={
                "class": "editor-input",
                "data-error-line": 2,
                "data-error-column": 10,
            }
        )
    )


def render(source: str, **context: Any) -> str:
    request = RequestFactory().get("/runs/")
    request.user = SimpleNamespace(is_authenticated=True, email="dana@example.com")  # type: ignore[assignment]
    request.resolver_match = SimpleNamespace(url_name="run_list")  # type: ignore[assignment]
    return engines["django"].from_string(source).render(context, request)


@dataclass
class Site:
    """The answers the browser gets; tests change them and count what was asked."""

    asked: Counter[str] = field(default_factory=Counter)
    posted: list[str] = field(default_factory=list)
    poll: Callable[[], tuple[int, str]] = lambda: (200, poll("Running"))

    def answer(self, route: Route) -> None:
        """One request of the browser."""
        request = route.request
        path = unquote(request.url.removeprefix(SITE).split("?")[0])
        self.asked[f"{request.method} {path}"] += 1
        if path.startswith("/static/"):
            return route.fulfill(path=ROOT / path.lstrip("/"))
        if request.method == "POST":
            self.posted.append(request.post_data or "")
        status, body = self.body(path)
        headers = {"Content-Security-Policy": build_policy()}
        return route.fulfill(
            status=status, body=body, headers=headers, content_type="text/html"
        )

    def body(self, path: str) -> tuple[int, str]:
        """Status and HTML of a page or fragment."""
        if path == "/poll/":
            return self.poll()
        if path.startswith("/rows/"):
            return 200, ROW.format(n=path.strip("/").split("/")[1])
        if path != "/":
            return 200, "<p>Posted</p>"
        form = Statement(initial={"statement": STATEMENT})
        news = [Message(SUCCESS, "Saved it."), Message(ERROR, "It broke.")]
        return 200, render(
            SOURCE, form=form, rows=range(1, 80), poll=poll("Queued"), messages=news
        )


def poll(status: str, every: str = "every 1s, refresh") -> str:
    """The polled fragment."""
    return (
        f'<div id="live" hx-get="/poll/" hx-trigger="{every}" hx-swap="outerHTML">'
        f'<span class="status status--large" data-status="{status.lower()}">{status}</span>'
        "<details><summary>Details</summary><p>Inside</p></details></div>"
    )


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """The page with one of everything, its clock in the test's hands."""
    context = browser.new_context(
        timezone_id="Europe/Berlin",
        viewport={"width": 1280, "height": 900},
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(5_000)
    context.route("**/*", site.answer)
    troubles = collect_console_errors(context)
    tab = context.new_page()
    tab.clock.install()
    tab.goto(SITE)
    yield tab
    context.close()
    # The browser itself reports the failing polls that tests ask for.
    assert [text for text in troubles if "500" not in text] == []


def test_a_dangerous_form_asks_first_and_escape_means_no(page: Page, site: Site):
    page.get_by_role("button", name="Delete run").click()
    dialog = page.get_by_role("dialog", name="Delete this run?")
    expect(dialog).to_contain_text("Gone for good.")
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert site.posted == []


def test_a_confirmed_form_is_sent_with_its_button(page: Page, site: Site):
    page.get_by_role("button", name="Delete run").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Posted")).to_be_visible()
    assert len(site.posted) == 1
    assert "how=all" in site.posted[0]


def test_a_form_is_not_sent_twice(page: Page, site: Site):
    page.evaluate(
        "() => { const f = document.querySelector('#plain'); f.requestSubmit(); f.requestSubmit(); f.requestSubmit(); }"
    )
    expect(page.get_by_text("Posted")).to_be_visible()
    assert len(site.posted) == 1


def test_a_poll_keeps_what_was_opened_and_announces_a_change_once(
    page: Page, site: Site
):
    page.get_by_text("Details").click()
    page.clock.run_for(1100)
    expect(page.locator("#live")).to_contain_text("Running")
    expect(page.get_by_text("Inside")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("Running")
    page.evaluate("document.querySelector('#announcer').textContent = ''")
    with page.expect_response("**/poll/"):
        page.clock.run_for(1100)
    expect(page.locator("#announcer")).to_have_text("")


def test_polling_ends_when_the_server_says_so(page: Page, site: Site):
    site.poll = lambda: (200, poll("Succeeded", every="none"))
    page.clock.run_for(1100)
    expect(page.locator("#live")).to_contain_text("Succeeded")
    asked = site.asked["GET /poll/"]
    page.clock.run_for(5000)
    assert site.asked["GET /poll/"] == asked


def test_a_failed_poll_says_so_goes_on_and_takes_it_back(page: Page, site: Site):
    site.poll = lambda: (500, "broken")
    page.clock.run_for(1100)
    expect(page.locator("#trouble[role=alert]")).to_have_text(
        "Could not refresh; trying again."
    )
    with page.expect_response("**/poll/"):
        page.clock.run_for(1100)
    expect(page.locator("#trouble")).to_have_count(1)
    site.poll = lambda: (200, poll("Running"))
    page.clock.run_for(1100)
    expect(page.locator("#trouble")).to_have_count(0)


def test_polls_pause_while_the_tab_is_hidden_and_resume_at_once(page: Page, site: Site):
    hide = "yes => { Object.defineProperty(document, 'hidden', {value: yes, configurable: true}); document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide, True)
    asked = site.asked["GET /poll/"]
    page.clock.run_for(5000)
    assert site.asked["GET /poll/"] == asked
    with page.expect_response("**/poll/"):
        page.evaluate(hide, False)


def test_the_theme_changes_at_once_and_is_remembered(page: Page, site: Site):
    page.get_by_role("button", name="Account of").click()
    with page.expect_request("**/accounts/theme/"):
        page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute(
        "aria-pressed", "true"
    )
    assert 'name="theme"\r\n\r\ndark' in site.posted[0]
    assert site.asked["GET /"] == 1


def test_the_readers_zone_is_remembered(page: Page):
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert cookies["tz"]["value"] == "Europe/Berlin"
    assert cookies["tz"]["sameSite"] == "Lax"
    assert cookies["tz"]["secure"]


def test_times_tick(page: Page):
    # The clock goes on by itself, too: on a busy machine it has gone further.
    expect(page.locator("#since")).to_have_text(re.compile(r"^\d\.\d s$"))
    page.clock.run_for(75_000)
    expect(page.locator("#since")).to_have_text(re.compile(r"^1 min (1[5-9]|2\d) s$"))
    expect(page.locator("#ago")).to_have_text("1 min ago")


def test_good_news_goes_away_and_bad_news_stays_until_dismissed(page: Page):
    expect(page.get_by_text("Saved it.")).to_be_visible()
    page.clock.run_for(9000)
    expect(page.get_by_text("Saved it.")).to_have_count(0)
    toast = page.locator(".toast--error")
    expect(toast).to_have_text("It broke.")
    toast.get_by_role("button", name="Dismiss").click()
    expect(toast).to_have_count(0)


def test_copying_takes_the_text_and_says_so(page: Page):
    button = page.get_by_role("button", name="Copy curl command")
    button.click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "curl -X POST"


def test_a_menu_closes_on_escape_and_outside_and_gives_the_focus_back(page: Page):
    menu = page.locator("#row-menu")
    summary = menu.locator("summary")
    summary.click()
    box = menu.locator(".menu-body").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280
    menu.get_by_role("link").focus()
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(summary).to_be_focused()
    summary.click()
    page.get_by_role("heading", level=1).click()
    expect(menu).not_to_have_attribute("open", "")


def test_a_row_opens_on_click_and_closes_on_escape(page: Page):
    page.get_by_role("cell", name="text 3", exact=True).click()
    expect(page.get_by_role("heading", name="Row 3")).to_be_focused()
    expect(page.locator("tr.is-open th")).to_have_text("3")
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()
    expect(page.get_by_role("link", name="Open row 3", exact=True)).to_be_focused()
    expect(page.locator("tr.is-open")).to_have_count(0)


def test_the_editor_numbers_its_lines_and_marks_the_error_until_edited(page: Page):
    area = page.get_by_label("Statement")
    numbers = page.locator(".editor-numbers > div")
    expect(numbers).to_have_text(["1", "2", "3"])
    expect(page.locator(".editor-numbers .is-error")).to_have_text("2")
    expect(page.locator(".editor-caret")).to_have_count(1)
    assert page.locator(".editor-paint").inner_text().rstrip("\n") == STATEMENT
    area.press("Control+End")
    area.press_sequentially("\n| count")
    expect(numbers).to_have_count(4)
    expect(page.locator(".editor-mark, .editor-caret, .is-error")).to_have_count(0)


def test_the_editor_lets_tab_pass_and_runs_on_control_enter(page: Page, site: Site):
    area = page.get_by_label("Statement")
    area.focus()
    page.keyboard.press("Tab")
    expect(area).not_to_be_focused()
    area.press("Control+Enter")
    expect(page.get_by_text("Posted")).to_be_visible()
    assert len(site.posted) == 1


def test_a_huge_statement_stays_editable_as_plain_text(page: Page):
    area = page.get_by_label("Statement")
    area.fill("x" * 30_000)
    expect(page.locator(".editor.is-painted")).to_have_count(0)
    expect(page.locator(".editor-paint")).to_be_empty()


def test_on_a_phone_the_menu_opens_and_nothing_scrolls_sideways(page: Page):
    page.set_viewport_size({"width": 320, "height": 700})
    expect(page.get_by_role("link", name="Saved queries")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("link", name="Saved queries")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Saved queries")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") == 320


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_one_of_everything_is_accessible(page: Page, theme: str):
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    page.locator("#row-menu summary").click()
    assert axe_violations(page) == []
