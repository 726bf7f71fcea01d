"""The server under every wire protocol: bounds, framing, stopping, and what it says about requests."""

from __future__ import annotations

import json
import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.config import Limits, SandboxConfig, SandboxError
from sandbox.faults import Fault
from sandbox.running import running_sandbox
from sandbox.server import SandboxServer
from tests.sandbox.conftest import open_sandbox


def spoken(url: str, request: bytes) -> bytes:
    """Everything the server says to those bytes until it closes."""
    parts = urlsplit(url)
    with socket.create_connection(
        (parts.hostname, parts.port), timeout=10
    ) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    return answer


def test_it_says_what_it_is_and_that_it_is_well(wire):
    assert "sandbox" in wire.http.get("/").text
    assert wire.http.get("/_sandbox/health").json() == {"status": "ok"}


def test_other_addresses_and_methods_are_refused(wire):
    assert wire.http.post("/api/v1/nothing").status_code == 404
    answer = wire.http.get("/api/v1/dataprime/query")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert wire.http.request("BREW", "/").status_code == 501


def test_a_head_request_gets_no_body(wire):
    assert wire.http.head("/").content == b""


def test_the_query_string_is_no_part_of_the_address(wire):
    assert wire.http.get("/_sandbox/health?x=1").status_code == 200


def test_a_connection_is_kept_for_the_next_request(wire):
    wire.query("source logs | limit 1")
    port = wire.http.get("/").extensions["network_stream"].get_extra_info("client_addr")
    wire.query("source logs | limit 1")
    assert (
        wire.http.get("/").extensions["network_stream"].get_extra_info("client_addr")
        == port
    )


def test_a_body_that_is_too_large_is_refused_unread():
    with open_sandbox(count=1, limits=Limits(body_bytes=1_000)) as wire:
        answer = spoken(
            wire.sandbox.url,
            b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n",
        )
        assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Host: localhost\r\nTransfer-Encoding: chunked\r\n", b"411"),
        (b"Host: localhost\r\nContent-Length: -5\r\n", b"400"),
        (b"Host: localhost\r\nContent-Length: many\r\n", b"400"),
        (b"Host: evil.example\r\nContent-Length: 0\r\n", b"421"),
        (b"Host: localhost.evil.example:80\r\nContent-Length: 0\r\n", b"421"),
        (b"Content-Length: 0\r\n", b"421"),
    ],
)
def test_a_suspicious_head_is_refused(wire, head, status):
    answer = spoken(
        wire.sandbox.url, b"POST /api/v1/dataprime/query HTTP/1.1\r\n" + head + b"\r\n"
    )
    assert answer.split()[1] == status


def test_a_body_that_never_comes_whole_gets_no_answer(wire):
    parts = urlsplit(wire.sandbox.url)
    with socket.create_connection(
        (parts.hostname, parts.port), timeout=10
    ) as connection:
        connection.sendall(
            b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
        )
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1000) == b""


def test_a_client_of_the_old_protocol_gets_its_stream_until_the_end(wire):
    body = json.dumps({"query": "source logs | limit 2"}).encode()
    head = f"POST /api/v1/dataprime/query HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer sandbox-demo-key\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = spoken(wire.sandbox.url, head.encode() + body)
    assert b"Transfer-Encoding" not in answer
    assert (
        answer.endswith(b'"outputRowCount":"2"}}\n')
        or b'"outputRowCount":"0"' in answer
    )


def test_lines_leave_as_soon_as_they_are_there():
    with open_sandbox(count=1) as wire:
        wire.sandbox.faults.add(Fault(kind="stall", after=1, seconds=60))
        body = json.dumps({"query": "source logs"})
        with wire.http.stream(
            "POST", "/api/v1/dataprime/query", content=body, headers=wire.headers
        ) as answer:
            assert "queryId" in next(answer.iter_lines())


