"""Rows over many pages: every one of them, once, in order, whatever happens on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from queries.providers.errors import (
    AddressRefusedError,
    CallStoppedError,
    ConflictError,
    LimitExceededError,
    ProviderError,
    QueryError,
    RateLimitError,
    ResultsExpiredError,
    TruncatedStreamError,
    UnavailableError,
    UnexpectedResponseError,
)
from queries.providers.polytomic import rows as paging
from queries.providers.polytomic import wire
from tests.providers.keys import CANARY
from tests.providers.polytomic.samples import JOB, RESULT, VERSION, answer, pages
from tests.scripted_server import CUT, Reply


def read(provider):
    """Rows until the end or an error, the stream, and the error."""
    found, failure = [], None
    with provider.rows(JOB) as stream:
        try:
            found.extend(row.values for row in stream)
        except ProviderError as error:
            failure = error
    return found, stream, failure


def numbers(found):
    return [values["n"] for values in found]


def then(next_link, *rows, **data):
    return answer(results=list(rows), links={"next": next_link}, **data)


@pytest.mark.parametrize("absolute", [False, True])
def test_every_row_of_many_pages_comes_once_and_in_order(provider, upstream, absolute):
    base = upstream.origin if absolute else ""
    upstream.on(RESULT, pages(10_050, 100, base=base, expires="2026-01-02T03:04:05Z"))
    found, stream, failure = read(provider)
    assert failure is None
    assert numbers(found) == list(range(10_050))
    assert len(upstream.requests) == 101
    assert stream.warnings == []
    assert stream.statistics == {"pages": 101, "api_version": VERSION}
    assert stream.extras == {"fields": ["n"]}
    assert stream.query_id == JOB
    assert stream.expires_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert stream.bytes_received > 100_000


def test_links_are_followed_letter_for_letter(provider, upstream):
    odd = "/api/elsewhere/x~y?page=a%2Fb%2fc+d'(e)*;,:@/?&z="
    upstream.on(RESULT, then(odd, {"n": 0}))
    upstream.on("/api/elsewhere/x~y", answer(results=[{"n": 1}]))
    found, _, failure = read(provider)
    assert (numbers(found), failure) == ([0, 1], None)
    assert upstream.requests[-1].target == odd


def test_the_key_goes_along_to_every_page(provider, upstream):
    upstream.on(RESULT, pages(3, 1))
    read(provider)
    keys = {request.headers["authorization"] for request in upstream.requests}
    assert len(keys) == 1
    assert len(upstream.requests) == 3


def test_a_page_may_have_no_rows(provider, upstream):
    upstream.on(
        RESULT,
        then(f"{RESULT}?page=1", {"n": 0}, count=2),
        answer(links={"next": f"{RESULT}?page=2"}),
        answer(results=None, links={"next": f"{RESULT}?page=3"}),
        answer(None, results=[{"n": 1}], links={"next": ""}),
    )
    found, stream, failure = read(provider)
    assert (numbers(found), failure) == ([0, 1], None)
    assert stream.statistics["pages"] == 4
    assert stream.warnings == []


def test_a_result_without_rows_still_tells_its_columns(provider, upstream):
    upstream.on(RESULT, answer(count=0, fields=["name", "age"]))
    found, stream, _ = read(provider)
    assert found == []
    assert stream.extras == {"fields": ["name", "age"]}


def test_columns_come_in_the_announced_order_then_any_other(provider, upstream):
    upstream.on(
        RESULT,
        then(f"{RESULT}?page=1", {"c": 1, "a": 2}, fields=["a", "b", "c"]),
        answer(results=[{"z": 1, "b": 3}]),
    )
    found, _, _ = read(provider)
    assert [list(values.items()) for values in found] == [
        [("a", 2), ("b", None), ("c", 1)],
        [("a", None), ("b", 3), ("c", None), ("z", 1)],
    ]


def test_a_row_is_kept_byte_for_byte_and_large_numbers_stay_exact(provider, upstream):
    original = b'{ "big":9007199254740993, "huge":123456789012345678901234567890,"t":"\\u00e9" }'
    body = b'{"data":{"status":"done","results":[' + original + b"]}}"
    upstream.on(RESULT, Reply(body=body))
    with provider.rows(JOB) as stream:
        (row,) = stream
    assert row.original == original
    assert row.values["big"] == 9007199254740993
    assert int(row.values["huge"]) == 123456789012345678901234567890
    assert row.values["t"] == "é"


@pytest.mark.parametrize(
    ("text", "value"),
    [(b'"\\ud800"', "\\ud800"), (b"1e999", "1e999"), (b'"\xff"', "\ufffd")],
)
def test_a_damaged_value_costs_no_row(provider, upstream, text, value):
    body = b'{"data":{"status":"done","results":[{"n":1},{"x":' + text + b"}]}}"
    upstream.on(RESULT, Reply(body=body))
    found, _, failure = read(provider)
    assert failure is None
    assert found == [{"n": 1}, {"x": value}]


@pytest.mark.parametrize("text", [b"{", b"", b"[" * 99_999, b"\xff"])
def test_a_row_that_is_no_json_is_an_error_of_ours(text):
    with pytest.raises(UnexpectedResponseError):
        paging.parse_row(text, ())


@pytest.mark.parametrize("odd", [7, "x", [1], None, True])
def test_a_row_that_is_no_object_is_an_error_after_those_before(
    provider, upstream, odd
):
    upstream.on(RESULT, answer(results=[{"n": 0}, odd]))
    found, _, failure = read(provider)
    assert numbers(found) == [0]
    assert isinstance(failure, UnexpectedResponseError)


@pytest.mark.parametrize(
    "link",
    [
        "//evil.example.com/api?page=tok",
        "https://evil.example.com/api?page=tok",
        "http://127.0.0.1:9/api/queries/x?page=tok",
        "http://{host}@evil.example.com/?page=tok",
        "http://user:tok@{host}/api",
        "https://{host}/api/queries/x?page=tok",
        "/api/queries/../me?page=tok",
        "/api/queries/%2e%2e/me?page=tok",
        "http://{host}/../me?page=tok",
        "\\\\evil.example.com?page=tok",
        "/api#?page=tok",
        "?page=tok",
    ],
)
def test_a_link_that_leads_away_is_not_followed(provider, upstream, link):
    upstream.on(RESULT, then(link.format(host=upstream.host_port), {"n": 0}))
    found, _, failure = read(provider)
    assert numbers(found) == [0]
    assert isinstance(failure, AddressRefusedError)
    assert failure.code == "link_refused"
    assert "tok" not in str(failure.as_dict())
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "links",
    [
        [RESULT],
        ["{origin}" + RESULT],
        [f"{RESULT}?page=1", f"{RESULT}?page=1"],
        [f"{RESULT}?page=1", "{origin}" + f"{RESULT}?page=1"],
        [f"{RESULT}?page=1", f"{RESULT}?page=2", f"{RESULT}?page=1"],
    ],
)
def test_a_link_seen_before_ends_in_an_error(provider, upstream, links):
    replies = [
        then(link.format(origin=upstream.origin), {"n": n})
        for n, link in enumerate(links)
    ]
    upstream.on(RESULT, *replies)
    found, _, failure = read(provider)
    assert numbers(found) == list(range(len(links)))
    assert failure.code == "paging_loop"
    assert len(upstream.requests) == len(links)


def test_empty_pages_without_end_are_an_error(provider, upstream, monkeypatch):
    monkeypatch.setattr(paging, "MAX_EMPTY_PAGES", 20)
    upstream.on(RESULT, lambda _: then(f"{RESULT}?page={len(upstream.requests)}"))
    _, _, failure = read(provider)
    assert failure.code == "paging_without_end"
    assert len(upstream.requests) == 21


@pytest.mark.parametrize(
    ("trouble", "waited"),
    [
        ([Reply(503)], [1.0]),
        ([Reply(429, headers={"Retry-After": "7"})], [7.0]),
        ([Reply(500), Reply(502), Reply(raw=[CUT])], [1.0, 2.0, 5.0]),
        ([Reply(parts=[b'{"data":{"results":[{"n":1', CUT])], [1.0]),
        ([Reply(408), Reply(504)], [1.0, 2.0]),
    ],
)
def test_a_page_that_breaks_is_asked_for_again_after_a_pause(
    provider, upstream, pauses, trouble, waited
):
    upstream.on(
        RESULT,
        then(f"{RESULT}?page=1", {"n": 0}),
        *trouble,
        then(f"{RESULT}?page=2", {"n": 1}),
        answer(results=[{"n": 2}]),
    )
    found, _, failure = read(provider)
    assert (numbers(found), failure) == ([0, 1, 2], None)
    assert pauses == waited


@pytest.mark.parametrize(
    ("trouble", "kind", "asked"),
    [
        (Reply(503), UnavailableError, 6),
        (Reply(parts=[b"{", CUT]), TruncatedStreamError, 6),
        (Reply(429, headers={"Retry-After": "121"}), RateLimitError, 1),
        (Reply(404), ResultsExpiredError, 1),
        (Reply(400), UnexpectedResponseError, 1),
        (Reply(body=b"{}"), UnexpectedResponseError, 1),
        (answer("failed", error="late"), QueryError, 1),
        (answer("unknown"), ResultsExpiredError, 1),
        (answer("running"), ConflictError, 1),
        (
            Reply(307, headers={"Location": "https://evil.example.com"}),
            UnexpectedResponseError,
            1,
        ),
    ],
)
def test_a_page_that_cannot_be_had_is_an_error_after_the_rows_so_far(
    provider, upstream, pauses, trouble, kind, asked
):
    upstream.on(RESULT, then(f"{RESULT}?page=1", {"n": 0}, {"n": 1}), trouble)
    found, _, failure = read(provider)
    assert numbers(found) == [0, 1]
    assert type(failure) is kind
    assert len(upstream.requests) == 1 + asked
    assert len(pauses) == asked - 1


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (answer("created"), ConflictError),
        (answer("running"), ConflictError),
        (answer("paused"), ConflictError),
        (answer("cancelled"), ConflictError),
        (answer("failed", error="x"), QueryError),
        (answer("unknown"), ResultsExpiredError),
        (answer(None), UnexpectedResponseError),
        (Reply(503), UnavailableError),
    ],
)
def test_rows_that_are_not_there_are_an_error_at_once_and_not_asked_for_again(
    provider, upstream, pauses, first, kind
):
    upstream.on(RESULT, first)
    with pytest.raises(kind):
        provider.rows(JOB)
    assert len(upstream.requests) == 1
    assert pauses == []


def test_a_pause_ends_when_somebody_hangs_up(provider, upstream):
    upstream.on(
        RESULT,
        then(f"{RESULT}?page=1", {"n": 0}),
        lambda _: provider.abort() or Reply(429, headers={"Retry-After": "60"}),
    )
    found, _, failure = read(provider)
    assert numbers(found) == [0]
    assert isinstance(failure, CallStoppedError)


def test_fewer_rows_than_counted_are_said_to_be_missing(provider, upstream):
    upstream.on(RESULT, answer(count=5, results=[{"n": 0}]))
    _, stream, _ = read(provider)
    (warning,) = stream.warnings
    assert warning.code == "row_count"
    assert warning.cuts_result
    assert warning.details == {"counted": 5, "received": 1}


def test_a_stream_that_was_closed_gives_no_more(provider, upstream):
    upstream.on(RESULT, pages(10, 5))
    stream = provider.rows(JOB)
    assert next(stream).values == {"n": 0}
    stream.close()
    assert list(stream) == []
    assert len(upstream.requests) == 1
    assert stream.warnings == []


def test_one_page_is_bounded(provider, upstream, monkeypatch):
    monkeypatch.setattr(wire, "MAX_PAGE_BYTES", 100_000)
    upstream.on(
        RESULT,
        then(f"{RESULT}?page=1", {"n": 0}),
        answer(results=[{"x": "y" * 200_000}]),
    )
    found, _, failure = read(provider)
    assert numbers(found) == [0]
    assert isinstance(failure, LimitExceededError)


def test_all_pages_together_are_bounded(make_provider, upstream):
    provider = make_provider({"max_stream_bytes": 5_000})
    upstream.on(RESULT, pages(10_000, 10))
    found, stream, failure = read(provider)
    assert isinstance(failure, LimitExceededError)
    assert numbers(found) == list(range(len(found)))
    assert 0 < len(found) < 1_000
    assert stream.bytes_received > 5_000


def test_only_one_page_is_held_at_a_time(provider, upstream):
    asked_at = []

    def script(request):
        asked_at.append(given)
        return pages(6, 2)(request)

    given = 0
    upstream.on(RESULT, script)
    with provider.rows(JOB) as stream:
        for _ in stream:
            given += 1
    assert asked_at == [0, 2, 4]
    assert json.dumps(stream.statistics)


def test_a_key_repeated_among_the_rows_is_not_stored_with_them(provider, upstream):
    upstream.on(
        RESULT, answer(results=[{"n": 0, "text": f"key {CANARY}", "é": b"\xff".hex()}])
    )
    with provider.rows(JOB) as stream:
        (row,) = stream
    assert row.values["text"] == "key ***"
    assert CANARY.encode() not in row.original
