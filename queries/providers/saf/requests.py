"""What is sent: bodies, what must be right before, and the same as a curl command."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from queries.providers.base import FileOptions, Problem, QuerySpec
from queries.providers.saf.fields import DATE_MATH, EXECUTION_COST_LEVELS
from queries.providers.saf.paths import submit_path

# Our own bound. Assumption: the server takes at least this much; its limit is not published.
MAX_STATEMENT_CHARACTERS = 100_000
KEY_VARIABLE: Final = "SAF_API_KEY"
USER_VARIABLE: Final = "SAF_USER"
_OTHER_WAYS = (
    f'# Without a user name, in place of --user: --header "Authorization: Bearer ${KEY_VARIABLE}"\n'
    f'# for a token, --header "Authorization: ApiKey ${KEY_VARIABLE}" for an API key.'
)
# OpenSearch docs, "Date math": now or a date and ||, then steps and roundings.
_DATE = r"\d{4}(-\d{2}(-\d{2}([T ]\d{2}(:\d{2}(:\d{2}([.,]\d{1,9})?)?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?"
_STEPS = r"([+-]\d{1,9}[yMwdhHms]|/[yMwdhHms])*"
_MATH = re.compile(rf"now{_STEPS}|{_DATE}(\|\|{_STEPS})?|\d{{11,15}}")
_FIELD_NAME = re.compile(r"[^\s\"'\\\x00-\x1f]{1,255}")


def submit_body(spec: QuerySpec) -> dict[str, Any]:
    """Return the body of a submit. What was left open is left out, so that the server's own defaults hold."""
    settings = spec.settings
    start, end = _range(spec)
    body = {
        "query": spec.statement,
        "dtFieldName": settings.get("time_field") or None,
        "dtStart": start,
        "dtEnd": end,
        "calculateStats": bool(settings.get("calculate_stats")),
        "calculateExecutionCost": settings.get("execution_cost")
        or EXECUTION_COST_LEVELS[0],
    }
    return {name: value for name, value in body.items() if value is not None}


def file_body(options: FileOptions) -> dict[str, Any]:
    """Return the body that asks for a file."""
    body: dict[str, Any] = {
        "file_name": options.name,
        "file_type": options.format,
        "compress_results": options.zipped,
        "download_all_results": options.limit is None,
    }
    return (
        body
        if options.limit is None
        else body | {"download_results_size": options.limit}
    )


def timeline_params(spec: QuerySpec) -> dict[str, str]:
    """Return the query string that asks for a timeline beforehand (SAF docs, "Sidebar and timeline")."""
    start, end = _range(spec)
    params = {
        "startTime": start,
        "endTime": end,
        "timefield": spec.settings.get("time_field") or "@timestamp",
        "query": spec.statement,
    }
    return {name: value for name, value in params.items() if value}


def find_problems(spec: QuerySpec) -> Iterator[Problem]:
    """Find what would make the server refuse a query for certain."""
    if not spec.statement.strip():
        yield Problem("statement", "Write a query.")
    elif len(spec.statement) > MAX_STATEMENT_CHARACTERS:
        yield Problem(
            "statement",
            f"The query is longer than {MAX_STATEMENT_CHARACTERS:,} characters.",
        )
    settings = spec.settings
    name = settings.get("time_field")
    if name and not _FIELD_NAME.fullmatch(str(name)):
        yield Problem("time_field", "Give the name of a field, such as @timestamp.")
    if settings.get("execution_cost") not in {None, "", *EXECUTION_COST_LEVELS}:
        yield Problem(
            "execution_cost", f"Choose one of {', '.join(EXECUTION_COST_LEVELS)}."
        )
    yield from _math_problems(settings) if _by_math(spec) else _range_problems(spec)


def curl_command(spec: QuerySpec, endpoint: str) -> str:
    """Return the curl command that sends the same, quoted for a POSIX shell, with the key as a variable."""
    body = json.dumps(submit_body(spec), ensure_ascii=False, indent=2)
    command = " \\\n  ".join(
        (
            f"curl {shlex.quote(endpoint.rstrip('/') + submit_path())}",
            "--header 'Content-Type: application/json'",
            f'--user "${USER_VARIABLE}:${KEY_VARIABLE}"',
            f"--data-raw {shlex.quote(body)}",
        )
    )
    return f"{command}\n{_OTHER_WAYS}"


def _by_math(spec: QuerySpec) -> bool:
    return spec.settings.get("time_source") == DATE_MATH


def _range(spec: QuerySpec) -> tuple[str | None, str | None]:
    if _by_math(spec):
        texts = (
            str(spec.settings.get(name) or "").strip()
            for name in ("start_math", "end_math")
        )
        start, end = (text or None for text in texts)
        return start, end
    return _sent(spec.start), _sent(spec.end)


def _sent(moment: datetime | None) -> str | None:
    # Assumption: dtStart and dtEnd take ISO 8601 beside date math, as dates do everywhere in OpenSearch.
    if moment is None:
        return None
    return (
        moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
        + "Z"
    )


def _math_problems(settings: Mapping[str, Any]) -> Iterator[Problem]:
    for name in ("start_math", "end_math"):
        text = str(settings.get(name) or "").strip()
        if text and not _MATH.fullmatch(text):
            yield Problem(
                name,
                "This is not date math. Examples: now-1d, now-7d/d, 2022-05-18||/M.",
            )


def _range_problems(spec: QuerySpec) -> Iterator[Problem]:
    if spec.start is not None and spec.end is not None and spec.start >= spec.end:
        yield Problem("end", "The end must be after the start.")
