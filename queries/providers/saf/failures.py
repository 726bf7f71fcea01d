"""What a refusal means, in our words, for each call.

None of them is documented. The forms are OpenSearch's: {"error": {"type", "reason", "root_cause"}, "status"}, an error
that is a text, plain text, and a `WWW-Authenticate` header.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Any, NamedTuple

from queries.providers.answers import (
    Response,
    append_provider_message,
    default_error,
    error_fields_from,
    parse_error_body,
)
from queries.providers.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QueryError,
    RateLimitError,
    ResultsExpiredError,
    UnsupportedOperationError,
    clean_text,
)
from queries.providers.saf.fields import LABEL
from queries.providers.saf.scalars import as_mapping

SHORT_LABEL = "The server"
_ACTION = re.compile(r"no permissions for \[([^\]]{1,200})\]")
_NO_ROUTE = "no handler found for uri"
_CHALLENGE = re.compile(r"\A\s*([A-Za-z]{1,20})")
# Assumption: refusals have the statuses and the envelope of OpenSearch, and its security plugin's texts.
# Assumption: these say that the query itself is wrong, whatever the status: plugins of OpenSearch send some with 500.
_QUERY_TYPES = frozenset(
    {
        "parsing_exception",
        "parse_exception",
        "query_shard_exception",
        "illegal_argument_exception",
        "index_not_found_exception",
        "x_content_parse_exception",
    }
)


class Step(StrEnum):
    """The calls."""

    SUBMIT = "submit"
    STATUS = "status"
    LIST = "list"
    ROWS = "rows"
    LOGS = "logs"
    BREAK = "break"
    BREAK_ALL = "break_all"
    DELETE = "delete"
    FILE = "file"
    STATISTICS = "statistics"


class _Words(NamedTuple):
    kind: type[ProviderError]
    message: str
    remedy: str


_NO_API = _Words(
    UnsupportedOperationError,
    "There is no Search Anywhere Framework at this address, or one that lacks this call.",
    "Check the connection's address and the path in it; then ask the server's administrator.",
)
_UNKNOWN_TASK = _Words(
    NotFoundError,
    "The server does not know this task: it was deleted, or belongs to another user.",
    "Run the query again.",
)
_NO_RESULT = _Words(
    ResultsExpiredError,
    "The server has no result of this task any more: it was deleted, or belongs to another user.",
    "Run the query again.",
)
_REFUSED_QUERY = _Words(
    QueryError,
    "The server did not accept the query.",
    "Change the query and run it again.",
)
_ENDED = _Words(
    ConflictError,
    "The task cannot be cancelled: it is not running any more.",
    "Look at its state: it has ended.",
)
_NOT_ENDED = _Words(
    ConflictError,
    "The task has no result yet: it has not ended.",
    "Wait until the task has ended.",
)
_REFUSED_KEY = _Words(
    AuthenticationError,
    "The server refused the key{expected}.",
    "Check how the connection signs in, then enter user name and password, or the token, again.",
)
_FORBIDDEN = _Words(
    PermissionDeniedError,
    "The server knows the user but does not let them do this{permission}.",
    "Ask the server's administrator for a role with this permission, or use another connection.",
)
_OVERLOADED = _Words(
    RateLimitError,
    "The server has too much to do at the moment.",
    "Wait a little. If it goes on, ask for less: a shorter time range or fewer events.",
)
_ANYWHERE = {401: _REFUSED_KEY, 403: _FORBIDDEN, 405: _NO_API, 429: _OVERLOADED}
_AT = {
    (Step.SUBMIT, 400): _REFUSED_QUERY,
    (Step.STATISTICS, 400): _REFUSED_QUERY,
    (Step.SUBMIT, 404): _NO_API,
    (Step.LIST, 404): _NO_API,
    (Step.BREAK_ALL, 404): _NO_API,
    (Step.STATISTICS, 404): _NO_API,
    (Step.STATUS, 404): _UNKNOWN_TASK,
    (Step.LOGS, 404): _UNKNOWN_TASK,
    (Step.BREAK, 404): _UNKNOWN_TASK,
    (Step.DELETE, 404): _UNKNOWN_TASK,
    (Step.ROWS, 404): _NO_RESULT,
    (Step.FILE, 404): _NO_RESULT,
    # Assumption: only unfinished tasks can be stopped (documented), and 400 or 409 is how that is said.
    (Step.BREAK, 400): _ENDED,
    (Step.BREAK, 409): _ENDED,
    (Step.ROWS, 409): _NOT_ENDED,
    (Step.FILE, 409): _NOT_ENDED,
}


def error_for_response(step: Step, answer: Response) -> ProviderError:
    """Turn a refusal into an error, with the server's own words after ours."""
    code, theirs = parse_saf_error_body(answer.body)
    words = _words_for(step, answer, code, theirs)
    if words is None:
        return default_error(answer, LABEL)
    facts = error_fields_from(answer)
    facts["provider_code"] = code
    facts["remedy"] = words.remedy
    if words.kind is QueryError:
        facts["may_have_been_received"] = False  # it was read and refused
    if words is _FORBIDDEN and (action := _ACTION.search(theirs)):
        facts["permission"] = clean_text(action.group(1))
    message = words.message.format(
        expected=_expected(answer), permission=_lacking(facts.get("permission", ""))
    )
    return words.kind(append_provider_message(message, SHORT_LABEL, theirs), **facts)


