"""The product as `make run` starts it, and a real browser to use it with."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from queries.supervisor.ports import find_free_port
from tests.paths import ROOT

AXE_SCRIPT = Path(__file__).parent / "vendor" / "axe.min.js"
SIGN_IN_LINK = re.compile(r"http://127\.0\.0\.1:\d+/accounts/link/\S+/")
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_TIMEOUT_SECONDS = 120


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests share one product, so they run in one process, and they carry the mark."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@dataclass
class Product:
    """A running product: where it is, and the link that signs its local user in."""

    process: subprocess.Popen[str]
    output_lines: list[str] = field(default_factory=list)
    sign_in_url: str = ""
    directory: Path | None = None

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return self.sign_in_url.split("/accounts/")[0]


def start_product(scratch: Path, *arguments: str) -> Product:
    """Run `manage.py up` on free ports with data of its own; wait for the sign-in link."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(
            ("QUERYDECK_", "DATABASE_URL", "REDIS_URL", "DJANGO_", "COV_")
        )
    } | {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "QUERYDECK_FIELD_KEYS": Fernet.generate_key().decode(),
        "QUERYDECK_DATA_DIR": str(scratch / "data"),
        "QUERYDECK_HTTPS": "no",
        "PYTHONUNBUFFERED": "1",
    }
    # A port of its own for the sandbox: two products that start at once find the usual one free, both.
    (scratch / "data").mkdir(parents=True)
    (scratch / "data" / "sandbox-port").write_text(str(find_free_port("127.0.0.1", 0)))
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "up", "--port", "0", *arguments],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    product = Product(process, directory=scratch)
    found = threading.Event()
    threading.Thread(target=_read, args=(product, found), daemon=True).start()
    if not found.wait(START_TIMEOUT_SECONDS) or not product.sign_in_url:
        stop_product(product)
        pytest.fail("The product did not start:\n" + "".join(product.output_lines))
    return product


def _read(product: Product, found: threading.Event) -> None:
    for line in product.process.stdout or ():
        product.output_lines.append(line)
        if link := SIGN_IN_LINK.search(line):
            product.sign_in_url = link.group()
            found.set()
    found.set()


def stop_product(product: Product) -> None:
    """Ctrl-C, and wait."""
    product.process.send_signal(signal.SIGINT)
    try:
        product.process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(product.process.pid, signal.SIGKILL)
        product.process.wait(10)
    if product.process.stdout:
        product.process.stdout.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium; without one these tests are skipped, in CI they fail."""
    found = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if not found:
        message = "No Chromium on this machine: the browser tests did not run."
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    # Playwright leaves an event loop in this thread, which Django takes for async code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def product(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Product]:
    """The whole product: web, worker and sandbox under the supervisor."""
    running = start_product(tmp_path_factory.mktemp("product"))
    yield running
    stop_product(running)


@pytest.fixture(scope="session")
def signed_in(product: Product, browser: Browser) -> dict:
    """The cookies of the local user, who came through the printed link."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(product.sign_in_url)
    state = context.storage_state()
    context.close()
    return state


def collect_console_errors(context: BrowserContext) -> list[str]:
    """Collect what must never happen on any page: script errors, CSP reports, lost files."""
    troubles: list[str] = []
    context.on("weberror", lambda error: troubles.append(f"error: {error.error}"))
    context.on(
        "console",
        lambda message: (
            troubles.append(message.text) if message.type == "error" else None
        ),
    )
    return troubles


@pytest.fixture
def tab(product: Product, browser: Browser, signed_in: dict) -> Iterator[Page]:
    """A signed-in tab, 1280 px wide; the test fails if the console shows an error."""
    context = browser.new_context(
        storage_state=signed_in,
        base_url=product.url,
        viewport={"width": 1280, "height": 900},
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    )
    context.set_default_timeout(15_000)
    troubles = collect_console_errors(context)
    yield context.new_page()
    context.close()
    assert troubles == []


def axe_violations(page: Page) -> list[str]:
    """What axe finds wrong on the page (WCAG 2.2 A and AA), one line each."""
    page.evaluate(AXE_SCRIPT.read_text())
    result = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [
        f"{found['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for found in result["violations"]
        for node in found["nodes"]
    ]
