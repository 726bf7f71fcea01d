"""Pages over HTTP: ours by gunicorn, datasette by its own server, the same rows, each asked in turn.

Every question comes in variants (other columns, other words), so that no cache of either side answers it; then the last
one is asked once more, which is what paging through a sorted or filtered result is like.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from queries.supervisor.ports import find_free_port
from tests.benchmarks.processes import max_rss, server
from tests.benchmarks.setup import TABLE

PAGE = 100
Address = Callable[[int], str]  # of the n-th variant


@dataclass(frozen=True)
class PageBenchmark:
    """One thing to ask of both: an address for each of the variants."""

    name: str
    ours: Address
    theirs: Address


@dataclass(frozen=True)
class PageTiming:
    """Medians in seconds: of variants never asked before, and of one asked before."""

    name: str
    ours: float
    ours_again: float
    theirs: float
    theirs_again: float


def page_benchmarks(facts: Mapping[str, Any]) -> list[PageBenchmark]:
    """What a person does with a result: leaf, go deep, sort, filter, count, and see when it happened."""
    run, names, rows = f"/runs/{facts['run']}", facts["columns"], facts["rows"]
    place = {name: f"c{at}" for at, name in enumerate(names)}
    deep = rows * 9 // 10 // PAGE

    def grid(**parameters: Any) -> str:
        return f"{run}/results/?{urlencode(parameters, doseq=True)}"

    def table(**parameters: Any) -> str:
        return f"/peer/{TABLE}?{urlencode({'_size': PAGE, **parameters}, doseq=True)}"

    sorts = (
        "$d.request.duration_ms",
        "$d.message",
        "$d.user.id",
        "$d.request.bytes",
        "$d.trace",
        "$d.request.path",
    )
    facets = (
        "$d.user.country",
        "$d.request.method",
        "$l.subsystemname",
        "$d.kubernetes.node",
        "$d.db.rows",
        "$d.error.code",
    )
    stacks = (
        "$m.severity",
        "$l.subsystemname",
        "$d.user.country",
        "$d.request.method",
        "$d.kubernetes.node",
        "$d.payment.brand",
    )
    return [
        PageBenchmark(
            "first page",
            lambda n: grid(size=PAGE, page=1 + n),
            lambda n: table(_next=n * PAGE or None),
        ),
        PageBenchmark(
            f"page {deep:,}",
            lambda n: grid(page=deep - n),
            lambda n: table(_next=(deep - n - 1) * PAGE),
        ),
        PageBenchmark(
            "sort",
            lambda n: grid(sort=f"-{sorts[n]}"),
            lambda n: table(_sort_desc=place[sorts[n]]),
        ),
        PageBenchmark(
            "filter (text in a column)",
            lambda n: grid(q=f"customer {7 + n}0", **{"in": "$d.message"}),
            lambda n: table(
                **{f"{place['$d.message']}__contains": f"customer {7 + n}0"}
            ),
        ),
        PageBenchmark(
            "facet",
            lambda n: f"{run}/column/?{urlencode({'of': facets[n]})}",
            lambda n: table(_facet=place[facets[n]]),
        ),
        PageBenchmark(
            "histogram",
            lambda n: f"{run}/timeline/?{urlencode({'by': stacks[n]})}",
            lambda n: f"/peer?{urlencode({'sql': _per_hour(place, stacks[n])})}",
        ),
    ]


def _per_hour(place: Mapping[str, str], by: str) -> str:
    return (
        f"SELECT substr({place['$m.timestamp']}, 1, 13) AS hour, {place[by]} AS series, count(*)"
        f" FROM {TABLE} GROUP BY 1, 2"
    )


def compare(
    facts: Mapping[str, Any], folder: Path, bench: Path, repeats: int
) -> tuple[list[PageTiming], int, int]:
    """All questions, and the resident memory of the largest process of each side in bytes."""
    ours, theirs = (
        f"http://127.0.0.1:{find_free_port('127.0.0.1', 0)}" for _ in range(2)
    )
    cookie = dict([facts["cookie"]])
    with ExitStack() as stack:
        our_pid = stack.enter_context(
            server(_our_server(ours), f"{ours}/healthz", os.environ)
        )
        their_pid = stack.enter_context(
            server(
                _their_server(theirs, folder, bench), f"{theirs}/-/versions.json", {}
            )
        )
        us = stack.enter_context(
            httpx.Client(base_url=ours, cookies=cookie, timeout=300)
        )
        them = stack.enter_context(httpx.Client(base_url=theirs, timeout=300))
        answers = [
            _asked(question, us, them, repeats) for question in page_benchmarks(facts)
        ]
        return answers, max_rss(our_pid), max_rss(their_pid)


def _asked(
    question: PageBenchmark, us: httpx.Client, them: httpx.Client, repeats: int
) -> PageTiming:
    times: dict[str, list[float]] = {
        side: [] for side in ("us", "them", "us again", "them again")
    }
    for n in range(repeats):
        times["us"].append(_seconds(us, question.ours(n)))
        times["them"].append(_seconds(them, question.theirs(n)))
        times["us again"].append(_seconds(us, question.ours(n)))
        times["them again"].append(_seconds(them, question.theirs(n)))
    middle = {side: statistics.median(taken) for side, taken in times.items()}
    return PageTiming(
        question.name,
        middle["us"],
        middle["us again"],
        middle["them"],
        middle["them again"],
    )


def _seconds(client: httpx.Client, address: str) -> float:
    begun = time.perf_counter()
    response = client.get(address)
    taken = time.perf_counter() - begun
    if response.status_code != httpx.codes.OK:
        raise RuntimeError(
            f"{address} answered {response.status_code}: {response.text[:300]}"
        )
    return taken


def _our_server(url: str) -> Sequence[str]:
    address = url.removeprefix("http://")
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "python:dashboard.server",
        "--bind",
        address,
    ]


def _their_server(url: str, folder: Path, bench: Path) -> Sequence[str]:
    port = url.rpartition(":")[2]
    # Its limits are lifted, or it would give up on what takes it longer than a second.
    limits = {"sql_time_limit_ms": 120_000, "facet_time_limit_ms": 120_000}
    settings = [
        part
        for name, value in limits.items()
        for part in ("--setting", name, json.dumps(value))
    ]
    return [
        str(bench / "bin" / "datasette"),
        "serve",
        str(folder / "peer.db"),
        "--port",
        port,
        *settings,
    ]
