"""The client over real sockets: what it sends, refuses, bounds, and how it fails."""

from __future__ import annotations

import gzip
import socket
import threading
import time

import pytest

from queries.providers import addresses, transport
from queries.providers.client import ApiCall, Client, Policy
from queries.providers.credentials import BearerAuthorization, Secret
from queries.providers.errors import (
    AddressRefusedError,
    AuthenticationError,
    LimitExceededError,
    TruncatedStreamError,
    UnavailableError,
    UnexpectedResponseError,
    UpstreamTimeoutError,
)
from tests.providers.keys import CANARY
from tests.scripted_server import CUT, STALL, Reply, gzip_reply, json_reply

GET = ApiCall("GET", "/x")
POST = ApiCall("POST", "/x", {"query": "ünï"})


def read(client, call=GET) -> bytes:
    reply = client.stream(call)
    try:
        return b"".join(reply)
    finally:
        reply.close()


def test_a_call_carries_key_and_json_and_nothing_from_the_environment(
    client, upstream, monkeypatch
):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    upstream.on("/x", json_reply({"ok": True}, X_Request_ID="r-7"))
    answer = client.send(
        ApiCall(
            "POST",
            "/x",
            {"query": "ünï"},
            params={"a": "b c"},
            headers={"X-Version": "1"},
        )
    )
    (request,) = upstream.requests
    assert answer.json_object() == {"ok": True}
    assert answer.request_id == "r-7"
    assert request.target == "/x?a=b+c"
    assert request.json() == {"query": "ünï"}
    assert request.headers["authorization"] == f"Bearer {CANARY}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept-encoding"] == "gzip, identity"
    assert request.headers["x-version"] == "1"
    assert request.headers["host"] == upstream.host_port


def test_the_connection_is_kept_for_the_next_call(client, upstream):
    upstream.on("/x", json_reply({}))
    for _ in range(3):
        client.send(GET)
    assert len(upstream.requests) == 3


@pytest.mark.parametrize(
    "path",
    [
        "x",
        "//evil.com/x",
        "/a/../b",
        "/a/%2e%2E/b",
        "/..",
        "/.",
        "/a?b",
        "/a#b",
        "/a\\b",
        "/a b",
        "/@evil",
        "",
        "https://evil.com/",
    ],
)
def test_a_path_that_plays_tricks_is_not_sent(client, upstream, path):
    with pytest.raises(ValueError, match="path"):
        client.send(ApiCall("GET", path))
    assert upstream.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(client, upstream, status):
    upstream.on(
        "/x", Reply(status, headers={"Location": f"http://localhost:1/{CANARY}"})
    )
    with pytest.raises(UnexpectedResponseError) as redirected:
        client.send(POST)
    assert redirected.value.code == "redirected"
    assert "localhost" not in str(redirected.value)
    assert upstream.paths() == ["/x"]


def test_a_request_cannot_leave_the_origin(client, upstream):
    request = client._http.build_request("GET", "http://127.0.0.1:9/x")
    with pytest.raises(AddressRefusedError):
        client._http.send(request)


def test_an_address_that_is_not_allowed_is_refused_before_any_connection(upstream):
    for origin in (upstream.origin, "http://localhost:1", "https://169.254.169.254"):
        with pytest.raises(AddressRefusedError):
            Client(origin, BearerAuthorization(Secret(CANARY)))


def test_a_name_that_turns_bad_after_the_check_is_refused_when_connecting(monkeypatch):
    answers = iter(["8.8.8.8", "127.0.0.1"])

    def look_up(*_args, **_more):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), 443))]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)
    with Client(
        "https://rebinding.example.com", BearerAuthorization(Secret(CANARY))
    ) as client:
        assert addresses.resolve_host(addresses.parse_origin(client.origin), (), 1) == [
            "8.8.8.8"
        ]
        with pytest.raises(AddressRefusedError) as refused:
            client.send(GET)
    assert "127.0.0.1" not in str(refused.value)
    assert not refused.value.may_have_been_received


