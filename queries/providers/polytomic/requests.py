"""What is sent to Polytomic: paths and calls, what must be right before, and the same as a curl command."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from queries.providers.base import Mode, Problem, QuerySpec
from queries.providers.client import ApiCall
from queries.providers.errors import NotFoundError
from queries.providers.polytomic.fields import API_VERSIONS, CONNECTION_ID, api_version

ME: Final = "/api/me"
CONNECTIONS: Final = "/api/connections"
VERSION_HEADER: Final = "X-Polytomic-Version"
KEY_VARIABLE: Final = "POLYTOMIC_API_KEY"

# Our own bounds. Assumption: Polytomic takes a query of this length in the body; its limit is not published.
MAX_STATEMENT_CHARACTERS = 100_000
# Assumption: an address of about 4,000 characters is taken by Polytomic and by every server before it; common limits
# are 8,000 and more.
MAX_ENCODED_CHARACTERS = 4_000

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
# Polytomic docs, "Idempotent requests".
_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{8,255}")


def version_headers(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the header that every call carries."""
    return {VERSION_HEADER: api_version(options)}


def submit_call(spec: QuerySpec, key: str, options: Mapping[str, Any]) -> ApiCall:
    """Return the call that starts a query. `key` is the engine's; the same one always gives the same header."""
    in_body = bool(options.get("query_in_body")) or not _fits_an_address(spec.statement)
    return ApiCall(
        "POST",
        _query_path(spec),
        {"query": spec.statement} if in_body else {},
        query="" if in_body else f"query={quote(spec.statement, safe='')}",
        headers=version_headers(options) | {"Idempotency-Key": idempotency_key(key)},
    )


def idempotency_key(key: str) -> str:
    """Return a key of the documented form that depends on `key` alone."""
    if _IDEMPOTENCY_KEY.fullmatch(key):
        return key
    return f"querydeck-{hashlib.sha256(key.encode()).hexdigest()}"


def is_job_id(text: object) -> bool:
    """Return whether a text can be the id of a query: it becomes a part of an address."""
    return isinstance(text, str) and _JOB_ID.fullmatch(text) is not None


def job_path(job_id: str) -> str:
    """Return the address of a query. Raises NotFoundError for an id that Polytomic cannot have given."""
    if not is_job_id(job_id):
        raise NotFoundError("This is no id of a query at Polytomic.")
    return f"/api/queries/{job_id}"


def find_problems(spec: QuerySpec, mode: Mode) -> Iterator[Problem]:
    """Find what would make Polytomic refuse a query."""
    if mode == "direct":
        yield Problem("statement", "Polytomic runs queries in the background only.")
    if not spec.statement.strip():
        yield Problem("statement", "Write a query.")
    elif len(spec.statement) > MAX_STATEMENT_CHARACTERS:
        yield Problem(
            "statement",
            f"The query is longer than {MAX_STATEMENT_CHARACTERS:,} characters.",
        )
    if not spec.settings.get(CONNECTION_ID):
        yield Problem(CONNECTION_ID, "Choose the connection to run the query on.")
    yield from id_problems(spec.settings)


def id_problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Find an id of a connection, of a run's settings or a connection's options, that Polytomic cannot have given."""
    connection = values.get(CONNECTION_ID)
    if connection and not _UUID.fullmatch(str(connection)):
        yield Problem(
            CONNECTION_ID,
            "This is no id of a connection: it looks like 248df4b7-aa70-47b8-a036-33ac447e668d.",
        )


def curl_command(spec: QuerySpec, endpoint: str) -> str:
    """Return the curl command that sends the same, quoted for a POSIX shell, with the key as a variable."""
    url = endpoint.rstrip("/") + _query_path(spec)
    body = {"query": spec.statement}
    if _fits_an_address(spec.statement):
        url, body = f"{url}?query={quote(spec.statement, safe='')}", {}
    return " \\\n  ".join(
        (
            f"curl {shlex.quote(url)}",
            "--header 'Content-Type: application/json'",
            f"--header '{VERSION_HEADER}: {API_VERSIONS[0]}'",
            f'--header "Authorization: Bearer ${KEY_VARIABLE}"',
            f"--data-raw {shlex.quote(json.dumps(body, ensure_ascii=False))}",
        )
    )


def _query_path(spec: QuerySpec) -> str:
    connection = quote(str(spec.settings.get(CONNECTION_ID) or ""), safe="")
    return f"{CONNECTIONS}/{connection}/query"


def _fits_an_address(statement: str) -> bool:
    return len(quote(statement, safe="")) <= MAX_ENCODED_CHARACTERS
