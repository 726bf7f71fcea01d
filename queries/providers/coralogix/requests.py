"""What is sent to Coralogix: paths and bodies, what must be right before, and the same as a curl command."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from queries.providers.base import Mode, Problem, ProviderWarning, QuerySpec
from queries.providers.coralogix.fields import (
    ARCHIVE,
    DATAPRIME,
    DEFAULT_ROWS,
    FREQUENT,
    LUCENE,
    MAX_FREQUENT_HOURS,
    MAX_ROWS,
    SYNTAX_LABELS,
    TIER_LABELS,
)

DIRECT: Final = "/api/v1/dataprime/query"
BACKGROUND: Final = "/api/v1/dataprime/background-query"

# Our own bound. Assumption: Coralogix takes at least this much; its limit is not published (saved views: 65,535).
MAX_STATEMENT_CHARACTERS = 100_000
KEY_VARIABLE = "CORALOGIX_API_KEY"
_OWN_LIMIT = re.compile(r"\|\s*limit\s+(\d{1,9})\s*\Z")
_SOURCE_NAME = re.compile(r"[A-Za-z0-9_./-]{1,200}")


def direct_body(spec: QuerySpec) -> dict[str, Any]:
    """Return the body of a direct query."""
    settings = spec.settings
    metadata = {
        "tier": effective_tier(spec),
        "syntax": settings.get("syntax") or DATAPRIME,
        "startDate": _sent(spec.start),
        "endDate": _sent(spec.end),
        "defaultSource": settings.get("default_source") or None,
        "limit": settings.get("limit"),
        "strictFieldsValidation": settings.get("strict_fields_validation") or None,
        "nowDate": _sent(_moment(settings.get("now_date"))),
    }
    return {"query": spec.statement, "metadata": _present(metadata)}


def background_body(spec: QuerySpec) -> dict[str, Any]:
    """Return the body of a background query: flat, and without a tier (it always reads the archive)."""
    return _present(
        {
            "query": spec.statement,
            "syntax": spec.settings.get("syntax") or DATAPRIME,
            "startDate": _sent(spec.start),
            "endDate": _sent(spec.end),
            "nowDate": _sent(_moment(spec.settings.get("now_date"))),
        }
    )


def effective_tier(spec: QuerySpec) -> str:
    """Return the tier a direct query reads. Coralogix' own default is sent explicitly."""
    return str(spec.settings.get("tier") or FREQUENT)


def implicit_limit(spec: QuerySpec) -> int | None:
    """Return the number of rows at which a direct query ends without the query asking for it; None if it asks itself.

    Coralogix returns the fewest of: the query's own limit, the limit set beside it (2,000 by default), the tier's cap.
    """
    beside = spec.settings.get("limit") or DEFAULT_ROWS
    own = (
        None
        if spec.settings.get("syntax") == LUCENE
        else _OWN_LIMIT.search(spec.statement)
    )
    return None if own and int(own.group(1)) <= beside else beside


def find_problems(spec: QuerySpec, mode: Mode) -> Iterator[Problem]:
    """Find what would make Coralogix refuse, or silently change, a query."""
    if not spec.statement.strip():
        yield Problem("statement", "Write a query.")
    elif len(spec.statement) > MAX_STATEMENT_CHARACTERS:
        yield Problem(
            "statement",
            f"The query is longer than {MAX_STATEMENT_CHARACTERS:,} characters.",
        )
    yield from _range_problems(spec, mode)
    yield from _choice_problems(spec, mode)
    try:
        _moment(spec.settings.get("now_date"))
    except ValueError:
        yield Problem("now_date", "This is not a date and time.")
    if mode == "direct":
        yield from _direct_problems(spec)


def advisories(spec: QuerySpec, mode: Mode) -> Iterator[ProviderWarning]:
    """Say what Coralogix would do to a valid query without being asked."""
    if (
        mode != "direct"
        or effective_tier(spec) != FREQUENT
        or spec.start is None
        or spec.end is None
    ):
        return
    if spec.end - spec.start > timedelta(hours=MAX_FREQUENT_HOURS):
        yield ProviderWarning(
            "frequent_range",
            f"Frequent Search looks back {MAX_FREQUENT_HOURS // 24} days at most; Coralogix shortens the range.",
            remedy="Choose All Logs, or run the query in the background.",
            details={"hours": MAX_FREQUENT_HOURS},
        )


def curl_command(spec: QuerySpec, mode: Mode, endpoint: str) -> str:
    """Return the curl command that sends the same, quoted for a POSIX shell, with the key as a variable."""
    path, body = (
        (DIRECT, direct_body(spec))
        if mode == "direct"
        else (BACKGROUND, background_body(spec))
    )
    return " \\\n  ".join(
        (
            f"curl {shlex.quote(endpoint.rstrip('/') + path)}",
            "--header 'Content-Type: application/json'",
            f'--header "Authorization: Bearer ${KEY_VARIABLE}"',
            f"--data-raw {shlex.quote(json.dumps(body, ensure_ascii=False, indent=2))}",
        )
    )


def _range_problems(spec: QuerySpec, mode: Mode) -> Iterator[Problem]:
    if mode == "background":
        for name, value in (("start", spec.start), ("end", spec.end)):
            if value is None:
                yield Problem(name, f"A background query needs its {name}.")
    if spec.start is not None and spec.end is not None and spec.start >= spec.end:
        yield Problem("end", "The end must be after the start.")


def _choice_problems(spec: QuerySpec, mode: Mode) -> Iterator[Problem]:
    if spec.settings.get("syntax", DATAPRIME) not in SYNTAX_LABELS:
        yield Problem("syntax", "Choose DataPrime or Lucene.")
    if mode == "direct" and spec.settings.get("tier", FREQUENT) not in TIER_LABELS:
        yield Problem("tier", "Choose Frequent Search or All Logs.")


def _direct_problems(spec: QuerySpec) -> Iterator[Problem]:
    limit = spec.settings.get("limit")
    most = MAX_ROWS.get(effective_tier(spec), MAX_ROWS[ARCHIVE])
    if limit is not None and (
        isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= most
    ):
        yield Problem("limit", f"Give a number from 1 to {most:,}.")
    source = spec.settings.get("default_source")
    if source and not _SOURCE_NAME.fullmatch(str(source)):
        yield Problem(
            "default_source", "Give the name of a source, such as logs or spans."
        )


def _moment(value: datetime | str | None) -> datetime | None:
    """Read a setting that may have been stored as text. Raises ValueError for one without a zone, too."""
    if value is None or value == "":
        return None
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if moment.tzinfo is None:
        raise ValueError("A moment needs a time zone.")
    return moment


def _sent(moment: datetime | None) -> str | None:
    return (
        None
        if moment is None
        else moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    )


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
