"""Coralogix, for the contract."""

from __future__ import annotations

import json

from queries.providers.base import JobState
from tests.providers.adapters import Adapter
from tests.providers.coralogix.samples import SPEC, data, wire_row
from tests.scripted_server import CUT, Reply, as_json, as_lines


def rows(count: int) -> Reply:
    return as_lines(*(data(wire_row({"n": n})) for n in range(count)))


def cut_rows(count: int) -> Reply:
    whole = [
        json.dumps(data(wire_row({"n": n}))).encode() + b"\n" for n in range(count)
    ]
    return Reply(parts=[*whole, b'{"response":{"res', CUT])


ADAPTER = Adapter(
    options=lambda origin: {"region": "custom", "endpoint": origin},
    spec=SPEC,
    calls={
        "run": lambda provider: list(provider.run(SPEC)),
        "submit": lambda provider: provider.submit(SPEC, "key-1"),
        "status": lambda provider: provider.status("job-1"),
        "rows": lambda provider: list(provider.rows("job-1")),
        "cancel": lambda provider: provider.cancel("job-1"),
    },
    about_jobs=("status", "rows", "cancel"),
    rows=rows,
    number=lambda row: row.values["$d"]["n"],
    cut_rows=cut_rows,
    submitted=as_json({"queryId": "job-1", "warnings": []}),
    states={
        JobState.WAITING: as_json({"waitingForExecution": {}}),
        JobState.RUNNING: as_json({"running": {}}),
        JobState.SUCCEEDED: as_json({"terminated": {"success": {}}}),
        JobState.FAILED: as_json(
            {"terminated": {"error": {"failed": {"reason": "x"}}}}
        ),
        JobState.CANCELLED: as_json({"terminated": {"cancelled": {}}}),
        JobState.UNKNOWN: as_json({"hibernating": {}}),
    },
)
