"""The promises every provider keeps, played over real HTTP against each one in the registry."""

from __future__ import annotations

import json
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queries.providers.base import JobState, TestResult
from queries.providers.errors import (
    AuthenticationError,
    CallStoppedError,
    LimitExceededError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    RateLimitError,
    ResultsExpiredError,
    TruncatedStreamError,
    UnavailableError,
    UnexpectedResponseError,
    UnsupportedOperationError,
    UpstreamTimeoutError,
)
from queries.providers.registry import provider_class
from tests.providers.provider_harness import (
    JOB_CALLS,
    every_background_provider,
    every_call,
    every_provider,
)
from tests.scripted_server import CUT, STALL, Reply, gzip_reply, json_reply

FUZZ = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@every_call
@pytest.mark.parametrize(
    ("status", "kind"), [(401, AuthenticationError), (403, PermissionDeniedError)]
)
def test_a_refused_key_and_a_missing_permission_are_told_apart(
    stage, call, status, kind
):
    stage.reply_with(json_reply({"message": "no"}, status))
    error = stage.call_expecting_error(call)
    assert type(error) is kind
    assert not error.retryable
    assert not error.may_have_been_received
    assert error.remedy


@pytest.mark.parametrize(("slug", "call"), JOB_CALLS)
def test_an_unknown_job_is_not_found_and_not_asked_for_again(stage, call):
    stage.reply_with(json_reply({"message": "no"}, 404))
    error = stage.call_expecting_error(call)
    assert isinstance(error, NotFoundError | ResultsExpiredError)
    assert not error.retryable


@every_call
@pytest.mark.parametrize(
    ("headers", "wait"), [({"Retry-After": "17"}, 17.0), ({}, None)]
)
def test_too_many_requests_say_when_to_come_back(stage, call, headers, wait):
    stage.reply_with(Reply(429, headers=headers))
    error = stage.call_expecting_error(call)
    assert type(error) is RateLimitError
    assert error.retryable
    assert error.retry_after == wait
    assert not error.may_have_been_received


@every_call
@pytest.mark.parametrize("status", [500, 502, 503])
def test_trouble_at_the_server_may_pass(stage, call, status):
    stage.reply_with(Reply(status, b"<html>not found</html>"))
    error = stage.call_expecting_error(call)
    assert isinstance(error, UnavailableError)
    assert error.retryable
    assert error.http_status == status
    assert "<html>" not in str(error)


@every_background_provider
def test_after_trouble_the_same_provider_goes_on(stage):
    stage.reply_with(Reply(503), stage.adapter.states[JobState.RUNNING])
    provider = stage.provider()
    with pytest.raises(UnavailableError):
        stage.adapter.calls["status"](provider)
    assert stage.adapter.calls["status"](provider).state is JobState.RUNNING


@every_call
def test_silence_ends_in_time_or_when_its_owner_hangs_up(stage, call):
    stage.reply_with(Reply(raw=[STALL]))
    provider = stage.provider(read_timeout=0.1, total_timeout=0.1)
    timer = threading.Timer(
        0.3, provider.abort
    )  # a call with a longer time of its own is ended by its owner
    timer.start()
    with pytest.raises((UpstreamTimeoutError, CallStoppedError)) as ended:
        stage.adapter.calls[call](provider)
    timer.cancel()
    assert ended.value.may_have_been_received


@every_call
@pytest.mark.parametrize("status", [301, 307, 308])
def test_a_redirect_is_refused(stage, call, status):
    stage.reply_with(Reply(status, headers={"Location": "http://127.0.0.1:9/"}))
    assert stage.call_expecting_error(call).code == "redirected"
    assert len(stage.upstream.requests) == 1


@every_call
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"text",
        b"\xff\xfe",
        b"<html>",
        b"[" * 99_999,
        b'{"a":1}{"b":2}',
    ],
)
def test_a_body_that_makes_no_sense_never_crashes_and_never_passes_for_a_status(
    stage, call, body
):
    stage.reply_with(Reply(body=body))
    if call in {"submit", "status"}:
        assert isinstance(stage.call_expecting_error(call), UnexpectedResponseError)
        return
    try:
        found = stage.call(call)
    except ProviderError:
        return
    assert found in (None, [])


