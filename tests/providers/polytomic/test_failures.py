"""Refusals of each call, in our words and with Polytomic's own code, message and request id."""

from __future__ import annotations

import pytest

from queries.providers.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    QueryError,
    RateLimitError,
    ResultsExpiredError,
    UnavailableError,
    UnexpectedResponseError,
    UpstreamTimeoutError,
)
from tests.providers.keys import CANARY
from tests.providers.polytomic.samples import JOB, SPEC
from tests.scripted_server import Reply, json_reply

CALLS = {
    "submit": lambda provider: provider.submit(SPEC, "our-key-1"),
    "status": lambda provider: provider.status(JOB),
    "rows": lambda provider: provider.rows(JOB),
    "catalog": lambda provider: provider.catalog("connection"),
}


def envelope(status: int, key: str = "some_key", message: str = "in their words"):
    return json_reply(
        {"key": key, "message": message, "metadata": {"a": 1}, "status": status},
        status,
        X_Request_Id="req-9",
    )


@pytest.mark.parametrize(
    ("call", "status", "kind", "says"),
    [
        ("submit", 400, QueryError, "did not accept the query"),
        ("submit", 401, AuthenticationError, "of the other kind"),
        ("submit", 403, PermissionDeniedError, "does not let it"),
        ("submit", 404, NotFoundError, "does not know the connection"),
        ("submit", 408, UpstreamTimeoutError, "ran out of time"),
        ("submit", 409, ConflictError, "earlier attempt"),
        ("submit", 422, QueryError, "did not accept"),
        ("submit", 429, RateLimitError, "too often"),
        ("submit", 500, UnavailableError, "returned a server error"),
        ("submit", 503, UnavailableError, "returned a server error"),
        ("status", 400, UnexpectedResponseError, "our question"),
        ("status", 404, NotFoundError, "Only the key that started a query"),
        ("status", 409, ConflictError, "present state"),
        ("rows", 400, UnexpectedResponseError, "its own link"),
        ("rows", 404, ResultsExpiredError, "only the key that started a query"),
        ("catalog", 400, UnexpectedResponseError, "our question"),
        ("catalog", 404, NotFoundError, "no Polytomic interface"),
    ],
)
def test_each_refusal_has_its_words_and_keeps_theirs(
    provider, upstream, call, status, kind, says
):
    upstream.on("*", envelope(status))
    with pytest.raises(kind) as refused:
        CALLS[call](provider)
    error = refused.value
    assert type(error) is kind
    assert says in str(error)
    assert str(error).endswith("Polytomic says: in their words")
    assert error.provider_code == "some_key"
    assert error.request_id == "req-9"
    assert error.http_status == status
    assert error.remedy or (call, status) == ("status", 409)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [({}, 30.0), ({"Retry-After": "5"}, 30.0), ({"Retry-After": "90"}, 90.0)],
)
def test_a_submit_still_being_taken_is_tried_again_no_faster_than_the_first(
    provider, upstream, headers, wait
):
    upstream.on("*", Reply(409, headers=headers))
    with pytest.raises(ConflictError) as conflict:
        provider.submit(SPEC, "our-key-1")
    assert conflict.value.retryable
    assert conflict.value.may_have_been_received
    assert conflict.value.retry_after == wait
    assert len(upstream.requests) == 1


def test_a_conflict_elsewhere_is_not_tried_again(provider, upstream):
    upstream.on("*", Reply(409))
    with pytest.raises(ConflictError) as conflict:
        provider.status(JOB)
    assert not conflict.value.retryable


@pytest.mark.parametrize("call", CALLS)
def test_a_key_that_is_repeated_in_a_refusal_is_blotted_out(provider, upstream, call):
    upstream.on("*", envelope(400, message=f"bad key {CANARY}"))
    with pytest.raises((QueryError, UnexpectedResponseError)) as refused:
        CALLS[call](provider)
    assert CANARY not in str(refused.value.as_dict())
    assert "bad key ***" in str(refused.value)
