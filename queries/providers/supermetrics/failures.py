"""What Supermetrics' refusals mean, in our words.

Its errors come in three forms: {"meta": {"request_id"}, "error": {"code", "message", "description"}} (today's), problem
details of RFC 9457 (older documents), and {"error": "STATUS_NOT_FOUND"}. The code decides, then the status. Codes:
Supermetrics docs, "Error codes", and its published interface.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from queries.providers.answers import (
    Response,
    append_provider_message,
    default_error,
    error_fields_from,
)
from queries.providers.errors import (
    AuthenticationError,
    ConflictError,
    ErrorFields,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QueryError,
    RateLimitError,
    ResultsExpiredError,
    UnavailableError,
    clean_text,
)
from queries.providers.supermetrics.fields import LABEL

_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,99}")
_FIRST_ERROR_STATUS = 400


class Step(StrEnum):
    """The kinds of calls."""

    RUN = "run"
    STATUS = "status"
    ROWS = "rows"
    CATALOG = "catalog"


# Supermetrics docs, "API keys": what a key may do is chosen when it is made.
_SCOPES = {
    Step.RUN: "ds_queries_run",
    Step.STATUS: "ds_queries_read",
    Step.ROWS: "ds_queries_read",
    Step.CATALOG: "ds_accounts_read, ds_logins_read",
}


class ErrorDetail(NamedTuple):
    """What an error says, cleaned."""

    code: str = ""
    message: str = ""
    request_id: str = ""


class _Words(NamedTuple):
    kind: type[ProviderError]
    message: str
    remedy: str
    code: str = ""
    title: str = ""


_KEY = _Words(
    AuthenticationError,
    "Supermetrics refused the key: it is wrong, expired, or not made for this API.",
    "Enter a valid key on the connection's page. Keys begin with api_.",
)
_NOT_ALLOWED = _Words(
    PermissionDeniedError,
    "Supermetrics knows the key but does not let it do this. It needs the permission {scope}.",
    "Give the key this permission in Supermetrics, or use another connection.",
)
_TOO_OFTEN = _Words(
    RateLimitError,
    "Supermetrics is being asked too often with this key.",
    "Wait a little. Requests are counted by the hour; the connection's page shows how many are left.",
)
_REFUSED_QUERY = _Words(
    QueryError,
    "Supermetrics did not accept the query.",
    "Change the query and run it again.",
)
_TROUBLE = _Words(
    UnavailableError,
    "Supermetrics returned a server error.",
    "Try again in a little while.",
)
_ADDRESS = _Words(
    NotFoundError,
    "There is no Supermetrics API at the connection's address.",
    "Check the address: it ends in /enterprise/v2 or /v2.",
)
_LICENCE = "Ask the manager of your Supermetrics licence."
_CODES = {
    "UNAUTHORIZED": _KEY,
    "API_KEY_INVALID": _KEY,
    "API_KEY_REQUIRED": _KEY,
    "ACCESS_TOKEN_INVALID": _KEY,
    "API_KEY_DISABLED": _Words(
        AuthenticationError,
        "The key has been disabled in Supermetrics.",
        "Enable it there, or enter another one on the connection's page.",
    ),
    "ACCESS_DENIED_IP": _Words(
        PermissionDeniedError,
        "The key may only be used from certain addresses, and this server's is not among them.",
        "Add this server's address to the key's list in Supermetrics.",
    ),
    "FORBIDDEN": _NOT_ALLOWED,
    "PERMISSION_ERROR": _NOT_ALLOWED,
    "ACCESS_DENIED_PERMISSIONS": _NOT_ALLOWED,
    "QUERY_AUTH_UNAVAILABLE": _Words(
        PermissionDeniedError,
        "The key has no login at the data source that can read these accounts.",
        "Check data source, login and accounts, or connect the login in Supermetrics.",
    ),
    "LICENSE_EXPIRED": _Words(
        PermissionDeniedError, "The Supermetrics licence has expired.", _LICENCE
    ),
    "LICENSE_NOT_FOUND": _Words(
        PermissionDeniedError, "There is no Supermetrics licence for this.", _LICENCE
    ),
    "LICENSE_QUERIES_SUSPENDED": _Words(
        PermissionDeniedError,
        "Queries are suspended for this Supermetrics licence.",
        _LICENCE,
    ),
    "LICENSE_ACCESS_DATA_SOURCE": _Words(
        PermissionDeniedError,
        "The Supermetrics licence does not include this data source.",
        _LICENCE,
    ),
    "LICENSE_ACCOUNT_LIMIT_EXCEEDED": _Words(
        QueryError,
        "The query names more accounts than the Supermetrics licence allows.",
        "Name fewer accounts.",
    ),
    "LICENSE_HISTORICAL_RANGE_EXCEEDED": _Words(
        QueryError,
        "The query goes back further than the Supermetrics licence allows.",
        "Choose later dates.",
    ),
    "LICENSE_ROW_LIMIT_EXCEEDED": _Words(
        QueryError,
        "The rows of the Supermetrics licence are used up.",
        f"Ask for fewer rows, or wait for the next month. {_LICENCE}",
    ),
    # Status 429, but not to be tried again within the day: no RateLimitError, which would be.
    "LICENSE_DAILY_QUERY_LIMIT_EXCEEDED": _Words(
        QueryError,
        "The Supermetrics licence's queries of today are used up.",
        f"Run it again tomorrow. {_LICENCE}",
        code="daily_limit",
        title="The daily limit is reached",
    ),
    "TOO_MANY_REQUESTS": _TOO_OFTEN,
    "BAD_REQUEST": _REFUSED_QUERY,
    "UNPROCESSABLE_ENTITY": _REFUSED_QUERY,
    "UNPROCESSABLE_CONTENT": _REFUSED_QUERY,
    "CONFLICT_ERROR": _Words(
        ConflictError,
        "Supermetrics says that this conflicts with a query under way there.",
        "Wait until it has ended.",
    ),
    "INTERNAL_SERVER_ERROR": _TROUBLE,
    "SERVICE_UNAVAILABLE": _TROUBLE,
    "ENDPOINT_NOT_FOUND": _ADDRESS,
}
_UNKNOWN_JOB = _Words(
    NotFoundError,
    "Supermetrics does not know this query. It ended more than an hour ago, or was started with another key.",
    "Run the query again.",
)
_EXPIRED = _Words(
    ResultsExpiredError,
    "Supermetrics no longer has this result: it keeps results for an hour, for the key that ran the query.",
    "Run the query again.",
)
_GONE = {
    Step.RUN: _ADDRESS,
    Step.STATUS: _UNKNOWN_JOB,
    Step.ROWS: _EXPIRED,
    Step.CATALOG: _ADDRESS,
}
_GONE_CODES = frozenset({"NOT_FOUND", "STATUS_NOT_FOUND", "QUERY_RESULTS_UNAVAILABLE"})
_STATUSES = {
    400: _REFUSED_QUERY,
    401: _KEY,
    403: _NOT_ALLOWED,
    409: _CODES["CONFLICT_ERROR"],
    422: _REFUSED_QUERY,
    429: _TOO_OFTEN,
}
# Of an answer with status 200 these mean that the call failed, not the query.
_OF_THE_CALL = frozenset({AuthenticationError, RateLimitError, UnavailableError})


def parse_error_detail(value: object) -> ErrorDetail | None:
    """Return what a decoded body says of an error, in any of the three forms; None if it speaks of none."""
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    if isinstance(error, str) and error:
        code = error if _CODE.fullmatch(error) else ""
        return _said(value, code, value.get("message") or ("" if code else error))
    if isinstance(error, dict):
        return _said(
            value, error.get("code"), error.get("message"), error.get("description")
        )
    status = value.get("status")
    if isinstance(status, int) and status >= _FIRST_ERROR_STATUS:
        name = str(value.get("type") or "").rstrip("/").rpartition("/")[2]
        code = name.replace("-", "_").upper()
        return _said(value, code, value.get("title"), value.get("detail"))
    return None


def error_for_response(step: Step, answer: Response) -> ProviderError:
    """Turn an answer with an error status into an error."""
    said = parse_error_detail(_decoded(answer.body)) or ErrorDetail()
    facts = error_fields_from(answer)
    words = _words(step, said.code) or (
        _GONE[step] if answer.status == 404 else _STATUSES.get(answer.status)  # noqa: PLR2004 - an HTTP status
    )
    if words is None:
        error = default_error(answer, LABEL)
        error.request_id = said.request_id or error.request_id
        return error
    return _error(step, words, said, facts)


def error_for_detail(step: Step, said: ErrorDetail) -> ProviderError:
    """Turn an error that came with a good status into an error: what the query failed of, unless its code says else."""
    words = _words(step, said.code) or _Words(
        QueryError, "Supermetrics failed to run the query.", "Change the query and run it again."
    )  # fmt: skip
    return _error(step, words, said, {"may_have_been_received": True})


def is_request_error(error: ProviderError) -> bool:
    """Return whether an error says something of the question asked, and nothing of the query asked about."""
    return type(error) in {*_OF_THE_CALL, NotFoundError, ResultsExpiredError}


def _words(step: Step, code: str) -> _Words | None:
    return _GONE[step] if code in _GONE_CODES else _CODES.get(code)


def _error(
    step: Step, words: _Words, said: ErrorDetail, facts: ErrorFields
) -> ProviderError:
    scope = _SCOPES[step]
    facts["remedy"] = words.remedy
    facts["provider_code"] = said.code
    if said.request_id:
        facts["request_id"] = said.request_id
    if words.code:
        facts |= {"code": words.code, "title": words.title}
    if words is _NOT_ALLOWED:
        facts["permission"] = scope
    if not issubclass(words.kind, UnavailableError):
        facts["retry_after"] = None
    message = words.message.format(scope=scope)
    return words.kind(append_provider_message(message, LABEL, said.message), **facts)


def _said(value: Mapping[str, Any], code: object, *texts: object) -> ErrorDetail:
    meta = value.get("meta")
    request_id = meta.get("request_id") if isinstance(meta, dict) else ""
    words = dict.fromkeys(text for text in texts if isinstance(text, str) and text)
    return ErrorDetail(
        clean_text(code, limit=100) if isinstance(code, str) else "",
        clean_text(" ".join(words)),
        clean_text(request_id, limit=200) if isinstance(request_id, str) else "",
    )


def _decoded(body: bytes) -> object:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
