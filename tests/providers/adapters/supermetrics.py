"""Supermetrics, for the contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs

from queries.providers.base import JobState, Provider
from tests.providers.adapters import Adapter
from tests.providers.supermetrics.samples import FIELDS, SPEC, result, status
from tests.scripted_server import CUT, Reply, Request, json_reply


def query_parameters(request: Request) -> dict:
    """The parameters of a GET."""
    return json.loads(parse_qs(request.target.partition("?")[2])["json"][0])


def rows(count: int) -> Callable[[Request], Reply]:
    """Pages of numbered rows, as the offsets ask."""

    def answer(request: Request) -> Reply:
        first, last = (
            query_parameters(request)[f"offset_{end}"] for end in ("start", "end")
        )
        page = [[n, f"row {n}"] for n in range(first, min(last + 1, count))]
        return json_reply(result(page, total=count))

    return answer


def cut_rows(count: int) -> Callable[[Request], Reply]:
    """A page of some rows, fewer than there are in all; the next page breaks."""

    def answer(request: Request) -> Reply:
        if query_parameters(request)["offset_start"]:
            return Reply(parts=[b'{"meta":{"status_code":"SUCCESS"},"data":[[1', CUT])
        return json_reply(result([[n, "x"] for n in range(count)], total=count + 5_000))

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
    job_calls=("status", "rows"),
    rows=rows,
    row_number=lambda row: row.values[FIELDS[0]],
    cut_rows=cut_rows,
    submitted=json_reply(status("QUEUED"), 202),
    states={
        JobState.WAITING: json_reply(status("QUEUED")),
        JobState.RUNNING: json_reply(status("RUNNING")),
        JobState.SUCCEEDED: json_reply(result([[1, "x"]], total=1)),
        JobState.FAILED: json_reply(status("FAILURE")),
        JobState.CANCELLED: json_reply(status("STOPPED")),
        JobState.UNKNOWN: json_reply(status("HIBERNATING")),
    },
)