def test_the_address_connected_to_is_the_address_checked(monkeypatch, upstream):
    asked = []

    def look_up(host, port, **_more):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    upstream.on("/x", json_reply({}))
    real = socket.getaddrinfo
    monkeypatch.setattr(
        addresses.socket,
        "getaddrinfo",
        lambda h, p, *a, **k: (
            look_up(h, p) if h == "localhost" else real(h, p, *a, **k)
        ),
    )
    port = upstream.host_port.rpartition(":")[2]
    policy = Policy(upstream_hosts={f"localhost:{port}"})
    with Client(
        f"http://localhost:{port}", BearerAuthorization(Secret(CANARY)), policy
    ) as client:
        client.send(GET)
    assert asked == ["localhost"]
    assert upstream.requests[0].headers["host"] == f"localhost:{port}"


def test_the_next_address_of_a_name_is_tried_when_the_first_is_silent(
    monkeypatch, upstream
):
    upstream.on("/x", json_reply({}))
    monkeypatch.setattr(
        transport, "resolve_host", lambda *_args: ["127.0.0.2", "127.0.0.1"]
    )
    port = upstream.host_port.rpartition(":")[2]
    policy = Policy(upstream_hosts={f"localhost:{port}"})
    with Client(
        f"http://localhost:{port}", BearerAuthorization(Secret(CANARY)), policy
    ) as client:
        assert client.send(GET).status == 200


@pytest.mark.parametrize(
    "key", ["", "two words", "line\nend", "ümlaut", 'quo"te', "back\\slash", "\x7f"]
)
def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(upstream, key):
    with (
        Client(
            upstream.origin,
            BearerAuthorization(Secret(key)),
            Policy(upstream_hosts={upstream.host_port}),
        ) as client,
        pytest.raises(AuthenticationError) as refused,
    ):
        client.send(GET)
    assert not key or key not in str(refused.value)
    assert upstream.requests == []


def test_nobody_listening_is_unavailable_and_nothing_was_sent(make_client):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UnavailableError) as refused:
            make_client(f"http://{where}", upstream_hosts={where}).send(POST)
    assert refused.value.code == "connect"
    assert refused.value.retryable
    assert not refused.value.may_have_been_received


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ([CUT], UnavailableError),
        ([b"HTTP/1.1 200 OK\r\nContent-"], UnavailableError),
        ([b"SSH-2.0-OpenSSH_9.2\r\n\r\n"], UnexpectedResponseError),
        (
            [b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 200_000],
            UnexpectedResponseError,
        ),
    ],
)
def test_an_answer_that_breaks_in_its_head_may_have_been_received(
    client, upstream, raw, kind
):
    upstream.on("/x", Reply(raw=raw))
    with pytest.raises(kind) as broken:
        client.send(POST)
    assert type(broken.value) is kind
    assert broken.value.may_have_been_received


def test_silence_before_the_answer_is_a_timeout(make_client, upstream):
    upstream.on("/x", Reply(raw=[STALL]))
    with pytest.raises(UpstreamTimeoutError) as late:
        make_client(read_timeout=0.1).send(POST)
    assert late.value.may_have_been_received


def test_silence_within_the_answer_is_a_timeout_after_the_bytes_received(
    make_client, upstream
):
    upstream.on("/x", Reply(parts=[b"first", STALL]))
    pieces = iter(make_client(read_timeout=0.1).stream(GET))
    assert next(pieces) == b"first"
    with pytest.raises(UpstreamTimeoutError):
        next(pieces)


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_server_that_drips_cannot_hold_a_call_beyond_its_time(
    make_client, upstream, where
):
    drip = [
        part for _ in range(400) for part in (b"x", lambda: upstream.closed.wait(0.02))
    ]
    head = b"HTTP/1.1 200 OK\r\nX-Slow: "
    upstream.on(
        "/x", Reply(raw=[head, *drip]) if where == "head" else Reply(parts=drip)
    )
    began = time.monotonic()
    with pytest.raises(UpstreamTimeoutError):
        read(make_client(read_timeout=5, total_timeout=0.3))
    assert time.monotonic() - began < 3