def test_a_client_that_leaves_ends_its_query():
    day = {"startDate": "2026-03-09T12:00:00Z", "endDate": "2026-03-11T12:00:00Z"}
    body = json.dumps({"query": "source logs | limit 15000", "metadata": day})
    with open_sandbox(count=20_000) as wire:
        with (
            httpx.Client(base_url=wire.sandbox.url, trust_env=False) as client,
            client.stream(
                "POST", "/api/v1/dataprime/query", content=body, headers=wire.headers
            ) as answer,
        ):
            next(answer.iter_bytes())
        deadline = time.monotonic() + 5
        while wire.sandbox._server.busy and time.monotonic() < deadline:
            time.sleep(0.01)
        assert wire.sandbox._server.busy == 0


def test_more_connections_than_allowed_are_turned_away():
    with open_sandbox(count=1, limits=Limits(connections=1)) as wire:
        wire.http.get("/")  # keeps the only place
        with (
            httpx.Client(
                base_url=wire.sandbox.url, trust_env=False, timeout=10
            ) as second,
            pytest.raises(httpx.HTTPError),
        ):
            second.get("/")


def test_each_request_is_logged_in_one_line_without_the_key(wire, caplog):
    with caplog.at_level(logging.DEBUG):
        wire.query("source logs | limit 1")
        spoken(
            wire.sandbox.url,
            b"POST /no\x1b[31mwhere%0a HTTP/1.0\r\nHost: localhost\r\n\r\n",
        )
    lines = [
        record.getMessage() for record in caplog.records if record.name == "sandbox"
    ]
    assert "method=POST operation=query" in lines[0]
    assert "status=200" in lines[0]
    assert "status=404" in lines[1]
    assert "\x1b" not in lines[1]
    assert "sandbox-demo-key" not in caplog.text


def test_a_fault_of_our_own_is_logged_and_closes_the_connection(
    wire, caplog, monkeypatch
):
    monkeypatch.setattr(wire.sandbox._server.application, "faults", None)
    with pytest.raises(httpx.HTTPError):
        wire.query()
    assert "sandbox connection failed" in caplog.text


def test_stopping_does_not_wait_for_a_stalled_answer():
    with open_sandbox(count=1) as wire:
        wire.sandbox.faults.add(Fault(kind="stall", after=1, seconds=60))
        with ThreadPoolExecutor(1) as pool:
            stalled = pool.submit(wire.query)
            while not wire.sandbox.requests:
                time.sleep(0.01)
            started = time.monotonic()
            wire.sandbox._server.application.faults.stopping.set()
            assert stalled.result(10).status_code == 200
            assert time.monotonic() - started < 10


def test_stopping_closes_connections_that_wait_for_a_request():
    with open_sandbox(count=1) as wire:
        parts = urlsplit(wire.sandbox.url)
        connection = socket.create_connection((parts.hostname, parts.port), timeout=10)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while not answer.endswith(b"\n") or b"sandbox" not in answer:
            answer += connection.recv(65_536)
    with connection:
        assert connection.recv(1) == b""


def test_a_client_that_comes_before_the_rows_are_made_waits_for_its_answer():
    server = SandboxServer(SandboxConfig(count=1))
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10):
        pass
    server.server_close()


def test_a_port_in_use_is_said_in_words():
    with open_sandbox(count=1) as wire:
        port = urlsplit(wire.sandbox.url).port
        with (
            pytest.raises(SandboxError, match="cannot listen"),
            running_sandbox(SandboxConfig(port=port, count=1)),
        ):
            pass


def test_a_directory_belongs_to_one_sandbox(tmp_path, monkeypatch):
    monkeypatch.setattr("sandbox.running._LOCK_SECONDS", 0.15)
    config = SandboxConfig(count=1, data_dir=tmp_path)
    with (
        running_sandbox(config),
        pytest.raises(SandboxError, match="another sandbox"),
        running_sandbox(config),
    ):
        pass


def test_a_sandbox_for_all_addresses_answers_to_any_name():
    with open_sandbox(count=1, host="0.0.0.0") as wire:
        assert wire.sandbox.url.startswith("http://127.0.0.1:")
        assert (
            wire.http.get("/", headers={"Host": "sandbox.internal"}).status_code == 200
        )


def test_it_starts_in_well_under_a_second():
    started = time.monotonic()
    with open_sandbox(count=3_000):
        pass
    assert time.monotonic() - started < 3  # a loaded machine; it is about 0.2 s
