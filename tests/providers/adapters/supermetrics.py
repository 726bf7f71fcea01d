"""Supermetrics, for the contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs

from queries.providers.base import JobState, Provider
from tests.providers.adapters import Adapter
from tests.providers.supermetrics.samples import FIELDS, SPEC, result, status
from tests.scripted_server import CUT, Reply, Request, as_json


def asked(request: Request) -> dict:
    """The parameters of a GET."""
    return json.loads(parse_qs(request.target.partition("?")[2])["json"][0])


def rows(count: int) -> Callable[[Request], Reply]:
    """Pages of numbered rows, as the offsets ask."""

    def answer(request: Request) -> Reply:
        first, last = (asked(request)[f"offset_{end}"] for end in ("start", "end"))
        page = [[n, f"row {n}"] for n in range(first, min(last + 1, count))]
        return as_json(result(page, total=count))

    return answer


def cut_rows(count: int) -> Callable[[Request], Reply]:
    """A page of some rows, fewer than there are in all; the next page breaks."""

    def answer(request: Request) -> Reply:
        if asked(request)["offset_start"]:
            return Reply(parts=[b'{"meta":{"status_code":"SUCCESS"},"data":[[1', CUT])
        return as_json(result([[n, "x"] for n in range(count)], total=count + 5_000))

    return answer


def read(provider: Provider) -> list:
    with provider.rows("job-1") as stream:
        return list(stream)


ADAPTER = Adapter(
    options=lambda origin: {"base_url": f"{origin}/enterprise/v2"},
    spec=SPEC,
    calls={
        "run": lambda provider: list(provider.run(SPEC)),
        "submit": lambda provider: provider.submit(SPEC, "key-1"),
        "status": lambda provider: provider.status("job-1"),
        "rows": read,
        "catalog": lambda provider: provider.catalog("field", "AW"),
    },
    about_jobs=("status", "rows"),
    rows=rows,
    number=lambda row: row.values[FIELDS[0]],
    cut_rows=cut_rows,
    submitted=as_json(status("QUEUED"), 202),
    states={
        JobState.WAITING: as_json(status("QUEUED")),
        JobState.RUNNING: as_json(status("RUNNING")),
        JobState.SUCCEEDED: as_json(result([[1, "x"]], total=1)),
        JobState.FAILED: as_json(status("FAILURE")),
        JobState.CANCELLED: as_json(status("STOPPED")),
        JobState.UNKNOWN: as_json(status("HIBERNATING")),
    },
)
