"""Refusals in our words, and logs in every form."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from queries.providers.base import QuerySpec
from queries.providers.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    QueryError,
    RateLimitError,
    UnavailableError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)
from queries.providers.saf.logs import MAX_LINE_CHARACTERS, MAX_LINES, parse_log_lines
from tests.scripted_server import Reply, json_reply

SPEC = QuerySpec("source x")
SECURITY = "no permissions for [cluster:admin/sme/async_requests] and User [name=anna, backend_roles=[], requestedTenant=null]"
NO_ROUTE = {"error": "no handler found for uri [/_sme/async_requests/request] and method [POST]"}  # fmt: skip


def error(kind, reason, status):
    cause = {"type": kind, "reason": reason}
    return json_reply({"error": {"root_cause": [cause], **cause}, "status": status}, status)  # fmt: skip


def refused(provider, upstream, reply, call=None):
    upstream.on("*", reply)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - the caller looks at it
        (call or (lambda: provider.submit(SPEC, "key")))()
    return raised.value


def test_a_query_that_cannot_be_read_says_where(provider, upstream):
    reply = error("parsing_exception", "line 1:12 unknown command [joyn]", 400)
    failure = refused(provider, upstream, reply)
    assert type(failure) is QueryError
    assert "line 1:12 unknown command [joyn]" in str(failure)
    assert failure.provider_code == "parsing_exception"
    assert not failure.may_have_been_received


def test_a_bad_query_is_one_whatever_the_status(provider, upstream):
    reply = error("illegal_argument_exception", "no", 500)
    failure = refused(provider, upstream, reply)
    assert type(failure) is QueryError
    assert not failure.may_have_been_received
    assert not failure.retryable


def test_other_trouble_at_a_submit_leaves_open_whether_it_was_taken(provider, upstream):
    failure = refused(provider, upstream, error("null_pointer_exception", "x", 500))
    assert type(failure) is UnavailableError
    assert failure.may_have_been_received


def test_a_missing_permission_is_named(provider, upstream):
    failure = refused(provider, upstream, error("security_exception", SECURITY, 403))
    assert type(failure) is PermissionDeniedError
    assert failure.permission == "cluster:admin/sme/async_requests"
    assert "cluster:admin/sme/async_requests" in str(failure)


def test_a_refused_key_says_what_the_server_expects(provider, upstream):
    challenge = {"WWW-Authenticate": 'Basic realm="OpenSearch Security"'}
    failure = refused(provider, upstream, Reply(401, b"Unauthorized", challenge))
    assert type(failure) is AuthenticationError
    assert "it expects Basic authentication" in str(failure)
    plain = refused(provider, upstream, Reply(401))
    assert "expects" not in str(plain)


@pytest.mark.parametrize("kind", ["rejected_execution_exception", "circuit_breaking_exception"])  # fmt: skip
def test_an_overloaded_server_is_left_alone_for_a_while(provider, upstream, kind):
    failure = refused(provider, upstream, error(kind, "too much", 429))
    assert type(failure) is RateLimitError
    assert failure.retryable
    assert not failure.may_have_been_received
    assert failure.provider_code == kind


@pytest.mark.parametrize("reply", [json_reply(NO_ROUTE, 400), Reply(404), Reply(405), json_reply({"error": "Incorrect HTTP method", "status": 405}, 405)])  # fmt: skip
def test_an_address_without_the_api_is_said_to_be_one(provider, upstream, reply):
    failure = refused(provider, upstream, reply)
    assert type(failure) is UnsupportedOperationError
    assert "path" in failure.remedy
    assert refused(provider, upstream, reply, provider.list_jobs).code == "unsupported"
    assert refused(provider, upstream, reply, provider.cancel_all).code == "unsupported"


@pytest.mark.parametrize("status", [400, 409])
def test_a_task_that_has_ended_cannot_be_cancelled(provider, upstream, status):
    reply = error("illegal_state_exception", "task is not active", status)
    failure = refused(provider, upstream, reply, lambda: provider.cancel("1"))
    assert type(failure) is ConflictError
    assert "not active" in str(failure)


def test_a_task_nobody_knows_is_one_by_its_type_too(provider, upstream):
    reply = error("resource_not_found_exception", "task [1] is not found", 400)
    for call in (lambda: provider.status("1"), lambda: provider.logs("1"), lambda: provider.cancel("1")):  # fmt: skip
        assert type(refused(provider, upstream, reply, call)) is NotFoundError


def test_a_task_nobody_knows_among_calls_without_one_is_just_odd(provider, upstream):
    reply = error("resource_not_found_exception", "x", 400)
    assert isinstance(refused(provider, upstream, reply, provider.cancel_all), QueryError | UnsupportedOperationError)  # fmt: skip


def test_errors_that_are_texts_are_repeated(provider, upstream):
    for reply in (json_reply({"error": "out of heap", "status": 400}, 400), Reply(400, b"out of heap"), json_reply({"error": {"root_cause": [{"reason": "out of heap"}]}}, 400)):  # fmt: skip
        assert "out of heap" in str(refused(provider, upstream, reply))


@pytest.mark.parametrize("status", [True, "409", 200, 999, None])
def test_an_error_in_a_success_is_the_querys_unless_a_status_says_more(provider, upstream, status):  # fmt: skip
    reply = json_reply({"error": {"type": "x", "reason": "broken"}, "status": status})
    assert type(refused(provider, upstream, reply)) is QueryError
    again = json_reply({"error": {"type": "x", "reason": "broken"}, "status": 429})
    assert type(refused(provider, upstream, again, provider.list_jobs)) is RateLimitError  # fmt: skip


LINE = {"timestamp": "2026-03-10T12:00:00Z", "level": "WARN", "message": "slow"}


@pytest.mark.parametrize("answer", [{"id": "1", "logs": [LINE]}, [LINE], {"lines": [LINE]}, {"data": [{"text": "slow", "severity": "WARN", "time": 1_773_144_000_000}]}])  # fmt: skip
def test_log_lines_have_time_level_and_text(provider, upstream, answer):
    upstream.on("*", json_reply(answer))
    [line] = provider.logs("12345")
    assert (line.text, line.level) == ("slow", "WARN")
    assert line.at == datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize("reply", [json_reply(["one", "two"]), json_reply({"logs": "one\ntwo"}), Reply(body=b"one\r\n\ntwo\n", headers={"Content-Type": "text/plain"})])  # fmt: skip
def test_a_log_may_be_plain_lines(provider, upstream, reply):
    upstream.on("*", reply)
    assert [line.text for line in provider.logs("12345")] == ["one", "two"]


def test_a_log_is_bounded_and_keeps_its_end():
    lines = parse_log_lines([f"{n}" for n in range(MAX_LINES + 3)])
    assert len(lines) == MAX_LINES
    assert lines[-1].text == str(MAX_LINES + 2)
    assert len(parse_log_lines(["x" * 9_000])[0].text) == MAX_LINE_CHARACTERS


def test_a_line_without_a_text_shows_what_it_has():
    assert parse_log_lines([{"code": 7}, None, "", "  "])[0].text == "{'code': 7}"


@pytest.mark.parametrize("answer", [7, "x", None, {}, {"logs": 7}])
def test_what_is_no_log_is_said_to_be_none(answer):
    with pytest.raises(UnexpectedResponseError):
        parse_log_lines(answer)


def test_an_error_instead_of_a_log_is_an_error(provider, upstream):
    upstream.on("*", json_reply({"error": "gone", "status": 404}))
    with pytest.raises(NotFoundError):
        provider.logs("12345")
