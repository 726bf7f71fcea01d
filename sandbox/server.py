"""The HTTP/1.1 server under a sandbox: threads, chunked answers flushed line by line, bounds on everything."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.app import Application
from sandbox.config import SandboxConfig, SandboxError
from sandbox.web import ConnectionCutError, Request, Response, json_response

logger = logging.getLogger("sandbox")

_IDLE_SECONDS = 60
_GRACE_SECONDS = 5.0
_SLOT_SECONDS = 2.0
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_GONE = (ConnectionError, TimeoutError)


class SandboxServer(ThreadingHTTPServer):
    """Listens from the moment it is made, so that early clients wait instead of failing; ``serve`` answers them."""

    application: Application

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self._slots = threading.BoundedSemaphore(config.limits.connections)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.busy = 0
        try:
            super().__init__((config.host, config.port), _Handler)
        except OSError as error:
            raise SandboxError(
                f"cannot listen on {config.host}:{config.port}: {error.strerror}"
            ) from error

    @property
    def url(self) -> str:
        """Where it can be reached, without a slash at the end."""
        host = "127.0.0.1" if self.config.host in ("", "0.0.0.0") else self.config.host  # noqa: S104
        return f"http://{host}:{self.server_address[1]}"

    def serve(self, application: Application) -> None:
        """Answer until ``stop`` is called from another thread."""
        self.application = application
        self.serve_forever(poll_interval=0.05)

    def stop(self) -> None:
        """Take no more connections, give open answers a few seconds, then close what is left."""
        self.shutdown()
        self.server_close()
        self.application.faults.stopping.set()
        deadline = time.monotonic() + _GRACE_SECONDS
        while self.busy and time.monotonic() < deadline:
            time.sleep(0.01)
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def count_active(self, change: int) -> None:
        """Note that an answer begins (1) or ends (-1)."""
        with self._lock:
            self.busy += change

    def is_allowed_host(self, host: str) -> bool:
        """Return whether a Host header names this server; guards a loopback server against DNS rebinding."""
        if self.config.host not in ("127.0.0.1", "localhost", "::1"):
            return True
        return host.rpartition(":")[0] in _LOOPBACK or host in _LOOPBACK

    def process_request(self, request: Any, client_address: Any) -> None:
        """Return the connection a thread, or close it when there are too many."""
        if not self._slots.acquire(timeout=_SLOT_SECONDS):
            self.shutdown_request(request)
            return
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.discard(request)
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what a connection died of, without a word from the client in it."""
        logger.exception("sandbox connection failed")


class _Handler(BaseHTTPRequestHandler):
    server: SandboxServer
    protocol_version = "HTTP/1.1"
    server_version = "QuerydeckSandbox"
    sys_version = ""
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True
    error_content_type = "application/json"
    error_message_format = '{"message": "%(message)s"}'

    def handle(self) -> None:
        with suppress(*_GONE):
            super().handle()

    def finish(self) -> None:
        with suppress(*_GONE):
            super().finish()

    def do_POST(self) -> None:
        self._serve()

    do_GET = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = do_POST  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Requests are logged once, by ``_serve``; the base class would print to stderr."""

    def _serve(self) -> None:
        started = time.monotonic()
        self.server.count_active(1)
        sent: int | str = "cut"
        try:
            answer = self._answer()
            self._send(answer)
            sent = answer.status
        except ConnectionCutError:
            self.close_connection = True
        finally:
            self.server.count_active(-1)
            path = self.path.partition("?")[0]
            logger.info(
                "sandbox request method=%s operation=%s path=%r status=%s ms=%d",
                self.command, self.server.application.operation(path), path[:200], sent, (time.monotonic() - started) * 1000,
            )  # fmt: skip

    def _answer(self) -> Response:
        if not self.server.is_allowed_host(self.headers.get("Host", "")):
            return self._refused(
                HTTPStatus.MISDIRECTED_REQUEST,
                "This server does not answer to that name.",
            )
        if "Transfer-Encoding" in self.headers:
            return self._refused(
                HTTPStatus.LENGTH_REQUIRED, "Send the body with a Content-Length."
            )
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit():
            return self._refused(
                HTTPStatus.BAD_REQUEST, "The Content-Length is not a number."
            )
        if int(length) > self.server.config.limits.body_bytes:
            return self._refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large."
            )
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionCutError
        headers = {name.lower(): value for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        return self.server.application(
            Request(self.command, path, headers, body, query=query)
        )

    def _refused(self, status: HTTPStatus, message: str) -> Response:
        self.close_connection = True  # the body has not been read
        return json_response(status, {"message": message}, connection="close")

    def _send(self, answer: Response) -> None:
        chunked = answer.streamed and self.request_version == "HTTP/1.1"
        body = b"" if answer.streamed else b"".join(answer.chunks)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers:
            self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif answer.streamed:
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self._send_chunks(
                answer.chunks if answer.streamed else (body,),
                _framed if chunked else bytes,
            )
            if chunked:
                self.wfile.write(b"0\r\n\r\n")

    def _send_chunks(self, chunks: Iterable[bytes], frame: Any) -> None:
        try:
            for chunk in chunks:
                if chunk:
                    self.wfile.write(frame(chunk))
        finally:
            # A generator left alone would keep its query running after the client has gone.
            if (close := getattr(chunks, "close", None)) is not None:
                close()


def _framed(chunk: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)
