"""What is sent to Supermetrics: addresses, parameters, bodies, and the same as a curl command."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from queries.providers.base import Mode, QuerySpec
from queries.providers.client import ApiCall
from queries.providers.supermetrics.fields import DEFAULT_BASE_URL, DEFAULT_SYNC_WAIT
from queries.providers.supermetrics.statements import format_statement, parse_query

DATA: Final = "/query/data/json"
STATUS: Final = "/query/status"
KEY_VARIABLE = "SUPERMETRICS_API_KEY"

# Supermetrics docs, "Query status": an answer holds at most 10,000 items, and a header row may be one of them.
PAGE_ROWS = 5_000
# Supermetrics docs, "Pagination": both ends are inclusive and go to 1,000,000.
LAST_OFFSET = 1_000_000
# No speed is promised for a page; the wait for a direct query is added to it.
PAGE_TOTAL_TIMEOUT = 120.0
_SCHEDULE_ID = re.compile(r"[A-Za-z0-9_-]{1,50}")


def base_url_from(options: Mapping[str, Any]) -> str:
    """Return the address a connection's options lead to, as it was entered but for spaces and a last slash."""
    return str(options.get("base_url") or DEFAULT_BASE_URL).strip().rstrip("/")


def base_path(options: Mapping[str, Any]) -> str:
    """Return the part of the address after the host, without a slash at the end."""
    return urlsplit(base_url_from(options)).path.rstrip("/")


def schedule_id_from(key: str) -> str:
    """Make a schedule id of an idempotency key: the key itself where it can be one (50 plain characters at most)."""
    if _SCHEDULE_ID.fullmatch(key):
        return key
    return f"qd-{hashlib.sha256(key.encode()).hexdigest()[:40]}"


def submit_body(spec: QuerySpec, schedule_id: str) -> dict[str, Any]:
    """Return the body that starts a query without waiting for it.

    Assumption: offsets concern this answer only; a cached result then cannot come back whole from a submit.
    """
    ours = {"schedule_id": schedule_id, "sync_timeout": 0}
    return _sent(spec) | ours | page_offsets(0, 1)


def direct_body(spec: QuerySpec, schedule_id: str) -> dict[str, Any]:
    """Return the body of a query whose answer is waited for."""
    ours = {"schedule_id": schedule_id, "sync_timeout": sync_wait_seconds(spec)}
    return _sent(spec) | ours | page_offsets(0, PAGE_ROWS)


def sync_wait_seconds(spec: QuerySpec) -> int:
    """Return the seconds a direct query may take before it goes on in the background."""
    return int(spec.settings.get("sync_timeout") or DEFAULT_SYNC_WAIT)


def page_offsets(start: int, rows: int) -> dict[str, int]:
    """Return the offsets of a page: inclusive at both ends."""
    return {"offset_start": start, "offset_end": min(start + rows - 1, LAST_OFFSET)}


def get_call(path: str, parameters: Mapping[str, Any], **more: Any) -> ApiCall:
    """Make a GET whose parameters travel as one JSON object, as the documents show it. A key is never among them."""
    text = msgspec.json.encode(parameters).decode()
    return ApiCall("GET", path, params={"json": text}, **more)


def curl_command(spec: QuerySpec, mode: Mode, endpoint: str) -> str:
    """Return the curl command that asks the same, quoted for a POSIX shell, with the key as a variable."""
    try:
        wait = 0 if mode == "background" else sync_wait_seconds(spec)
        body = format_statement(_sent(spec) | {"sync_timeout": wait})
    except ValueError:
        body = spec.statement
    return " \\\n  ".join(
        (
            f"curl {shlex.quote(endpoint.rstrip('/') + DATA)}",
            "--header 'Content-Type: application/json'",
            f'--header "Authorization: Bearer ${KEY_VARIABLE}"',
            f"--data-raw {shlex.quote(body)}",
        )
    )


def _sent(spec: QuerySpec) -> dict[str, Any]:
    """Return the query, without a header row where names can be had from the answer's description of its columns.

    Columns made of a dimension's values are named in the header row only (so does Supermetrics' own n8n node).
    """
    query = parse_query(spec)
    fields = query.get("fields")
    named = fields if isinstance(fields, list) else [fields]
    if all(isinstance(name, str) for name in named):
        query["settings"] = {"no_headers": True} | (query.get("settings") or {})
    return query
