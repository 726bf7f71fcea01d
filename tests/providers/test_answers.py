"""What an error status and an error body mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from queries.providers.answers import (
    Response,
    default_error,
    parse_error_body,
    parse_retry_after,
)
from queries.providers.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    QueryError,
    RateLimitError,
    UnavailableError,
    UnexpectedResponseError,
    UpstreamTimeoutError,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"message": "No such field"}, "", "No such field"),
        ({"code": 3, "message": "Bad"}, "3", "Bad"),
        ({"error": "Bad"}, "", "Bad"),
        ({"error": {"message": "Bad", "code": "X_1"}}, "X_1", "Bad"),
        (
            {"error": {"code": {"rateLimitReached": {}}, "message": "Slow"}},
            "rateLimitReached",
            "Slow",
        ),
        ({"error": "BAD", "message": "In words"}, "", "In words"),
        ({"detail": "Bad"}, "", "Bad"),
        ({"title": "Bad request", "detail": "Field x"}, "", "Field x"),
        ({"title": "Bad request"}, "", "Bad request"),
        (
            {
                "errors": [{"code": "bad", "message": "One"}, {"message": "Two"}],
                "trace": "t",
            },
            "bad",
            "One",
        ),
        ({"errors": []}, "", ""),
        (
            {"key": "BadRequest", "message": "Bad", "metadata": {}, "status": 400},
            "BadRequest",
            "Bad",
        ),
        ({"meta": {}, "error": {"code": "A", "description": "Why"}}, "A", "Why"),
        ("Just text", "", "Just text"),
        ([], "", ""),
        (7, "", ""),
        (None, "", ""),
    ],
)
def test_every_known_form_of_an_error_body_is_understood(body, code, message):
    assert parse_error_body(json.dumps(body).encode()) == (code, message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            b"Compilation errors:\n - unknown function x",
            "Compilation errors: - unknown function x",
        ),
        (b"", ""),
        (b"<html><body>502 Bad Gateway</body></html>", ""),
        (b"  <!DOCTYPE html>", ""),
        (b"\xff\xfe broken", "�� broken"),
        (b"[" * 100_000, "[" * 599 + "…"),
        (b'{"message": "a\\u202eb\\u0000c"}', "a b c"),
    ],
)
def test_a_plain_body_is_cleaned_and_a_page_says_nothing(body, message):
    assert parse_error_body(body) == ("", message)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-5", 0.0),
        ("99999999", 86_400.0),
        ("inf", 86_400.0),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 22 Nov 99999 11:00:00 GMT", None),
    ],
)
def test_retry_after_is_a_number_or_a_date_and_never_absurd(text, seconds):
    assert parse_retry_after({"retry-after": text}, NOW) == seconds
    assert parse_retry_after({}, NOW) is None


@pytest.mark.parametrize(
    ("status", "kind", "received"),
    [
        (400, QueryError, False),
        (401, AuthenticationError, False),
        (403, PermissionDeniedError, False),
        (404, NotFoundError, False),
        (408, UpstreamTimeoutError, True),
        (409, ConflictError, False),
        (410, NotFoundError, False),
        (413, QueryError, False),
        (418, UnexpectedResponseError, False),
        (422, QueryError, False),
        (429, RateLimitError, False),
        (500, UnavailableError, True),
        (503, UnavailableError, True),
        (504, UpstreamTimeoutError, True),
        (599, UnavailableError, True),
    ],
)
def test_every_status_has_its_meaning(status, kind, received):
    answer = Response(
        status,
        {"x-request-id": "r-1\x00", "retry-after": "3"},
        b'{"message": "Because"}',
    )
    error = default_error(answer, "Example")
    assert type(error) is kind
    assert str(error).startswith("Example ")
    assert str(error).endswith("Example says: Because")
    assert error.http_status == status
    assert error.request_id == "r-1"
    assert error.retry_after == 3.0
    assert error.may_have_been_received is received


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'"x"', b"<html>", b"[" * 100_000])
def test_an_answer_that_is_no_object_is_unexpected(body):
    with pytest.raises(UnexpectedResponseError) as odd:
        Response(200, {}, body).json_object()
    assert odd.value.may_have_been_received


def test_numbers_beyond_a_double_stay_exact():
    assert Response(200, {}, b'{"n": 123456789012345678901}').json_object() == {
        "n": 123456789012345678901
    }


def test_without_a_known_header_there_is_no_request_id():
    assert Response(200, {"server": "x"}, b"").request_id == ""
