"""What Polytomic's refusals mean, in our words, for each of its calls.

Documented are 400, 404 and 500; 401, 403, 409 and 503 stand in other versions and in the Python client. Errors come
as {"key", "message", "metadata", "status"}.
"""

from __future__ import annotations

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
from queries.providers.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QueryError,
    ResultsExpiredError,
    UnexpectedResponseError,
)

LABEL = "Polytomic"
# A repeated submit is refused while the first one is being answered. The documents do not say for how long; a submit
# "returns immediately", so this is more than the first call takes.
CONFLICT_SECONDS = 30.0
RESULT_ACCESS_NOTE = "Only the key that started a query can read its result"


class Step(StrEnum):
    """The calls."""

    ME = "me"
    CONNECTIONS = "connections"
    SUBMIT = "submit"
    STATUS = "status"
    PAGE = "page"


class _Words(NamedTuple):
    kind: type[ProviderError]
    message: str
    remedy: str


_ANYWHERE = {
    401: _Words(
        AuthenticationError,
        "Polytomic refused the key: it is wrong, has been revoked, or is of the other kind.",
        "Check the kind of key on the connection's page: a user key travels as Bearer, an organisation key as Basic "
        "with its user name. Then enter the key again.",
    ),
    403: _Words(
        PermissionDeniedError,
        "Polytomic knows the key but does not let it do this.",
        "Use a user key or an organisation key that may query this connection. A partner key manages organisations "
        "and cannot query.",
    ),
}
_NO_INTERFACE = _Words(
    NotFoundError,
    "There is no Polytomic interface at the connection's address.",
    "Check the connection's address.",
)
_ODD_REQUEST = _Words(
    UnexpectedResponseError,
    "Polytomic did not accept our question.",
    "Check the connection's address and interface version; if they are right, Polytomic may have changed its interface.",
)
_AT = {
    (Step.ME, 400): _ODD_REQUEST,
    (Step.ME, 404): _NO_INTERFACE,
    (Step.CONNECTIONS, 400): _ODD_REQUEST,
    (Step.CONNECTIONS, 404): _NO_INTERFACE,
    (Step.SUBMIT, 400): _Words(
        QueryError,
        "Polytomic did not accept the query.",
        "Change the query and run it again.",
    ),
    (Step.SUBMIT, 404): _Words(
        NotFoundError,
        "Polytomic does not know the connection that the query is for, or this key may not see it.",
        "Choose another connection in Polytomic for the query.",
    ),
    (Step.SUBMIT, 409): _Words(
        ConflictError,
        "Polytomic is still taking this very query from an earlier attempt.",
        "Nothing needs to be done: the same request is made again later, and the query is not started twice.",
    ),
    (Step.STATUS, 400): _ODD_REQUEST,
    (Step.STATUS, 404): _Words(
        NotFoundError,
        f"Polytomic does not show this query. {RESULT_ACCESS_NOTE}, and results expire.",
        "Use the connection that started the query, or run it again.",
    ),
    (Step.PAGE, 400): _Words(
        UnexpectedResponseError,
        "Polytomic did not accept its own link to the next page.",
        "Run the query again.",
    ),
    (Step.PAGE, 404): _Words(
        ResultsExpiredError,
        f"Polytomic no longer shows this result. Results expire, and {RESULT_ACCESS_NOTE[0].lower()}{RESULT_ACCESS_NOTE[1:]}.",
        "Run the query again.",
    ),
}


def error_for_response(step: Step, answer: Response) -> ProviderError:
    """Turn a refusal into an error."""
    words = _AT.get((step, answer.status)) or _ANYWHERE.get(answer.status)
    if words is None:
        return default_error(answer, LABEL)
    _, theirs = parse_error_body(answer.body)
    facts = error_fields_from(answer)
    facts["remedy"] = words.remedy
    if (step, answer.status) == (Step.SUBMIT, HTTPStatus.CONFLICT):
        facts["retryable"] = facts["may_have_been_received"] = True
        facts["retry_after"] = max(facts["retry_after"] or 0.0, CONFLICT_SECONDS)
    return words.kind(append_provider_message(words.message, LABEL, theirs), **facts)
