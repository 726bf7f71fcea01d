"""Coralogix, for the contract."""

from __future__ import annotations

import json

from queries.providers.base import JobState
from tests.providers.adapters import Adapter
from tests.providers.coralogix.samples import SPEC, data, wire_row
from tests.scripted_server import CUT, Reply, json_reply, ndjson_reply


def rows(count: int) -> Reply:
    return ndjson_reply(*(data(wire_row({"n": n})) for n in range(count)))


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
    job_calls=("status", "rows", "cancel"),
    rows=rows,
    row_number=lambda row: row.values["$d"]["n"],
    cut_rows=cut_rows,
    submitted=json_reply({"queryId": "job-1", "warnings": []}),
    states={
        JobState.WAITING: json_reply({"waitingForExecution": {}}),
        JobState.RUNNING: json_reply({"running": {}}),
        JobState.SUCCEEDED: json_reply({"terminated": {"success": {}}}),
        JobState.FAILED: json_reply(
            {"terminated": {"error": {"failed": {"reason": "x"}}}}
        ),
        JobState.CANCELLED: json_reply({"terminated": {"cancelled": {}}}),
        JobState.UNKNOWN: json_reply({"hibernating": {}}),
    },
)
