"""The stream of lines, over real HTTP."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from queries.providers import lines
from queries.providers.errors import (
    ConflictError,
    LimitExceededError,
    QueryError,
    RateLimitError,
    ResultsExpiredError,
    TruncatedStreamError,
    UnexpectedResponseError,
)
from tests.providers.coralogix.replay import numbered, numbers, play, read_until_error
from tests.providers.coralogix.samples import (
    DATA,
    DIRECT,
    DONE,
    QUERY_ID,
    SPEC,
    data,
    direct,
    wire_row,
)
from tests.scripted_server import CUT, Reply, ndjson_reply

ROW = wire_row({"n": 1}, severity="3")


def test_a_direct_answer_has_id_rows_and_statistics(provider, upstream):
    stream, rows, error = play(
        provider,
        upstream,
        QUERY_ID,
        direct(*numbered(3)),
        direct(*numbered(2, 3)),
        {
            "statistics": {
                "status": "COMPLETED",
                "outputRowCount": "5",
                "bytesScanned": "506070",
            }
        },
    )
    assert error is None
    assert numbers(rows) == [0, 1, 2, 3, 4]
    assert stream.query_id == "86dee76d-0000-4000-8000-000000000001"
    assert stream.statistics == {
        "status": "COMPLETED",
        "output_row_count": 5,
        "bytes_scanned": 506070,
    }
    assert stream.warnings == []
    assert stream.bytes_received > 500


def test_a_background_answer_has_one_level_more(provider, upstream):
    _, rows, error = play(
        provider, upstream, data(*numbered(2)), data(*numbered(2, 2)), path=DATA
    )
    assert error is None
    assert numbers(rows) == [0, 1, 2, 3]
    assert upstream.requests[0].json() == {"queryId": "job-1"}


@pytest.mark.parametrize(
    "empty",
    [
        [QUERY_ID],
        [QUERY_ID, {"result": {"results": []}}],
        [QUERY_ID, {"result": {}}],
        [{"result": {"results": None}}],
    ],
)
def test_no_rows_is_an_answer_too(provider, upstream, empty):
    _, rows, error = play(provider, upstream, *empty)
    assert (rows, error) == ([], None)


def test_an_empty_body_is_no_answer_to_a_query_but_an_empty_result_in_the_background(
    provider, upstream
):
    _, _, error = play(provider, upstream)
    assert isinstance(error, UnexpectedResponseError)
    _, rows, error = play(provider, upstream, path=DATA)
    assert (rows, error) == ([], None)


def test_rows_arrive_before_the_answer_ends(provider, upstream):
    upstream.on(DIRECT, ndjson_reply(QUERY_ID, direct(*numbered(2))))
    with provider.run(SPEC) as stream:
        assert numbers([next(stream)]) == [0]
        assert stream.query_id


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=8),
    st.sampled_from([b"\n", b"\r\n", b"\n\n \r\n"]),
    st.booleans(),
)
def test_rows_are_the_same_however_the_bytes_are_cut(
    provider, upstream, sizes, end, final
):
    lines_sent = [
        QUERY_ID,
        direct(wire_row({"n": 0, "s": "日本語 😀"})),
        direct(*numbered(3, 1)),
        DONE | {"statistics": {}},
    ]
    body = end.join(
        json.dumps(line, ensure_ascii=False).encode() for line in lines_sent
    ) + (end if final else b"")
    parts, at, turn = [], 0, 0
    while at < len(body):
        parts.append(body[at : at + sizes[turn % len(sizes)]])
        at, turn = at + sizes[turn % len(sizes)], turn + 1
    upstream.on(DIRECT, Reply(parts=parts))
    with provider.run(SPEC) as stream:
        assert numbers(list(stream)) == [0, 1, 2, 3]


def test_a_packed_answer_is_the_same(provider, upstream):
    body = b"\n".join(
        json.dumps(line).encode() for line in (QUERY_ID, direct(*numbered(500)))
    )
    upstream.on(
        DIRECT, Reply(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
    )
    with provider.run(SPEC) as stream:
        assert numbers(list(stream)) == list(range(500))
    assert stream.bytes_received == len(body)


def test_a_huge_line_is_no_problem(provider, upstream):
    big = wire_row({"n": 1, "text": "x" * 3_000_000})
    _, rows, error = play(provider, upstream, QUERY_ID, direct(big), direct(ROW))
    assert error is None
    assert len(rows[0].values["$d"]["text"]) == 3_000_000
    assert len(rows) == 2


def test_a_line_beyond_all_measure_is_stopped_after_the_rows_before(
    provider, upstream, monkeypatch
):
    monkeypatch.setattr(lines.LineSplitter.__init__, "__defaults__", (10_000,))
    _, rows, error = play(
        provider, upstream, direct(ROW), direct(wire_row("x" * 20_000))
    )
    assert len(rows) == 1
    assert isinstance(error, LimitExceededError)


def test_a_stream_cut_on_the_wire_keeps_the_rows_received(provider, upstream):
    upstream.on(
        DIRECT,
        Reply(
            parts=[
                json.dumps(direct(*numbered(2))).encode() + b"\n",
                b'{"result":{"resu',
                CUT,
            ]
        ),
    )
    rows, error = read_until_error(provider.run(SPEC))
    assert numbers(rows) == [0, 1]
    assert isinstance(error, TruncatedStreamError)
    assert error.retryable


def test_a_whole_line_before_the_cut_counts_even_without_its_end(provider, upstream):
    upstream.on(DIRECT, Reply(parts=[json.dumps(direct(*numbered(2))).encode(), CUT]))
    rows, error = read_until_error(provider.run(SPEC))
    assert numbers(rows) == [0, 1]
    assert isinstance(error, TruncatedStreamError)


@pytest.mark.parametrize("chunked", [True, False])
def test_a_last_line_that_is_cut_is_a_cut_stream_even_if_the_connection_ends_well(
    provider, upstream, chunked
):
    whole = json.dumps(direct(*numbered(2))).encode() + b"\n"
    upstream.on(DIRECT, Reply(parts=[whole, whole[:-20]], chunked=chunked))
    rows, error = read_until_error(provider.run(SPEC))
    assert numbers(rows) == [0, 1]
    assert isinstance(error, TruncatedStreamError)


def test_only_half_a_first_line_is_a_cut_stream(provider, upstream):
    _, rows, error = play(provider, upstream, b'{"queryId":{"que', end=b"")
    assert rows == []
    assert isinstance(error, TruncatedStreamError)


def test_signs_of_life_and_unknown_lines_are_skipped_and_counted(provider, upstream):
    odd = [
        {"heartbeat": {}},
        b": keep-alive",
        {"somethingNew": 1},
        [1, 2],
        7,
        None,
        "text in the middle",
        {"response": {}},
    ]
    stream, rows, error = play(provider, upstream, QUERY_ID, *odd, direct(ROW))
    assert error is None
    assert len(rows) == 1
    assert stream.statistics == {"skipped_lines": len(odd)}


@pytest.mark.parametrize(
    ("line", "kind", "text", "code"),
    [
        (
            {"error": {"message": "too many", "code": {"rateLimitReached": {}}}},
            RateLimitError,
            "too many",
            "rateLimitReached",
        ),
        ({"error": {"message": "it broke"}}, QueryError, "it broke", ""),
        ({"error": "it broke"}, QueryError, "it broke", ""),
        ({"error": {}}, QueryError, "no reason given", ""),
        (
            {"errors": [{"message": "one", "code": "bad"}, {"message": "two"}]},
            QueryError,
            "one",
            "bad",
        ),
        ({"message": "it\x00broke"}, QueryError, "it broke", ""),
        ({"response": {"error": {"message": "it broke"}}}, QueryError, "it broke", ""),
    ],
)
def test_an_error_within_the_stream_comes_after_the_rows_before_it(
    provider, upstream, line, kind, text, code
):
    _, rows, error = play(
        provider, upstream, QUERY_ID, direct(*numbered(2)), line, direct(*numbered(9))
    )
    assert numbers(rows) == [0, 1]
    assert type(error) is kind
    assert str(error) == f"Coralogix stopped the query: {text}"
    assert error.provider_code == code


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"query is not completed", ConflictError),
        (b'"Query is still running"', ConflictError),
        (b"Query not found", ResultsExpiredError),
        (b"query abc does not exist\n", ResultsExpiredError),
        (b"Something odd\non two lines", UnexpectedResponseError),
        (b"<html>login</html>", UnexpectedResponseError),
    ],
)
def test_text_in_place_of_rows_is_an_error_although_the_status_is_200(
    provider, upstream, body, kind
):
    upstream.on(DATA, Reply(body=body))
    rows, error = read_until_error(provider.rows("job-1"))
    assert rows == []
    assert type(error) is kind
    assert "html" not in str(error)


def test_text_in_place_of_a_direct_answer_is_unexpected(provider, upstream):
    upstream.on(DIRECT, Reply(body=b"index not found"))
    rows, error = read_until_error(provider.run(SPEC))
    assert rows == []
    assert type(error) is UnexpectedResponseError
    assert "index not found" in str(error)


@pytest.mark.parametrize(
    "line",
    [b"no json", {"result": "text"}, {"result": {"results": 7}}, {"response": []}],
)
def test_a_line_that_cannot_be_read_is_never_dropped_in_silence(
    provider, upstream, line
):
    _, rows, error = play(provider, upstream, direct(*numbered(2)), line)
    assert numbers(rows) == [0, 1]
    assert type(error) is UnexpectedResponseError


def test_a_row_that_is_no_object_comes_after_the_rows_before_it(provider, upstream):
    _, rows, error = play(provider, upstream, direct(*numbered(2), 7))
    assert numbers(rows) == [0, 1]
    assert type(error) is UnexpectedResponseError


def test_bytes_that_are_no_utf8_cost_a_character_not_the_line(provider, upstream):
    line = (
        json.dumps(direct(wire_row({"n": 1, "s": "caf?"})))
        .encode()
        .replace(b"?", b"\xe9")
    )
    _, rows, error = play(provider, upstream, QUERY_ID, line)
    assert error is None
    assert rows[0].values["$d"] == {"n": 1, "s": "caf�"}


def test_a_query_id_may_come_as_plain_text(provider, upstream):
    stream, _, _ = play(provider, upstream, {"queryId": "plain-id"})
    assert stream.query_id == "plain-id"


def test_a_stream_can_be_closed_early_and_twice(provider, upstream):
    upstream.on(DIRECT, ndjson_reply(direct(*numbered(5000))))
    stream = provider.run(SPEC)
    next(stream)
    stream.close()
    stream.close()
