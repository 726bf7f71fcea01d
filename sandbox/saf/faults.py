"""Misbehaviours by name: other forms an answer may have, and what goes wrong with a server of this kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.faults import Fault
from sandbox.saf.errors import REALM, error_object
from sandbox.web import JSON, TEXT


def _json(operation: str, value: Any, status: int = 200, **headers: str) -> Fault:
    return Fault(
        kind="reply",
        operation=operation,
        status=status,
        body=json.dumps(value),
        content_type=JSON,
        headers=headers,
    )


def _error(operation: str, status: int, kind: str, reason: str) -> Fault:
    return _json(
        operation, {"error": error_object(kind, reason), "status": status}, status
    )


_OVERLOAD = (
    "rejected execution of coordinating operation [coordinating_and_primary_bytes=0]"
)

NAMED_FAULTS: Mapping[str, Fault] = {
    "saf-id-as-text": Fault(
        kind="reply", operation="saf-submit", body="12345", content_type=TEXT
    ),
    "saf-id-as-number": _json("saf-submit", 12345),
    "saf-id-missing": _json("saf-submit", {"acknowledged": True}),
    "saf-id-that-breaks-all": _json("saf-submit", {"id": ""}),
    "saf-submit-unanswered": Fault(kind="cut", handled=True, operation="saf-submit"),
    "saf-status-wrapped": _json(
        "saf-status", {"12345": {"state": "running", "startedAt": 1_773_144_000_000}}
    ),
    "saf-state-unknown": _json("saf-status", {"id": "12345", "status": "HIBERNATING"}),
    "saf-rows-as-hits": _json(
        "saf-response",
        {
            "hits": {
                "total": {"value": 1, "relation": "eq"},
                "hits": [{"_id": "1", "_source": {"n": 0}}],
            }
        },
    ),
    "saf-rows-as-lists": _json(
        "saf-response",
        {"schema": [{"name": "n", "type": "long"}], "datarows": [[0]], "total": 1},
    ),
    "saf-logs-as-text": Fault(
        kind="reply",
        operation="saf-logs",
        body="accepted\nstarted\n",
        content_type=TEXT,
    ),
    "saf-error-as-string": _json(
        "*", {"error": "something is wrong", "status": 400}, 400
    ),
    "saf-unauthorized": Fault(
        kind="reply",
        status=401,
        body="Unauthorized",
        content_type=TEXT,
        headers={"WWW-Authenticate": REALM},
    ),
    "saf-overloaded": _error("*", 429, "rejected_execution_exception", _OVERLOAD),
    "saf-out-of-memory": _error(
        "*", 429, "circuit_breaking_exception", "[parent] Data too large"
    ),
    "saf-not-there": _json(
        "*",
        {
            "error": "no handler found for uri [/_sme/async_requests/request] and method [POST]"
        },
        400,
    ),
    "saf-not-ready": Fault(
        kind="reply",
        status=503,
        body="OpenSearch Security not initialized.",
        content_type=TEXT,
    ),
    "saf-file-as-base64": _json("saf-file", {"content": "biwxCg=="}),
    **{
        f"saf-ends-{name}": Fault(
            kind="outcome", operation="saf-submit", outcome=outcome, reason=reason
        )
        for name, outcome, reason in (
            ("failed", "failed", "all shards failed"),
            ("timed-out", "timedOut", ""),
            ("cancelled", "cancelled", ""),
        )
    },
}