@FUZZ
@given(body=st.binary(max_size=300))
@every_call
def test_no_bytes_whatever_get_past_our_errors(stage, call, body):
    stage.reply_with(Reply(body=body))
    try:
        stage.call(call)
    except ProviderError as error:
        json.dumps(error.as_dict())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["result", "results", "response", "queryId", "warning", "warnings", "error", "message", "code", "statistics",
             "status", "metadata", "labels", "userData", "key", "value", "terminated", "running", "success", "failed",
             "reason", "archiveWarning", "timeRangeWarning", "bytesScanned", "outputRowCount", "data", "meta"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@FUZZ
@given(
    values=st.lists(JSON, min_size=1, max_size=3),
    status=st.sampled_from([200, 200, 400, 404, 500]),
)
@every_call
def test_no_json_whatever_gets_past_our_errors(stage, call, values, status):
    stage.reply_with(Reply(status, "\n".join(map(json.dumps, values)).encode()))
    try:
        stage.call(call)
    except ProviderError as error:
        json.dumps(error.as_dict())


@every_call
def test_a_body_without_end_is_bounded(stage, call):
    endless = iter(lambda: b" " * 50_000, None)
    stage.reply_with(lambda _request: Reply(parts=endless))
    error = stage.call_expecting_error(
        call, max_response_bytes=1_000_000, max_stream_bytes=1_000_000
    )
    assert isinstance(error, LimitExceededError)


@every_call
def test_a_packed_bomb_is_bounded(stage, call):
    stage.reply_with(gzip_reply(b" " * 20_000_000))
    error = stage.call_expecting_error(
        call, max_response_bytes=1_000_000, max_stream_bytes=1_000_000
    )
    assert isinstance(error, LimitExceededError)


@every_call
def test_a_drip_cannot_hold_a_call_for_ever(stage, call):
    drip = [
        part
        for _ in range(500)
        for part in (b" ", lambda: stage.upstream.closed.wait(0.02))
    ]
    stage.reply_with(Reply(parts=drip))
    provider = stage.provider(total_timeout=0.2)
    began = time.monotonic()
    timer = threading.Timer(
        0.2, provider.abort
    )  # a call with a longer time of its own is ended by its owner
    timer.start()
    with pytest.raises((UpstreamTimeoutError, CallStoppedError)):
        stage.adapter.calls[call](provider)
    timer.cancel()
    assert time.monotonic() - began < 5


@every_background_provider
def test_a_cut_stream_gives_its_rows_and_then_says_so(stage):
    stage.reply_with(stage.adapter.cut_rows(3))
    found = []
    with (
        stage.provider().rows("job-1") as stream,
        pytest.raises(TruncatedStreamError) as cut,
    ):
        found.extend(stream)
    assert len(found) == 3
    assert cut.value.retryable


@every_provider
def test_ten_thousand_rows_come_in_order_and_none_twice(stage):
    stage.reply_with(stage.adapter.rows(10_000))
    assert [stage.adapter.row_number(row) for row in stage.call("rows")] == list(
        range(10_000)
    )


@every_background_provider
@pytest.mark.parametrize("state", list(JobState))
def test_every_state_is_known_and_an_unknown_one_is_no_end(stage, state):
    stage.reply_with(stage.adapter.states[state])
    status = stage.call("status")
    assert status.state is state
    assert status.native
    assert status.raw
    assert (status.error is not None) is (state is JobState.FAILED)
    if state is JobState.UNKNOWN:
        assert not status.state.is_final
        assert status.warnings


@every_background_provider
def test_a_submit_gives_an_id(stage):
    stage.reply_with(stage.adapter.submitted)
    assert stage.call("submit").job_id


@every_background_provider
@pytest.mark.parametrize(
    "reply",
    [
        Reply(raw=[CUT]),
        Reply(raw=[b"HTTP/1.1 2"]),
        Reply(500),
        Reply(502),
        Reply(504),
        Reply(parts=[b'{"query', CUT]),
    ],
)
def test_a_submit_whose_answer_is_lost_may_have_been_received(stage, reply):
    stage.reply_with(reply)
    assert stage.call_expecting_error("submit").may_have_been_received


@every_provider
def test_cancelling_is_asked_for_and_may_be_repeated(stage):
    if not provider_class(stage.slug).capabilities.cancel:
        with pytest.raises(UnsupportedOperationError):
            stage.provider().cancel("job-1")
        return
    stage.reply_with(json_reply({}))
    for _ in range(2):
        assert stage.call("cancel") is None


@every_provider
def test_the_test_of_a_connection_never_raises(stage):
    for reply in (
        Reply(401),
        Reply(403),
        Reply(404),
        Reply(500),
        Reply(raw=[CUT]),
        Reply(body=b"{"),
        Reply(302),
    ):
        stage.reply_with(reply)
        result = stage.provider().test()
        assert isinstance(result, TestResult)
        assert not result.ok
        assert result.message
        assert result.error_code


@every_provider
def test_the_declared_fields_are_fit_for_a_form(stage):
    kind = provider_class(stage.slug)
    for fields in (kind.connection_fields, kind.query_fields):
        assert len({field.name for field in fields}) == len(fields)
        for field in fields:
            assert field.label
            assert bool(field.choices) is (field.kind == "choice")
            assert (
                field.default in {None, "", True, False}
                or field.kind != "choice"
                or field.default in dict(field.choices)
            )


@every_provider
def test_fields_hang_on_choices_that_come_before_them(stage):
    kind = provider_class(stage.slug)
    conditions = [field.when for field in kind.query_fields] + [kind.statement_when]
    for place, when in enumerate(conditions):
        if when is not None:
            known = {field.name: field for field in kind.query_fields[:place]}
            assert set(when.values) <= set(dict(known[when.field].choices))


@every_provider
def test_the_curl_command_has_a_placeholder_for_the_key(stage):
    kind = provider_class(stage.slug)
    for mode in ("direct", "background"):
        command = kind.curl(stage.adapter.spec, mode, "https://example.com")
        assert command.startswith("curl ")
        assert "_API_KEY" in command
