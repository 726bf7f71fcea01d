"""The network layer: checked addresses, one origin, one deadline, abort.

Together with `client`, its only user, this is all that imports httpx and httpcore: should they be replaced (the
last stable httpx is of December 2024), only these two change.
"""

from __future__ import annotations

import functools
import logging
import socket
import ssl
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import certifi
import httpcore
import httpx

from queries.providers.addresses import Origin, resolve_host
from queries.providers.credentials import Authorization
from queries.providers.errors import AddressRefusedError, CallStoppedError


@functools.lru_cache(maxsize=64)
def tls_context(certificates: str = "") -> ssl.SSLContext:
    """Return the TLS context that trusts only these authorities (PEM); without any, the public and the system's.

    One is cached per text: making one costs 55 ms. Raises ValueError if the text holds no certificate.
    """
    if certificates:
        return ssl.create_default_context(cadata=certificates)
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context


def _without_foreign_headers(record: logging.LogRecord) -> bool:
    # At debug level httpcore logs the headers of each answer, and a server may repeat there what it was sent.
    return not str(record.msg).startswith(
        ("receive_response_headers.complete", "receive_response_headers.failed")
    )


logging.getLogger("httpcore.http11").addFilter(_without_foreign_headers)


class Deadline:
    """A time by which a call must end."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def remaining(self) -> float:
        """Seconds until then."""
        return self._end - time.monotonic()

    def clamp_timeout(
        self, timeout: float | None, error: type[httpcore.TimeoutException]
    ) -> float:
        """Return the time one step may take. Raises `late` when none is left."""
        left = self.remaining
        if left <= 0:
            raise error
        return left if timeout is None else min(timeout, left)


# Set by the code that is about to use the network for a call: httpcore hands each step its own time limit only, and a
# server that sends one byte a second would never exceed it.
_deadline: ContextVar[Deadline] = ContextVar("deadline")


class _Lines:
    """The open connections of one client, so that another thread can abort them."""

    def __init__(self) -> None:
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def add(self, line: socket.socket) -> None:
        with self._lock:
            self._open.add(line)

    def discard(self, line: socket.socket) -> None:
        with self._lock:
            self._open.discard(line)

    def check(self) -> None:
        if self._stopped.is_set():
            raise CallStoppedError("The call was stopped.", may_have_been_received=True)

    def pause(self, seconds: float) -> None:
        self._stopped.wait(seconds)
        self.check()

    def hang_up(self) -> None:
        with self._lock:
            self._stopped.set()
            for line in self._open:
                with suppress(OSError):
                    socket.socket.shutdown(
                        line, socket.SHUT_RDWR
                    )  # wakes a reader, below TLS too


class _Stream(httpcore.NetworkStream):
    """A connection whose every step ends with the call's deadline, and at once on abort."""

    def __init__(self, inner: httpcore.NetworkStream, lines: _Lines) -> None:
        self._inner = inner
        self._lines = lines
        self._socket: socket.socket = inner.get_extra_info("socket")
        lines.add(self._socket)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            return self._inner.read(
                max_bytes, _deadline.get().clamp_timeout(timeout, httpcore.ReadTimeout)
            )
        finally:
            self._lines.check()  # a hang-up looks like the end of the data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._lines.check()
        self._inner.write(
            buffer, _deadline.get().clamp_timeout(timeout, httpcore.WriteTimeout)
        )

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        limit = _deadline.get().clamp_timeout(timeout, httpcore.ConnectTimeout)
        return _Stream(
            self._inner.start_tls(ssl_context, server_hostname, limit), self._lines
        )

    def close(self) -> None:
        self._lines.discard(self._socket)
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    """Connects to exactly the addresses that were checked. TLS still verifies the host's name."""

    def __init__(
        self, origin: Origin, upstream_hosts: Collection[str], lines: _Lines
    ) -> None:
        self._origin = origin
        self._upstream_hosts = upstream_hosts
        self._lines = lines

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        late = httpcore.ConnectTimeout
        addresses = resolve_host(
            self._origin,
            self._upstream_hosts,
            _deadline.get().clamp_timeout(timeout, late),
        )
        failure: Exception = late()
        for address in addresses:
            self._lines.check()
            try:
                limit = _deadline.get().clamp_timeout(timeout, late)
                return _Stream(
                    super().connect_tcp(
                        address, port, limit, local_address, socket_options
                    ),
                    self._lines,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response, deadline: Deadline) -> None:
        self._response = response
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        parts = self._response.iter_stream()
        while True:
            _deadline.set(self._deadline)
            part = next(parts, None)
            if part is None:
                return
            yield part

    def close(self) -> None:
        self._response.close()


class GuardedTransport(httpx.BaseTransport):
    """Sends requests to one origin, each with a `Deadline` among its extensions, and adds the key on the way out."""

    def __init__(
        self,
        origin: Origin,
        upstream_hosts: Collection[str],
        authorization: Authorization,
        certificates: str = "",
    ) -> None:
        self._origin = origin
        self._authorization = authorization
        self._lines = _Lines()
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls_context(certificates) if origin.scheme == "https" else None,
            network_backend=_Backend(origin, upstream_hosts, self._lines),
            keepalive_expiry=5.0,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises httpcore's errors and ours."""
        url = request.url
        if (url.scheme, url.host, url.port or _port(url.scheme)) != (
            self._origin.scheme,
            self._origin.host,
            self._origin.port,
        ):
            raise AddressRefusedError(
                "The request would have left the connection's own address."
            )
        deadline: Deadline = request.extensions["deadline"]
        _deadline.set(deadline)
        key = [
            (name.encode(), value.encode())
            for name, value in self._authorization.headers().items()
        ]
        response = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme,
                    host=url.raw_host,
                    port=url.port,
                    target=url.raw_path,
                ),
                headers=[*request.headers.raw, *key],
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(response, deadline)
        )

    def abort(self) -> None:
        """End every running call, from any thread, and refuse new ones."""
        self._lines.hang_up()

    def pause(self, seconds: float) -> None:
        """Wait between two calls. Raises CallStoppedError as soon as the call is aborted."""
        self._lines.pause(seconds)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def _port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
