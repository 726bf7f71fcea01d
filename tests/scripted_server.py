"""A scripted HTTP/1.1 server over real sockets, for everything a mock cannot show.

    with Upstream() as upstream:
        upstream.on("/path", Reply(200, body=b"{}"), Reply(503))   # one after the other, the last one stays
        upstream.on("/slow", lambda request: Reply(parts=[b"a", event.wait, CUT]))

A part is bytes (one chunk on the wire), a callable (run between chunks), `CUT` (break the connection) or `STALL`
(keep it open and send nothing until the server is closed).
"""

from __future__ import annotations

import gzip
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self


class _Signal:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


CUT = _Signal("CUT")
STALL = _Signal("STALL")

Part = bytes | Callable[[], object] | _Signal


class _CutError(Exception):
    """The script says to break the connection."""


@dataclass(frozen=True)
class Request:
    """A request as it arrived; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What to answer: a body with its length, or parts (chunked, or until the end of the connection), or raw bytes."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: Iterable[Part] | None = None
    chunked: bool = True
    raw: Iterable[Part] | None = None


Script = Reply | Callable[[Request], Reply]


def json_reply(value: object, status: int = 200, **headers: str) -> Reply:
    """Answer with a JSON value. Header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(
        status,
        json.dumps(value).encode(),
        {"Content-Type": "application/json", **named},
    )


def ndjson_reply(*lines: object, end: bytes = b"\n", **more: Any) -> Reply:
    """Answer with NDJSON, one chunk per line; bytes are sent as they are."""
    parts = [
        line + end if isinstance(line, bytes) else json.dumps(line).encode() + end
        for line in lines
    ]
    return Reply(headers={"Content-Type": "application/x-ndjson"}, parts=parts, **more)


def gzip_reply(body: bytes) -> Reply:
    """Answer with a compressed body."""
    return Reply(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})


class Upstream:
    """The server: `origin` is where it listens, `requests` is what it got."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.closed = threading.Event()
        self.tls = tls
        self._scripts: dict[str, list[Script]] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.upstream = self
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.01},
            daemon=True,
        )

    @property
    def host_port(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host_port}"

    def on(self, path: str, *scripts: Script) -> None:
        """Set what a path answers, in turn; the last script stays. "*" is any path without its own."""
        with self._lock:
            self._scripts[path] = list(scripts)

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def reply_to(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            scripts = (
                self._scripts.get(request.path)
                or self._scripts.get("*")
                or [Reply(404)]
            )
            script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return script(request) if callable(script) else script

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 50
    upstream: Upstream

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.upstream.tls is not None:
            try:
                request = self.upstream.tls.wrap_socket(request, server_side=True)
            except OSError:
                return
        super().finish_request(request, client_address)
        with suppress(OSError):
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: clients that hang up are what these tests are about."""


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        with suppress(OSError, _CutError):
            while (request := self._read()) is not None:
                self._write(self.server.upstream.reply_to(request))

    def _read(self) -> Request | None:
        first = self.rfile.readline()
        if b" HTTP/" not in first:  # nothing more, or no HTTP: hang up
            return None
        method, target, _ = first.decode("latin-1").split()
        headers = {}
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        return Request(method, target, headers, body)

    def _write(self, reply: Reply) -> None:
        if reply.raw is not None:
            self._play(reply.raw, self._send)
            raise _CutError
        headers = dict(reply.headers)
        if reply.parts is None:
            headers.setdefault("Content-Length", str(len(reply.body)))
        elif reply.chunked:
            headers["Transfer-Encoding"] = "chunked"
        else:
            headers["Connection"] = "close"
        head = f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n"
        self._send(
            (
                head + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
            ).encode()
        )
        self._body(reply)

    def _body(self, reply: Reply) -> None:
        if reply.parts is None:
            self._send(reply.body)
        elif reply.chunked:
            self._play(reply.parts, self._send_chunk)
            self._send(b"0\r\n\r\n")
        else:
            self._play(reply.parts, self._send)
            raise _CutError

    def _play(self, parts: Iterable[Part], send: Callable[[bytes], None]) -> None:
        for part in parts:
            if part is CUT:
                self.connection.shutdown(socket.SHUT_RDWR)
                raise _CutError
            if part is STALL:
                self.server.upstream.closed.wait()
            elif callable(part):
                part()
            elif isinstance(part, bytes) and part:
                send(part)

    def _send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def _send_chunk(self, data: bytes) -> None:
        self._send(b"%x\r\n%b\r\n" % (len(data), data))
