"""Search Anywhere Framework, for the contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs

from queries.providers.base import FileOptions, JobState, Provider, QuerySpec
from tests.providers.adapters import Adapter
from tests.scripted_server import CUT, Reply, Request, json_reply

SPEC = QuerySpec(
    "source shop-* | search error",
    {"calculate_stats": True, "execution_cost": "DEBUG"},
    datetime(2026, 3, 1, tzinfo=UTC),
    datetime(2026, 3, 2, tzinfo=UTC),
)


def requested_range(request: Request) -> tuple[int, int]:
    """The range a page was asked for."""
    query = parse_qs(request.target.partition("?")[2])
    return int(query["from"][0]), int(query["to"][0])


def rows(count: int) -> Callable[[Request], Reply]:
    """A result of that many rows, handed out by pages."""

    def page(request: Request) -> Reply:
        start, end = requested_range(request)
        found = [{"n": n} for n in range(start, min(end, count))]
        return json_reply({"id": "job-1", "total": count, "results": found})

    return page


def cut_rows(count: int) -> Callable[[Request], Reply]:
    """That many rows of a larger result; every further page breaks off."""

    def page(request: Request) -> Reply:
        start, _ = requested_range(request)
        if start:
            return Reply(parts=[b'{"total":10,"results":[{"n":', CUT])
        found = [{"n": n} for n in range(count)]
        return Reply(body=json.dumps({"total": 10, "results": found}).encode())

    return page


def make_file(provider: Provider) -> None:
    with provider.make_file("job-1", FileOptions("csv", "rows")) as file:
        for _ in file:
            pass


ADAPTER = Adapter(
    options=lambda origin: {"address": origin, "auth": "bearer"},
    spec=SPEC,
    calls={
        "submit": lambda provider: provider.submit(SPEC, "key-1"),
        "status": lambda provider: provider.status("job-1"),
        "rows": lambda provider: list(provider.rows("job-1")),
        "cancel": lambda provider: provider.cancel("job-1"),
        "cancel_all": lambda provider: provider.cancel_all(),
        "delete": lambda provider: provider.delete("job-1"),
        "logs": lambda provider: provider.logs("job-1"),
        "list_jobs": lambda provider: provider.list_jobs(),
        "make_file": make_file,
        "preview": lambda provider: provider.preview(SPEC),
    },
    job_calls=("status", "rows", "cancel", "delete", "logs", "make_file"),
    rows=rows,
    row_number=lambda row: row.values["n"],
    cut_rows=cut_rows,
    submitted=json_reply({"id": "job-1"}),
    states={
        JobState.WAITING: json_reply({"id": "job-1", "status": "QUEUED"}),
        JobState.RUNNING: json_reply({"id": "job-1", "status": "RUNNING"}),
        JobState.SUCCEEDED: json_reply({"id": "job-1", "status": "COMPLETED"}),
        JobState.FAILED: json_reply({"id": "job-1", "status": "FAILED", "error": "x"}),
        JobState.CANCELLED: json_reply({"id": "job-1", "status": "CANCELED"}),
        JobState.UNKNOWN: json_reply({"id": "job-1", "status": "HIBERNATING"}),
    },
)
