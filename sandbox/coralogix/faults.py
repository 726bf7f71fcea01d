"""Named faults: what clients of this API have met, ready to be played. Sources: Coralogix docs, IBM Cloud Logs API,
the official CLI and the tests of public clients; invented content.

``dataclasses.replace`` is ``msgspec.structs.replace`` here: ``replace(NAMED["truncated"], after=3)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sandbox.faults import Fault
from sandbox.web import JSON, NDJSON, TEXT

_SINCE, _ENDED = "2025-01-23T15:16:01Z", "2025-01-23T15:17:42Z"

# Every kind in the API's schema, and one that is not in it.
WARNINGS: tuple[dict[str, Any], ...] = (
    {
        "compileWarning": {
            "warningMessage": "keypath does not exist '$d.foo' in line 0 at column 21"
        }
    },
    {
        "timeRangeWarning": {
            "warningMessage": "end of time range is set to: 2024-03-10 15:00:00.000",
            "endDate": "2024-03-10T15:00:00Z",
        }
    },
    {"numberOfResultsLimitWarning": {"numberOfResultsLimit": 2000}},
    {"bytesScannedLimitWarning": {}},
    {"deprecationWarning": {"warningMessage": "use TIER_FREQUENT_SEARCH"}},
    {"blocksLimitWarning": {}},
    {"aggregationBucketsLimitWarning": {"aggregationBucketsLimit": 1000}},
    {"archiveWarning": {"noMetastoreData": {}}},
    {"archiveWarning": {"bucketAccessDenied": {}}},
    {"archiveWarning": {"bucketReadFailed": {}}},
    {"archiveWarning": {"missingData": {}}},
    {"scrollTimeoutWarning": {}},
    {"fieldCountLimitWarning": {}},
    {"shuffleFileSizeLimitReachedWarning": {}},
    {"filesReadLimitWarning": {}},
    {
        "sidebarFilterCardinalityLimitWarning": {
            "fields": ["$d.user.id"],
            "cardinalityLimit": "9007199254740993",
        }
    },
    {
        "weatherWarning": {
            "warningMessage": "a kind that is not documented",
            "severity": 3,
        }
    },
)

# Rows a client must survive: raw text, JSON that is no object, a pair without a value, the same key twice,
# integers beyond 2^53, nothing at all.
UNUSUAL_ROWS: tuple[dict[str, Any], ...] = (
    {
        "metadata": [{"key": "severity", "value": "INFO"}],
        "labels": [],
        "userData": "plain text, not JSON: {oops",
    },
    {
        "metadata": [{"key": "severity", "value": "Info"}],
        "labels": [],
        "userData": '"a JSON string"',
    },
    {"metadata": [], "labels": [], "userData": "[1, 2, 3]"},
    {"metadata": [], "labels": [], "userData": "42"},
    {"metadata": [], "labels": [], "userData": "null"},
    {"metadata": [], "labels": [], "userData": ""},
    {
        "metadata": [{"key": "severity"}],
        "labels": [{"key": "applicationname"}],
        "userData": "{}",
    },
    {
        "metadata": [
            {"key": "severity", "value": "3"},
            {"key": "severity", "value": "5"},
        ],
        "labels": [],
        "userData": '{"a":1,"a":2}',
    },
    {
        "metadata": [],
        "labels": [],
        "userData": '{"order":9223372036854775807,"beyond":123456789012345678901234567890}',
    },
    {
        "metadata": [],
        "labels": [],
        "userData": '{"text":"tab\\t nul\\u0000 lone \\ud83d end","n":1e400}',
    },
)

_STATES: Mapping[str, dict[str, Any]] = {
    "waiting": {"waitingForExecution": {}},
    "running": {"running": {"runningSince": _SINCE}},
    "success": {
        "terminated": {"runningSince": _SINCE, "terminatedAt": _ENDED, "success": {}}
    },
    "cancelled": {
        "terminated": {"runningSince": _SINCE, "terminatedAt": _ENDED, "cancelled": {}}
    },
    "cancelled-error": {
        "terminated": {
            "runningSince": _SINCE,
            "terminatedAt": _ENDED,
            "error": {"cancelled": {}},
        }
    },
    "failed": {
        "terminated": {
            "runningSince": _SINCE,
            "terminatedAt": _ENDED,
            "error": {"failed": {"reason": "Scanned bytes limit has been reached."}},
        }
    },
    "timed-out": {
        "terminated": {
            "runningSince": _SINCE,
            "terminatedAt": _ENDED,
            "error": {"timedOut": {}},
        }
    },
    "unknown": {"hibernating": {"until": "spring"}},
    "absent": {},
}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _reply(status: int, body: str, content_type: str = JSON, **more: Any) -> Fault:
    return Fault(
        kind="reply", status=status, body=body, content_type=content_type, **more
    )


def _state(members: dict[str, Any]) -> Fault:
    siblings = {
        "submittedAt": _SINCE,
        "metadata": [{"statistics": {"bytesScanned": "506070"}}],
        "warnings": [],
    }
    return _reply(200, _json(members | siblings), operation="status")


_STREAM: Mapping[str, Fault] = {
    "truncated": Fault(kind="truncate", after=2),
    "truncated-cleanly": Fault(kind="truncate", after=2, clean=True),
    "stalled": Fault(kind="stall", after=2, seconds=30.0),
    "no-answer": Fault(kind="stall", seconds=30.0),
    "slow-drip": Fault(kind="drip", size=1, seconds=0.5),
    "split-anywhere": Fault(kind="rechunk", size=7),
    "odd-newlines": Fault(kind="newlines"),
    "gzip-bomb": Fault(kind="compress", size=1 << 30),
    "fails-midway": Fault(
        kind="insert",
        after=2,
        lines=(_json({"error": {"message": "upstream went away", "code": {"internal": {}}}}),),
        stop=True,
    ),
    "rate-limited-midway": Fault(
        kind="insert",
        after=2,
        lines=(_json({"error": {"message": "rate limit reached", "code": {"rateLimitReached": {}}}}),),
        stop=True,
    ),
    "message-midway": Fault(kind="insert", after=2, lines=('{"message":"something broke"}',), stop=True),
    "statistics-failed": Fault(kind="statistics", outcome="FAILED"),
    "no-statistics": Fault(kind="statistics"),
    "heartbeats": Fault(kind="insert", after=1, lines=("", '{"heartbeat":{}}', '{"somethingNew":{"a":[1]}}', "  ")),
    "malformed-line": Fault(kind="insert", after=2, lines=('{"result":{"results":[{"metad',)),
    "warnings": Fault(kind="insert", after=1, lines=tuple(_json({"warning": one}) for one in WARNINGS), operation="query"),
    "odd-rows": Fault(kind="insert", after=1, lines=(_json({"result": {"results": UNUSUAL_ROWS}}),), operation="query"),
    "odd-data": Fault(kind="insert", after=1, lines=(_json({"response": {"results": {"results": UNUSUAL_ROWS}}}),), operation="data"),
    "empty-result": _reply(200, '{"queryId":{"queryId":"00000000-0000-4000-8000-000000000000"}}\n{"result":{"results":[]}}\n', NDJSON, operation="query"),
}  # fmt: skip
_REFUSALS: Mapping[str, Fault] = {
    "unauthorised": _reply(401, _json({"message": "unauthenticated"})),
    "forbidden": _reply(403, _json({"message": "permission denied: legacy-archive-queries:Execute"})),
    "rate-limited": _reply(429, _json({"message": "too many requests"}), headers={"Retry-After": "2"}),
    "rate-limited-silently": _reply(429, ""),
    "unavailable": _reply(503, "upstream connect error", TEXT),
    "bad-gateway": _reply(502, "<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html"),
    "gateway-timeout": _reply(504, "", TEXT),
    "broken": _reply(500, _json({"code": 13, "message": "internal"})),
    "not-found-in-words": _reply(500, "shard not found", TEXT),
    "error-text": _reply(400, "Compilation errors:\n - unknown command 'sort' in line 0 at column 14", TEXT),
    "error-string": _reply(400, _json({"error": "malformed request"})),
    "error-object": _reply(400, _json({"error": {"message": "malformed request"}})),
    "error-detail": _reply(400, _json({"detail": "malformed request"})),
    "error-list": _reply(
        400,
        _json({"errors": [{"code": "bad_request_or_unspecified", "message": "malformed request"}], "status_code": 400, "trace": "f00"}),
    ),
    "redirect": _reply(307, "", headers={"Location": "http://127.0.0.1:9/elsewhere"}),
    "not-json": _reply(200, "<html>please sign in</html>", "text/html"),
    "not-enabled": _reply(404, "404 page not found", TEXT, operation="submit"),
    "data-as-text": _reply(200, "query is not completed", TEXT, operation="data"),
    "gone-in-words": _reply(200, "query does not exist", TEXT, operation="status"),
    "cannot-cancel": _reply(409, "query cannot be cancelled", TEXT, operation="cancel"),
    "cut": Fault(kind="cut"),
    "submit-unanswered": Fault(kind="cut", handled=True, operation="submit"),
    "submit-warnings": _reply(
        200, _json({"queryId": "00000000-0000-4000-8000-000000000000", "warnings": WARNINGS}), operation="submit"
    ),
}  # fmt: skip
_OUTCOMES: Mapping[str, Fault] = {
    f"ends-{name}": Fault(
        kind="outcome", operation="submit", outcome=outcome, reason=reason
    )
    for name, outcome, reason in (
        ("failed", "failed", "Scanned bytes limit has been reached."),
        ("timed-out", "timedOut", ""),
        ("cancelled", "cancelled", ""),
    )
}

NAMED_FAULTS: Mapping[str, Fault] = {
    **_STREAM,
    **_REFUSALS,
    **_OUTCOMES,
    **{f"state-{name}": _state(members) for name, members in _STATES.items()},
}
