"""What Coralogix' refusals mean, in our words, for each of its five calls.

Coralogix documents 200, 400 and 403 only; the other statuses were seen in clients of the same interface.
"""

from __future__ import annotations

import re
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple

from queries.providers.answers import (
    Response,
    append_provider_message,
    default_error,
    error_fields_from,
    parse_error_body,
)
from queries.providers.base import QuerySpec
from queries.providers.coralogix.fields import ARCHIVE, LUCENE
from queries.providers.coralogix.requests import effective_tier
from queries.providers.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QueryError,
    RateLimitError,
    ResultsExpiredError,
    UnexpectedResponseError,
    UnsupportedOperationError,
    UpstreamTimeoutError,
)

LABEL = "Coralogix"
# Coralogix docs, permissions of the preset "DataQuerying".
ARCHIVE_PERMISSION = "legacy-archive-queries:Execute"
_FREQUENT_PERMISSIONS = {
    "logs": "logs.data-api#high:ReadData",
    "spans": "spans.data-api#high:ReadData",
}
_SOURCE = re.compile(r"\A\s*(?:source|from)\s+([A-Za-z0-9_./-]+)")


class Step(StrEnum):
    """The five calls."""

    DIRECT = "direct"
    SUBMIT = "submit"
    STATUS = "status"
    DATA = "data"
    CANCEL = "cancel"


class _Words(NamedTuple):
    kind: type[ProviderError]
    message: str
    remedy: str


_ANYWHERE = {
    401: _Words(
        AuthenticationError,
        "Coralogix refused the key: it is wrong, expired, or made for another region than the connection's.",
        "Check the connection's region first, then enter the key again.",
    ),
    403: _Words(
        PermissionDeniedError,
        "Coralogix knows the key but does not let it do this. It needs the permission {permission}.",
        'Give the key the preset "DataQuerying" in Coralogix, or this permission. A key for sending data cannot query, '
        "and a key of another region may be refused this way, too.",
    ),
    429: _Words(
        RateLimitError,
        "Coralogix takes 30 requests a minute, and there were more.",
        "Wait a minute, and stop other queries on this key if you are in a hurry.",
    ),
}
_UNKNOWN_JOB = _Words(
    NotFoundError,
    "Coralogix does not know this query. It has expired (results are kept for 30 days), or belongs to another team.",
    "Run the query again.",
)
_REFUSED_QUERY = _Words(
    QueryError,
    "Coralogix did not accept the query.",
    "Change the query and run it again.",
)
_TOO_LONG = _Words(
    UpstreamTimeoutError,
    "Coralogix ran out of time.",
    "Choose a shorter time range, or run it in the background.",
)
_ODD_REQUEST = _Words(
    UnexpectedResponseError,
    "Coralogix did not accept our question about this query.",
    "Check the connection's address; if it is right, Coralogix may have changed its interface.",
)
_AT = {
    (Step.DIRECT, 400): _REFUSED_QUERY,
    (Step.DIRECT, 404): _Words(
        NotFoundError,
        "There is no DataPrime interface at the connection's address.",
        "Check the connection's region or address.",
    ),
    (Step.DIRECT, 408): _TOO_LONG,
    (Step.DIRECT, 409): _Words(
        ConflictError,
        "Coralogix says that the query conflicts with something under way there.",
        "Wait a little and run it again.",
    ),
    (Step.DIRECT, 504): _TOO_LONG,
    (Step.SUBMIT, 400): _REFUSED_QUERY,
    (Step.SUBMIT, 404): _Words(
        UnsupportedOperationError,
        "Background queries are not enabled for this Coralogix team.",
        "Run the query directly, or ask Coralogix to enable background queries.",
    ),
    (Step.STATUS, 400): _ODD_REQUEST,
    (Step.STATUS, 404): _UNKNOWN_JOB,
    (Step.DATA, 400): _ODD_REQUEST,
    (Step.DATA, 404): _Words(
        ResultsExpiredError,
        "Coralogix no longer has this result: it keeps results for 30 days.",
        "Run the query again.",
    ),
    (Step.DATA, 409): _Words(
        ConflictError,
        "Coralogix has no result yet: the query has not ended.",
        "Wait until the query has ended.",
    ),
    (Step.CANCEL, 400): _ODD_REQUEST,
    (Step.CANCEL, 404): _UNKNOWN_JOB,
    (Step.CANCEL, 409): _Words(
        ConflictError,
        "Coralogix says that this query can no longer be cancelled.",
        "Look at its state: it may have ended.",
    ),
}


def error_for_response(
    step: Step, answer: Response, permission: str = ARCHIVE_PERMISSION
) -> ProviderError:
    """Turn a refusal into an error. `permission` is what the key would need for the call."""
    words = _AT.get((step, answer.status)) or _ANYWHERE.get(answer.status)
    if words is None:
        return default_error(answer, LABEL)
    _, theirs = parse_error_body(answer.body)
    message = append_provider_message(
        words.message.format(permission=permission), LABEL, theirs
    )
    facts = error_fields_from(answer)
    facts["remedy"] = words.remedy
    if answer.status == HTTPStatus.FORBIDDEN:
        facts["permission"] = permission
    return words.kind(message, **facts)


def permission_for(spec: QuerySpec) -> str:
    """Name the permission a direct query needs, by its tier and source."""
    if effective_tier(spec) == ARCHIVE:
        return ARCHIVE_PERMISSION
    found = (
        None if spec.settings.get("syntax") == LUCENE else _SOURCE.match(spec.statement)
    )
    source = found.group(1) if found else spec.settings.get("default_source") or "logs"
    return _FREQUENT_PERMISSIONS.get(str(source).lower(), _FREQUENT_PERMISSIONS["logs"])


def error_for_text(step: Step, text: str) -> ProviderError:
    """Return what a text means that came with status 200 where rows or JSON were due (older servers do that)."""
    low = text.lower()
    facts_words = None
    if step is not Step.DIRECT and ("not found" in low or "does not exist" in low):
        facts_words = _AT[step, 404] if step is not Step.SUBMIT else None
    elif step is Step.DATA and (
        "not completed" in low or "not finished" in low or "running" in low
    ):
        facts_words = _AT[Step.DATA, 409]
    if facts_words is not None:
        return facts_words.kind(
            append_provider_message(facts_words.message, LABEL, text),
            remedy=facts_words.remedy,
        )
    ours = "Coralogix' answer is not in the form it is documented to have."
    shown = "" if low.lstrip().startswith("<") else text
    return UnexpectedResponseError(
        append_provider_message(ours, LABEL, shown), may_have_been_received=True
    )