def test_a_fast_stream_ends_with_its_time_too(make_client, upstream):
    upstream.on(
        "/x",
        lambda _request: Reply(
            parts=(
                b"x" * 1000 for _ in iter(lambda: not upstream.closed.is_set(), False)
            )
        ),
    )
    with pytest.raises(UpstreamTimeoutError):
        read(make_client(total_timeout=0.2))


def test_a_call_may_have_times_of_its_own(make_client, upstream):
    upstream.on("/x", Reply(raw=[STALL]))
    began = time.monotonic()
    with pytest.raises(UpstreamTimeoutError):
        make_client().send(ApiCall("GET", "/x", total_timeout=0.1))
    with pytest.raises(UpstreamTimeoutError):
        make_client().send(ApiCall("GET", "/x", read_timeout=0.1))
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "reply",
    [
        Reply(parts=[b"some", CUT]),
        Reply(raw=[b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"]),
        Reply(
            raw=[
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\nzz\r\n"
            ]
        ),
    ],
)
def test_an_answer_cut_in_its_body_gives_what_came_and_then_says_so(
    client, upstream, reply
):
    upstream.on("/x", reply)
    pieces = iter(client.stream(GET))
    assert next(pieces) == b"some"
    with pytest.raises(TruncatedStreamError) as cut:
        next(pieces)
    assert cut.value.may_have_been_received


def test_a_body_without_length_ends_with_the_connection(client, upstream):
    upstream.on("/x", Reply(parts=[b"a", b"b"], chunked=False))
    assert read(client) == b"ab"


def test_a_packed_answer_is_unpacked(client, upstream):
    upstream.on("/x", gzip_reply(b"x" * 100_000))
    assert read(client) == b"x" * 100_000


def test_a_bomb_is_stopped_at_the_limit(make_client, upstream):
    upstream.on("/x", gzip_reply(b"0" * 30_000_000))
    client = make_client(max_stream_bytes=1_000_000)
    reply = client.stream(GET)
    with pytest.raises(LimitExceededError, match="1,000,000"):
        for _ in reply:
            pass
    assert reply.bytes_received < 1_100_000


def test_an_answer_that_is_too_large_to_be_read_whole_is_refused(make_client, upstream):
    upstream.on("/x", Reply(body=b"x" * 1001))
    with pytest.raises(LimitExceededError) as large:
        make_client(max_response_bytes=1000).send(GET)
    assert large.value.may_have_been_received
    upstream.on("/x", Reply(body=b"x" * 1000))
    assert len(make_client(max_response_bytes=1000).send(GET).body) == 1000


def test_the_body_of_an_error_is_cut_and_never_an_error_itself(make_client, upstream):
    upstream.on(
        "/x", Reply(500, gzip.compress(b"e" * 10_000_000), {"Content-Encoding": "gzip"})
    )
    assert len(make_client(max_error_bytes=1000).send(GET).body) == 1000
    upstream.on("/x", Reply(503, parts=[b"busy", CUT]))
    answer = make_client().send(GET)
    assert (answer.status, answer.body) == (503, b"busy")


def test_the_key_is_blotted_out_where_the_server_repeats_it(client, upstream):
    upstream.on(
        "/x",
        Reply(
            401, f"Bad key {CANARY}!\xff".encode("latin-1"), {"X-Request-ID": CANARY}
        ),
    )
    answer = client.send(GET)
    assert answer.body == b"Bad key ***!\xff"
    assert answer.request_id == "***"


def test_closing_twice_is_harmless(client):
    client.close()
    client.close()


def test_a_connection_that_is_not_made_in_time_is_a_timeout_and_nothing_was_sent(
    make_client, upstream, monkeypatch
):
    release = threading.Event()
    monkeypatch.setattr(
        transport, "resolve_host", lambda *_args: [release.wait(0.1) or "127.0.0.1"]
    )
    with pytest.raises(UpstreamTimeoutError) as late:
        make_client(total_timeout=0.05).send(POST)
    assert late.value.code == "connect_timeout"
    assert not late.value.may_have_been_received
    assert upstream.requests == []
