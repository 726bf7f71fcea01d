"""Complete responses, and what their status means when the provider says no more."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import msgspec

from queries.providers.errors import (
    AuthenticationError,
    ConflictError,
    ErrorFields,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QueryError,
    RateLimitError,
    UnavailableError,
    UnexpectedResponseError,
    UpstreamTimeoutError,
    clean_text,
)

MAX_RETRY_AFTER = 86_400.0
_REQUEST_ID_HEADERS = (
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-b3-traceid",
    "x-trace-id",
    "cf-ray",
)
_SERVER_TROUBLE = 500


@dataclass(frozen=True, slots=True)
class Response:
    """Status, headers (lower-case names) and the whole, bounded body of a response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_error(self) -> bool:
        """Return whether the status is an error."""
        return self.status >= HTTPStatus.BAD_REQUEST

    @property
    def request_id(self) -> str:
        """Return the remote side's id of this request, or ""."""
        found = (
            self.headers[name] for name in _REQUEST_ID_HEADERS if name in self.headers
        )
        return clean_text(next(found, ""), limit=200)

    def json_object(self) -> dict[str, Any]:
        """Return the body as a JSON object. Raises UnexpectedResponseError; the request was received then."""
        try:
            value = msgspec.json.decode(self.body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise UnexpectedResponseError(
                "The answer is not a JSON object.",
                request_id=self.request_id,
                may_have_been_received=True,
            )
        return value


def parse_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds of `Retry-After`, a number or a date (RFC 9110, 10.2.3); None if absent or invalid."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_until(text, now)
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _seconds_until(date: str, now: datetime) -> float:
    try:
        return (parsedate_to_datetime(date).astimezone(UTC) - now).total_seconds()
    except (ValueError, OverflowError):
        return math.nan


def parse_error_body(body: bytes) -> tuple[str, str]:
    """Return the (code, message) of an error body, cleaned; ("", "") if there is none to show.

    Knows the forms seen at the four providers: {"message"}, {"error": "..."}, {"error": {"message", "code"}},
    {"detail"}, {"errors": [{...}]}, {"title", "detail"} of RFC 9457, and plain text. HTML is ignored.
    """
    text = body.decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "", "" if text.startswith("<") else clean_text(text)
    code, message = error_code_and_message(value)
    return clean_text(code, limit=100), clean_text(message)


def error_code_and_message(value: object) -> tuple[str, str]:
    """Return the (code, message) inside a decoded error of any known form, as they are."""
    if isinstance(value, str):
        return "", value
    if isinstance(value, list):
        return error_code_and_message(value[0]) if value else ("", "")
    if not isinstance(value, dict):
        return "", ""
    for name in ("error", "errors"):
        if value.get(name) and not isinstance(value.get("message"), str):
            return error_code_and_message(value[name])
    found = (value.get(name) for name in ("message", "detail", "description", "title"))
    return _code_of(value), next(
        (text for text in found if isinstance(text, str) and text), ""
    )


def _code_of(value: dict[str, Any]) -> str:
    code = value.get("code", value.get("key"))
    if isinstance(code, dict):  # a oneof: {"rateLimitReached": {}}
        return str(next(iter(code), ""))
    return str(code) if isinstance(code, str | int) else ""


_MEANINGS: dict[int, tuple[type[ProviderError], str]] = {
    400: (QueryError, "{label} did not accept the request."),
    401: (AuthenticationError, "{label} refused the key."),
    403: (PermissionDeniedError, "{label} says that this key may not do that."),
    404: (NotFoundError, "{label} does not know this."),
    408: (UpstreamTimeoutError, "{label} ran out of time."),
    409: (ConflictError, "{label} cannot do that in the job's present state."),
    410: (NotFoundError, "{label} no longer has this."),
    413: (QueryError, "{label} says that the request is too large."),
    422: (QueryError, "{label} did not accept the query."),
    429: (RateLimitError, "{label} is being asked too often."),
    504: (UpstreamTimeoutError, "{label} ran out of time."),
}


def error_fields_from(answer: Response) -> ErrorFields:
    """Return what any error made from a response should carry: ids, status, codes and waiting time."""
    code, _ = parse_error_body(answer.body)
    return ErrorFields(
        http_status=answer.status,
        provider_code=code,
        request_id=answer.request_id,
        retry_after=parse_retry_after(answer.headers, datetime.now(UTC)),
        may_have_been_received=answer.status >= _SERVER_TROUBLE
        or answer.status == HTTPStatus.REQUEST_TIMEOUT,
    )


def default_error(answer: Response, label: str) -> ProviderError:
    """Turn an error status into one of our errors, followed by the provider's message."""
    kind, words = _MEANINGS.get(
        answer.status,
        (UnexpectedResponseError, "{label} answered with status {status}."),
    )
    if answer.status >= _SERVER_TROUBLE and answer.status not in _MEANINGS:
        kind, words = (
            UnavailableError,
            "{label} returned a server error ({status}).",
        )
    _, message = parse_error_body(answer.body)
    return kind(
        append_provider_message(
            words.format(label=label, status=answer.status), label, message
        ),
        **error_fields_from(answer),
    )


def append_provider_message(ours: str, label: str, theirs: str) -> str:
    """Append the provider's message to ours."""
    return f"{ours} {label} says: {theirs}" if theirs else ours
