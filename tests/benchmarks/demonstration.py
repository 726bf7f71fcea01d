"""A result of millions of rows, from the upstream's wire to files on a reader's disk, in the running product.

`python -m tests.benchmarks.demonstration --rows 5000000` starts the product with a sandbox that has at least so many log
lines, runs one background query, looks at its rows over HTTP as a browser does, and takes them away as CSV and XLSX. It
prints how long each step took, and the most memory each process of the product ever held.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import psutil
from cryptography.fernet import Fernet

from queries.supervisor.ports import find_free_port
from tests.benchmarks.processes import ROOT

LINK = re.compile(r"http://\S+/accounts/link/\S+/")
ENDED = re.compile(r"data-status=\"(succeeded|failed|cancelled)\"")
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


class FormFields(HTMLParser):
    """The names and values that a page's forms would send as they stand."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in an input that is on, or the option that is chosen."""
        given = {name: value or "" for name, value in attrs}
        if tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select and "selected" in given:
            self.values[self._select] = given.get("value", "")
        elif tag == "input" and "name" in given:
            switch = given.get("type") in {"radio", "checkbox"}
            if not switch or "checked" in given:
                self.values.setdefault(given["name"], given.get("value", ""))


class ProductClient:
    """The running product, with somebody signed in."""

    def __init__(self, link: str, supervisor: int) -> None:
        origin = link.partition("/accounts/")[0]
        self.http = httpx.Client(base_url=origin, timeout=900, follow_redirects=True)
        self.http.get(link).raise_for_status()
        self._supervisor = psutil.Process(supervisor)

    def timed(self, what: str, address: str) -> str:
        """The page at an address; prints how long it took."""
        begun = time.perf_counter()
        response = self.http.get(address)
        _print(what, time.perf_counter() - begun)
        response.raise_for_status()
        return response.text

    def send(self, page: str, address: str, **values: Any) -> httpx.Response:
        """A form of `page`, sent to `address` with some values of our own."""
        values = FormFields(self.http.get(page).text).values | values
        headers = {"Referer": str(self.http.base_url)}
        return self.http.post(address, data=values, headers=headers).raise_for_status()

    def peaks(self) -> Iterator[tuple[str, int]]:
        """Each process of the product and the most memory it ever held, in bytes."""
        for process in self._supervisor.children(recursive=True):
            found = PEAK.search(Path(f"/proc/{process.pid}/status").read_text())
            words = " ".join(part.rpartition("/")[2] for part in process.cmdline()[1:4])
            yield words or process.name(), int(found[1]) * 1024 if found else 0


def main() -> None:
    """Start everything, walk through it, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as scratch,
        _product(Path(scratch), chosen.rows) as desk,
    ):
        run = _run(desk, chosen.rows)
        _look(desk, run, chosen.rows)
        for kind in ("csv", "xlsx"):
            _take(desk, run, kind, Path(scratch) / f"all.{kind}")
        for name, peak in desk.peaks():
            print(f"{name:50} {peak / 2**20:8,.0f} MB at most")


@contextmanager
def _product(folder: Path, rows: int) -> Iterator[ProductClient]:
    data = folder / "data"
    data.mkdir()
    (data / "sandbox-port").write_text(str(find_free_port("127.0.0.1", 0)))
    environment = {
        **os.environ,
        "SECRET_KEY": secrets.token_urlsafe(64),
        "QUERYDECK_FIELD_KEYS": Fernet.generate_key().decode(),
        "QUERYDECK_DATA_DIR": str(data),
        "QUERYDECK_HTTPS": "no",
    }
    # The demo shop's week is not full at any moment: some of its rows lie ahead.
    options = ["--port", "0", "--sandbox-rows", str(rows * 6 // 5)]
    child = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "up", *options],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield ProductClient(_link(child), child.pid)
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(60)


def _link(child: subprocess.Popen[str]) -> str:
    for line in child.stdout or ():
        if found := LINK.search(line):
            return found[0]
    raise RuntimeError("The product did not start.")


def _run(desk: ProductClient, rows: int) -> str:
    """The address of a background run that got that many rows."""
    begun = time.perf_counter()
    started = desk.send(
        "/runs/new/",
        "/runs/new/",
        mode="background",
        time_range="last-7d",
        statement=f"source logs | limit {rows}",
    )
    address = started.url.path
    while not (ended := ENDED.search(desk.http.get(address).text)):
        time.sleep(2)
    _print(f"run of {rows:,} rows: {ended[1]}", time.perf_counter() - begun)
    return address


def _look(desk: ProductClient, run: str, rows: int) -> None:
    """What a person does with it."""

    def grid(**asked: Any) -> str:
        return f"{run}results/?{urlencode(asked, doseq=True)}"

    text = desk.timed("first page", grid())
    print(re.findall(r"of <b>([\d,]+)</b> rows", text))
    desk.timed("a page near the end", grid(page=rows * 9 // 1000))
    desk.timed("sorted by a number", grid(sort="-$d.duration_ms"))
    desk.timed("its page 9,000", grid(sort="-$d.duration_ms", page=9_000))
    desk.timed("rows that contain a text", grid(q="timeout"))
    desk.timed("errors only", grid(f='["is","$m.severity","Error"]'))
    desk.timed("one column's facts", f"{run}column/?of=$l.subsystemname")
    desk.timed("timeline", f"{run}timeline/")
    desk.timed("one row", f"{run}rows/{rows - 1}/")


def _take(desk: ProductClient, run: str, kind: str, file: Path) -> None:
    begun = time.perf_counter()
    made = desk.send(run, f"{run}exports/", format=kind, rows="all", columns="all")
    address = made.url.path
    while not ENDED.search(desk.http.get(address).text):
        time.sleep(1)
    _print(f"{kind.upper()} made", time.perf_counter() - begun)
    with (
        desk.http.stream("GET", f"{address}download/") as response,
        file.open("wb") as out,
    ):
        response.raise_for_status()
        for chunk in response.iter_raw():
            out.write(chunk)
    print(f"{file.stat().st_size / 2**20:,.0f} MB downloaded")


def _print(what: str, seconds: float) -> None:
    print(f"{what:50} {seconds:8.2f} s", flush=True)


if __name__ == "__main__":
    main()
