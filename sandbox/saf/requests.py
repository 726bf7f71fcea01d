"""Reading requests: strict about what the documents require, deaf to members they do not name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from sandbox.saf.date_math import DateMathError, resolve_date_math
from sandbox.saf.errors import ApiError
from sandbox.saf.parser import parse
from sandbox.saf.sql import TimeBounds, effective_bounds
from sandbox.saf.tokens import SaflError
from sandbox.saf.tree import Query
from sandbox.web import Request

# The cluster settings sme.core.global_dt_params of this server.
TIME_FIELD, START, END = "@timestamp", "now-15m", "now"
COSTS = ("OFF", "INFO", "DEBUG")
FORMATS = ("json", "csv", "xlsx")
DEFAULT_FILE_ROWS = 10_000


class TaskRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a task: as it was written, and what its times mean (UTC)."""

    query: str
    dt_start: str
    dt_end: str
    start: datetime
    end: datetime
    now: datetime
    stats: bool = False
    cost: str = "OFF"

    @property
    def bounds(self) -> TimeBounds:
        """The range the whole query is asked over."""
        return TimeBounds(self.start, self.end, self.now)


class FileRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request for a file; ``rows`` None is all of them."""

    name: str
    kind: str
    zipped: bool
    rows: int | None


def parse_task(body: bytes, now: datetime) -> TaskRequest:
    """The body of a submit; raises ``RefusedError`` (400)."""
    outer = _object(body)
    query = _text(outer, "query")
    if not query.strip():
        raise _illegal("query is required")
    parsed = parse_or_reject(query)
    if (field := _text(outer, "dtFieldName") or TIME_FIELD) != TIME_FIELD:
        raise _illegal(f"there is no time field [{field}]; it is [{TIME_FIELD}]")
    start, end = _text(outer, "dtStart") or START, _text(outer, "dtEnd") or END
    bounds = _bounds(start, end, now, parsed)
    cost = (_text(outer, "calculateExecutionCost") or COSTS[0]).upper()
    if cost not in COSTS:
        raise _illegal(
            f"calculateExecutionCost is one of {', '.join(COSTS)}, not [{cost}]"
        )
    return TaskRequest(
        query=query,
        dt_start=start,
        dt_end=end,
        start=bounds.start,
        end=bounds.end,
        now=now,
        stats=_flag(outer, "calculateStats"),
        cost=cost,
    )


def parse_file(body: bytes) -> FileRequest:
    """The body of a request for a file; raises ``RefusedError`` (400)."""
    outer = _object(body)
    missing = [
        name for name in ("file_name", "file_type") if not _text(outer, name).strip()
    ]
    if missing:
        raise _illegal(f"{missing[0]} is required")
    kind = _text(outer, "file_type").lower()
    if kind not in FORMATS:
        raise _illegal(f"file_type is one of {', '.join(FORMATS)}, not [{kind}]")
    size = outer.get("download_results_size", DEFAULT_FILE_ROWS)
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise _illegal("download_results_size must be a number of at least 0")
    rows = None if _flag(outer, "download_all_results") else size
    return FileRequest(
        name=_text(outer, "file_name"),
        kind=kind,
        zipped=_flag(outer, "compress_results"),
        rows=rows,
    )


def parse_preview(request: Request, now: datetime) -> TaskRequest:
    """The arguments of a timeline beforehand; raises ``RefusedError`` (400)."""
    query = query_param(request, "query")
    parsed = parse_or_reject(query)
    start, end = (
        query_param(request, "startTime") or START,
        query_param(request, "endTime") or END,
    )
    bounds = _bounds(start, end, now, parsed)
    return TaskRequest(
        query=query,
        dt_start=start,
        dt_end=end,
        start=bounds.start,
        end=bounds.end,
        now=now,
    )


def parse_or_reject(query: str) -> Query:
    """Read a query; raises ``RefusedError`` (400) with line and column."""
    try:
        return parse(query)
    except SaflError as error:
        raise ApiError(400, "parsing_exception", str(error)) from error


def page_range(request: Request) -> tuple[int, int | None]:
    """``from`` (inclusive) and ``to`` (exclusive) of a page; both are open unless given."""
    first, end = (_index(request, name) for name in ("from", "to"))
    if end is not None and end < (first or 0):
        raise _illegal("from must not be greater than to")
    return first or 0, end


def query_param(request: Request, name: str) -> str:
    """One argument of the address; "" if it is not there."""
    return request.query_params.get(name, [""])[0]


def _bounds(start: str, end: str, now: datetime, query: Query) -> TimeBounds:
    try:
        bounds = TimeBounds(
            resolve_date_math(start, now),
            resolve_date_math(end, now, round_up=True),
            now,
        )
        effective_bounds(query.source, bounds)
    except DateMathError as error:
        raise ApiError(400, "parse_exception", str(error)) from error
    return bounds


def _index(request: Request, name: str) -> int | None:
    text = query_param(request, name)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:  # noqa: PLR2004 - more is no index
        raise _illegal(f"{name} must be a number of at least 0, not [{text[:40]}]")
    return int(text)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(
            400, "x_content_parse_exception", f"malformed JSON: {error}"
        ) from error
    if not isinstance(found, dict):
        raise ApiError(
            400, "x_content_parse_exception", "the body must be a JSON object"
        )
    return found


def _text(outer: dict[str, Any], name: str) -> str:
    value = outer.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _illegal(f"{name} must be a string")
    return value


def _flag(outer: dict[str, Any], name: str) -> bool:
    value = outer.get(name) or False
    if not isinstance(value, bool):
        raise _illegal(f"{name} must be true or false")
    return value


def _illegal(reason: str) -> ApiError:
    return ApiError(400, "illegal_argument_exception", reason)