def error_in_body(step: Step, answer: Response, error: object) -> ProviderError:
    """Turn an error that came with status 200 into one of ours. A status inside the answer counts."""
    status = _status_in(answer.body)
    if status is not None:
        return error_for_response(step, Response(status, answer.headers, answer.body))
    code, theirs = saf_error_code_and_message(error)
    return QueryError(
        append_provider_message(
            "The server failed to run the query.",
            SHORT_LABEL,
            theirs or "no reason given",
        ),
        provider_code=code,
        request_id=answer.request_id,
    )


def parse_saf_error_body(body: bytes) -> tuple[str, str]:
    """Return the (code, message) of an error's body, cleaned; ("", "") if it says nothing fit to repeat."""
    try:
        error = as_mapping(json.loads(body)).get("error")
    except (ValueError, RecursionError):
        error = None
    code, message = saf_error_code_and_message(error)
    return (code, message) if code or message else parse_error_body(body)


def saf_error_code_and_message(error: object) -> tuple[str, str]:
    """Return the (code, message) of an error: {"type", "reason"}, {"root_cause": [...]}, or a text; cleaned."""
    if isinstance(error, str):
        return "", clean_text(error)
    found = as_mapping(error)
    causes = found.get("root_cause")
    cause = as_mapping(causes[0]) if isinstance(causes, list) and causes else {}
    message = _text(found, "reason", "message") or _text(cause, "reason", "message")
    code = _text(found, "type", "code") or _text(cause, "type", "code")
    return clean_text(code, limit=100), clean_text(message)


def _words_for(step: Step, answer: Response, code: str, theirs: str) -> _Words | None:
    if _NO_ROUTE in theirs:
        return _NO_API
    if step in {Step.SUBMIT, Step.STATISTICS} and code in _QUERY_TYPES:
        return _REFUSED_QUERY
    if code == "resource_not_found_exception":
        return _AT.get((step, 404))
    return _AT.get((step, answer.status)) or _ANYWHERE.get(answer.status)


def _expected(answer: Response) -> str:
    challenge = _CHALLENGE.match(answer.headers.get("www-authenticate", ""))
    return f"; it expects {challenge.group(1)} authentication" if challenge else ""


def _lacking(permission: str) -> str:
    return f": it takes the permission {permission}" if permission else ""


def _status_in(body: bytes) -> int | None:
    try:
        status = as_mapping(json.loads(body)).get("status")
    except (ValueError, RecursionError):
        return None
    if not isinstance(status, int) or isinstance(status, bool):
        return None
    return status if 400 <= status < 600 else None  # noqa: PLR2004 - HTTP's own classes


def _text(found: Any, *names: str) -> str:
    return next((found[name] for name in names if isinstance(found.get(name), str)), "")
