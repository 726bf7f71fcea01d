"""Refusals of the five calls, as the user reads them."""

from __future__ import annotations

import pytest

from queries.providers.base import QuerySpec
from queries.providers.coralogix.failures import permission_for
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
    UnsupportedOperationError,
    UpstreamTimeoutError,
)
from tests.providers.coralogix.samples import SPEC
from tests.scripted_server import Reply, json_reply

CALLS = {
    "direct": lambda provider: provider.run(SPEC),
    "submit": lambda provider: provider.submit(SPEC, "key"),
    "status": lambda provider: provider.status("job-1"),
    "data": lambda provider: provider.rows("job-1"),
    "cancel": lambda provider: provider.cancel("job-1"),
}


@pytest.mark.parametrize(
    ("call", "status", "kind", "says"),
    [
        *((call, 401, AuthenticationError, "another region") for call in CALLS),
        *((call, 403, PermissionDeniedError, "needs the permission") for call in CALLS),
        *((call, 429, RateLimitError, "30 requests a minute") for call in CALLS),
        *(
            (call, 503, UnavailableError, "returned a server error (503)")
            for call in CALLS
        ),
        *((call, 418, UnexpectedResponseError, "status 418") for call in CALLS),
        ("direct", 400, QueryError, "did not accept the query"),
        ("direct", 404, NotFoundError, "no DataPrime interface"),
        ("direct", 408, UpstreamTimeoutError, "ran out of time"),
        ("direct", 409, ConflictError, "conflicts with something under way"),
        ("direct", 422, QueryError, "did not accept the query"),
        ("direct", 504, UpstreamTimeoutError, "ran out of time"),
        ("submit", 400, QueryError, "did not accept the query"),
        ("submit", 404, UnsupportedOperationError, "not enabled"),
        ("submit", 422, QueryError, "did not accept the query"),
        ("status", 400, UnexpectedResponseError, "our question"),
        ("status", 404, NotFoundError, "does not know this query"),
        ("data", 400, UnexpectedResponseError, "our question"),
        ("data", 404, ResultsExpiredError, "30 days"),
        ("data", 409, ConflictError, "no result yet"),
        ("cancel", 400, UnexpectedResponseError, "our question"),
        ("cancel", 404, NotFoundError, "does not know this query"),
        ("cancel", 409, ConflictError, "no longer be cancelled"),
    ],
)
def test_every_refusal_has_its_own_words_and_a_remedy(
    provider, upstream, call, status, kind, says
):
    upstream.on(
        "*",
        json_reply({"message": "Because"}, status, X_Request_ID="r-1", Retry_After="5"),
    )
    with pytest.raises(kind) as refused:
        CALLS[call](provider)
    error = refused.value
    assert type(error) is kind
    assert says in str(error)
    assert str(error).endswith("Coralogix says: Because")
    assert error.title
    assert error.remedy
    assert (error.http_status, error.request_id, error.retry_after) == (
        status,
        "r-1",
        5.0,
    )


@pytest.mark.parametrize("call", CALLS)
def test_a_server_error_that_speaks_of_not_found_is_still_a_server_error(
    provider, upstream, call
):
    upstream.on("*", Reply(500, b"upstream not found"))
    with pytest.raises(UnavailableError) as failed:
        CALLS[call](provider)
    assert failed.value.retryable
    assert failed.value.may_have_been_received


@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, b"Compilation errors:\n - unknown command 'sort'"),
        json_reply({"message": "Compilation errors:\n - unknown command 'sort'"}, 400),
        json_reply({"error": "unknown command 'sort'"}, 400),
        json_reply({"error": {"message": "unknown command 'sort'"}}, 400),
        json_reply({"detail": "unknown command 'sort'"}, 400),
        json_reply(
            {
                "errors": [
                    {"code": "bad_request", "message": "unknown command 'sort'"}
                ],
                "status_code": 400,
            },
            400,
        ),
        json_reply({"code": 3, "message": "unknown command 'sort'"}, 400),
    ],
)
def test_what_is_wrong_with_a_query_is_told_from_every_form_of_body(
    provider, upstream, reply
):
    upstream.on("*", reply)
    with pytest.raises(QueryError) as refused:
        provider.run(SPEC)
    assert "unknown command 'sort'" in str(refused.value)
    assert not refused.value.may_have_been_received


@pytest.mark.parametrize(
    ("spec", "permission"),
    [
        (QuerySpec("source logs"), "logs.data-api#high:ReadData"),
        (QuerySpec("limit 10"), "logs.data-api#high:ReadData"),
        (QuerySpec("  from Spans | limit 1"), "spans.data-api#high:ReadData"),
        (
            QuerySpec("limit 10", {"default_source": "spans"}),
            "spans.data-api#high:ReadData",
        ),
        (
            QuerySpec("source my_table", {"default_source": "spans"}),
            "logs.data-api#high:ReadData",
        ),
        (
            QuerySpec("source spans", {"syntax": "QUERY_SYNTAX_LUCENE"}),
            "logs.data-api#high:ReadData",
        ),
        (
            QuerySpec("source spans", {"tier": "TIER_ARCHIVE"}),
            "legacy-archive-queries:Execute",
        ),
    ],
)
def test_a_missing_permission_is_named_by_tier_and_source(
    provider, upstream, spec, permission
):
    upstream.on("*", Reply(403))
    with pytest.raises(PermissionDeniedError) as refused:
        provider.run(spec)
    assert refused.value.permission == permission == permission_for(spec)
    assert permission in str(refused.value)


def test_the_background_needs_the_archive_permission(provider, upstream):
    upstream.on("*", Reply(403))
    for call in ("submit", "status", "data", "cancel"):
        with pytest.raises(PermissionDeniedError) as refused:
            CALLS[call](provider)
        assert refused.value.permission == "legacy-archive-queries:Execute"


@pytest.mark.parametrize("body", [b"not json", b"[]", b"Query not found", b""])
def test_text_where_json_is_due_is_never_taken_for_a_status(provider, upstream, body):
    upstream.on("*", Reply(body=body))
    for call in ("submit", "status"):
        with pytest.raises(UnexpectedResponseError):
            CALLS[call](provider)
