"""Named faults: what clients of this API have met, or its documents announce, ready to be played; invented content."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from sandbox.faults import Fault
from sandbox.supermetrics.errors import error_body
from sandbox.web import JSON

DATA_OPERATION = "supermetrics-data"
STATUS_OPERATION = "supermetrics-status"
_DAILY = "LICENSE_DAILY_QUERY_LIMIT_EXCEEDED"


def _reply(
    operation: str, status: int, value: object, times: int = 1, **headers: str
) -> Fault:
    body = msgspec.json.encode(value).decode()
    return Fault(
        kind="reply",
        operation=operation,
        status=status,
        body=body,
        content_type=JSON,
        times=times,
        headers={name.replace("_", "-"): text for name, text in headers.items()},
    )


def _ends_as(word: str, reason: str = "") -> Fault:
    return Fault(kind="outcome", operation=DATA_OPERATION, outcome=word, reason=reason)


NAMED_FAULTS: Mapping[str, Fault] = {
    "supermetrics-failure": _ends_as("FAILURE", "the data source gave up"),
    "supermetrics-failure-as-error": _ends_as(
        "error", "QUERY_EXECUTION_FAILED The data source returned an error"
    ),
    "supermetrics-stopped": _ends_as("STOPPED"),
    "supermetrics-process-exited": _ends_as("PROCESS_EXITED"),
    "supermetrics-unknown-state": _ends_as("HIBERNATING"),
    "supermetrics-error-in-200": _reply(
        DATA_OPERATION, 200, error_body("BAD_REQUEST", "The request was invalid.")
    ),
    "supermetrics-rate-limited": _reply(
        STATUS_OPERATION,
        429,
        error_body("TOO_MANY_REQUESTS", "Rate limit exceeded. Retry later."),
        Retry_After="1",
        X_RateLimit_Limit="5000",
        X_RateLimit_Remaining="0",
    ),
    "supermetrics-daily-limit": _reply(
        DATA_OPERATION,
        429,
        error_body(_DAILY, "Your daily limit of queries is reached."),
    ),
    "supermetrics-status-not-found": _reply(
        STATUS_OPERATION, 404, {"error": "STATUS_NOT_FOUND"}
    ),
    "supermetrics-trouble": _reply(
        STATUS_OPERATION,
        500,
        error_body("INTERNAL_SERVER_ERROR", "An unexpected error occurred."),
    ),
    "supermetrics-problem-details": _reply(
        STATUS_OPERATION,
        400,
        {
            "type": "https://supermetrics.com/problems/bad-request",
            "title": "Bad Request",
            "status": 400,
            "detail": "The parameter schedule_id is missing",
            "instance": "https://api.supermetrics.com/v2/query/status",
        },
    ),
}
