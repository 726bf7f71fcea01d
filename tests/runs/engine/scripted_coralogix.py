"""What Coralogix would answer, scripted: the engine's tests decide what happens on the wire."""

from __future__ import annotations

import json

from tests.scripted_server import Reply, Upstream, json_reply, ndjson_reply

BASE = "/api/v1/dataprime"
QUERY = f"{BASE}/query"
SUBMIT = f"{BASE}/background-query"
STATUS = f"{SUBMIT}/status"
CANCEL = f"{SUBMIT}/cancel"
DATA = f"{SUBMIT}/data"
TIMESTAMP = "2026-11-22T10:00:00Z"

WAITING = json_reply({"waitingForExecution": {}})
RUNNING = json_reply({"running": {"runningSince": TIMESTAMP}})
SUCCESS = json_reply(
    {
        "terminated": {
            "runningSince": TIMESTAMP,
            "terminatedAt": TIMESTAMP,
            "success": {},
        },
        "metadata": [{"statistics": {"bytesScanned": "506070"}}],
    }
)
CANCELLED = json_reply({"terminated": {"cancelled": {}}})
UNKNOWN_STATE = json_reply({"suspended": {}})
UNAVAILABLE = Reply(503, body=b"try later")
CONNECTION_CLOSED = Reply(raw=[])
NOT_FOUND = Reply(404, body=b"Query not found")
EMPTY_JSON = json_reply({})
COMPLETED = {"statistics": {"status": "COMPLETED"}}


def job_failed(reason: str = "out of luck") -> Reply:
    return json_reply({"terminated": {"error": {"failed": {"reason": reason}}}})


def job_submitted(background_run: str = "job-1", **more: object) -> Reply:
    return json_reply({"queryId": background_run, **more})


def too_many_requests(seconds: int | None = None) -> Reply:
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
    return ndjson_reply({"queryId": {"queryId": "q-1"}}, batch(0, count), *extra)


def data(count: int, *extra: object) -> Reply:
    """The rows of a background query."""
    return ndjson_reply(data_batch(0, count), *extra)


def with_success_replies(upstream: Upstream) -> Upstream:
    """An upstream on which everything goes well, with three rows."""
    upstream.on(QUERY, rows(3, COMPLETED))
    upstream.on(SUBMIT, job_submitted())
    upstream.on(STATUS, SUCCESS)
    upstream.on(CANCEL, EMPTY_JSON)
    upstream.on(DATA, data(3, COMPLETED))
    return upstream
