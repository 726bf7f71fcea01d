"""Polytomic, for the contract."""

from __future__ import annotations

from queries.providers.base import JobState
from tests.providers.adapters import Adapter
from tests.providers.polytomic.samples import SPEC, answer, pages
from tests.scripted_server import CUT, Reply, Request, Script

PATH = "/api/queries/job-1"


def cut_rows(count: int) -> Script:
    """A page with that many rows, then one that breaks however often it is asked for."""

    def script(request: Request) -> Reply:
        if "?" in request.target:
            return Reply(parts=[b'{"data":{"results":[{"n":', CUT])
        rows = [{"n": n} for n in range(count)]
        return answer(results=rows, links={"next": f"{PATH}?page=MQ%3D%3D"})

    return script


ADAPTER = Adapter(
    options=lambda origin: {"endpoint": origin, "auth_kind": "bearer"},
    spec=SPEC,
    calls={
        "submit": lambda provider: provider.submit(SPEC, "key-1"),
        "status": lambda provider: provider.status("job-1"),
        "rows": lambda provider: list(provider.rows("job-1")),
        "catalog": lambda provider: provider.catalog("connection"),
    },
    job_calls=("status", "rows"),
    rows=lambda count: pages(count, path=PATH),
    row_number=lambda row: row.values["n"],
    cut_rows=cut_rows,
    submitted=answer("created"),
    states={
        JobState.WAITING: answer("created"),
        JobState.RUNNING: answer("running"),
        JobState.SUCCEEDED: answer("done", count=0, results=[]),
        JobState.FAILED: answer("failed", error="no such table"),
        JobState.CANCELLED: answer("cancelled"),
        JobState.UNKNOWN: answer("hibernating"),
    },
)
