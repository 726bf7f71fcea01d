"""What Coralogix would answer, scripted: the engine's tests decide what happens on the wire."""

from __future__ import annotations

import json

from tests.scripted_server import Reply, Upstream, as_json, as_lines

BASE = "/api/v1/dataprime"
QUERY = f"{BASE}/query"
SUBMIT = f"{BASE}/background-query"
STATUS = f"{SUBMIT}/status"
CANCEL = f"{SUBMIT}/cancel"
DATA = f"{SUBMIT}/data"
WHEN = "2026-11-22T10:00:00Z"

WAITING = as_json({"waitingForExecution": {}})
RUNNING = as_json({"running": {"runningSince": WHEN}})
SUCCESS = as_json(
    {
        "terminated": {"runningSince": WHEN, "terminatedAt": WHEN, "success": {}},
        "metadata": [{"statistics": {"bytesScanned": "506070"}}],
    }
)
CANCELLED = as_json({"terminated": {"cancelled": {}}})
UNKNOWN = as_json({"suspended": {}})
DOWN = Reply(503, body=b"try later")
BROKEN = Reply(raw=[])
GONE = Reply(404, body=b"Query not found")
DONE = as_json({})
COMPLETED = {"statistics": {"status": "COMPLETED"}}


def failed(reason: str = "out of luck") -> Reply:
    return as_json({"terminated": {"error": {"failed": {"reason": reason}}}})


def submitted(job: str = "job-1", **more: object) -> Reply:
    return as_json({"queryId": job, **more})


def refused(seconds: int | None = None) -> Reply:
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return Reply(429, body=b"too many", headers=headers)


def row(number: int) -> dict:
    return {
        "metadata": [{"key": "severity", "value": "3"}],
        "labels": [{"key": "applicationname", "value": "shop"}],
        "userData": json.dumps({"n": number}),
    }


def batch(first: int, count: int) -> dict:
    return {"result": {"results": [row(n) for n in range(first, first + count)]}}


def data_batch(first: int, count: int) -> dict:
    return {"response": {"results": batch(first, count)["result"]}}


def rows(count: int, *extra: object) -> Reply:
    """The answer to a direct query."""
    return as_lines({"queryId": {"queryId": "q-1"}}, batch(0, count), *extra)


def data(count: int, *extra: object) -> Reply:
    """The rows of a background query."""
    return as_lines(data_batch(0, count), *extra)


def scripted(upstream: Upstream) -> Upstream:
    """An upstream on which everything goes well, with three rows."""
    upstream.on(QUERY, rows(3, COMPLETED))
    upstream.on(SUBMIT, submitted())
    upstream.on(STATUS, SUCCESS)
    upstream.on(CANCEL, DONE)
    upstream.on(DATA, data(3, COMPLETED))
    return upstream
