"""Reading request bodies: strict about what the documents require, deaf to fields they do not name."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from sandbox.coralogix.errors import ApiError

FREQUENT, ARCHIVE = "TIER_FREQUENT_SEARCH", "TIER_ARCHIVE"
DEPRECATED_TIER = "TIER_FREQUENT_SEARCH_UNSPECIFIED"
_TIERS = {
    "": FREQUENT,
    "TIER_UNSPECIFIED": FREQUENT,
    DEPRECATED_TIER: FREQUENT,
    FREQUENT: FREQUENT,
    ARCHIVE: ARCHIVE,
}
_LUCENE = {"QUERY_SYNTAX_LUCENE", "QUERY_SYNTAX_LUCENE_UTF8_BASE64"}
_SYNTAXES = _LUCENE | {
    "QUERY_SYNTAX_UNSPECIFIED",
    "QUERY_SYNTAX_DATAPRIME",
    "QUERY_SYNTAX_DATAPRIME_UTF8_BASE64",
}
# IBM Cloud Logs API (the same product): both dates missing, or one.
DEFAULT_RANGE = timedelta(minutes=15)
_INT32_MAX = 2**31 - 1
_EARLIEST, _LATEST = 1970, 2200


class QueryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A valid request, everything resolved; all times in UTC."""

    query: str
    tier: str = ARCHIVE
    deprecated_tier: bool = False
    lucene: bool = False
    start: datetime
    end: datetime
    now: datetime
    source: str = "logs"
    limit: int | None = None
    strict: bool = False


def parse_direct(body: bytes, now: datetime) -> QueryRequest:
    """The body of a direct query; raises ``RefusedError`` (400)."""
    outer = _object(body)
    metadata = outer.get("metadata")
    if metadata is None:
        metadata = {}
    if not isinstance(metadata, dict):
        raise ApiError(400, "metadata must be an object")
    tier = _text(metadata, "tier")
    if tier not in _TIERS:
        raise ApiError(
            400, f"metadata.tier is not one of {', '.join(filter(None, _TIERS))}"
        )
    syntax = _syntax(metadata)
    start, end = _range(_date(metadata, "startDate"), _date(metadata, "endDate"), now)
    return QueryRequest(
        query=_query(outer, syntax),
        tier=_TIERS[tier],
        deprecated_tier=tier == DEPRECATED_TIER,
        lucene=syntax in _LUCENE,
        start=start,
        end=end,
        now=_date(metadata, "nowDate") or now,
        source=_text(metadata, "defaultSource") or "logs",
        limit=_limit(metadata),
        strict=_flag(metadata, "strictFieldsValidation"),
    )


def parse_background(body: bytes, now: datetime) -> QueryRequest:
    """The body of a background submit, whose dates and syntax are required; raises ``RefusedError`` (400)."""
    outer = _object(body)
    missing = [
        name
        for name in ("query", "syntax", "startDate", "endDate")
        if not outer.get(name)
    ]
    if missing:
        raise ApiError(400, f"missing required field: {', '.join(missing)}")
    syntax = _syntax(outer)
    start, end = _range(_date(outer, "startDate"), _date(outer, "endDate"), now)
    return QueryRequest(
        query=_query(outer, syntax),
        lucene=syntax in _LUCENE,
        start=start,
        end=end,
        now=_date(outer, "nowDate") or now,
    )


def parse_query_id(body: bytes) -> str:
    """The id in the body of status, data and cancel; raises ``RefusedError`` (400)."""
    query_id = _text(_object(body), "queryId")
    if not query_id:
        raise ApiError(400, "missing required field: queryId")
    return query_id


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(400, f"malformed JSON: {error}") from error
    if not isinstance(found, dict):
        raise ApiError(400, "the body must be a JSON object")
    return found


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ApiError(400, f"{name} must be a string")
    return value


def _flag(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name) or False
    if not isinstance(value, bool):
        raise ApiError(400, f"{name} must be true or false")
    return value


def _limit(fields: dict[str, Any]) -> int | None:
    value = fields.get("limit")
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not 0 <= value <= _INT32_MAX
    ):
        raise ApiError(400, "limit must be an integer of at least 0")
    return value or None  # 0 is the default of an int32: no limit given


def _syntax(fields: dict[str, Any]) -> str:
    syntax = _text(fields, "syntax") or "QUERY_SYNTAX_UNSPECIFIED"
    if syntax not in _SYNTAXES:
        raise ApiError(400, f"syntax is not one of {', '.join(sorted(_SYNTAXES))}")
    return syntax


def _query(fields: dict[str, Any], syntax: str) -> str:
    query = _text(fields, "query")
    if not query.strip():
        raise ApiError(400, "missing required field: query")
    if not syntax.endswith("_UTF8_BASE64"):
        return query
    try:
        return base64.b64decode(query, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ApiError(400, "query is not the base64 of UTF-8 text") from error


def _date(fields: dict[str, Any], name: str) -> datetime | None:
    text = _text(fields, name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ApiError(400, f"{name} is not an RFC 3339 time") from error
    if (
        moment.tzinfo is None
    ):  # Assumption: RFC 3339 requires the offset, so its absence is an error
        raise ApiError(400, f"{name} has no time zone; end it with Z or an offset")
    if not _EARLIEST <= moment.year <= _LATEST:
        raise ApiError(400, f"{name} is out of range")
    return moment.astimezone(UTC)


def _range(
    start: datetime | None, end: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    if start is None:
        end = end or now
        return end - DEFAULT_RANGE, end
    return start, end or start + DEFAULT_RANGE
