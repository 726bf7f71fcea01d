"""The only module that makes HTTP requests: every request of every provider goes through a `Client`.

It connects to checked addresses only, sends the key to one origin only, follows no redirect, ignores proxies from the
environment, and bounds bytes and time. Failures become our errors, without a URL, a header or a body in their text.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar

import httpcore
import httpx
import msgspec

from queries.providers.addresses import parse_origin, validate_endpoint
from queries.providers.answers import Response
from queries.providers.content import decompress
from queries.providers.credentials import MASK, Authorization
from queries.providers.errors import (
    LimitExceededError,
    ProviderError,
    TruncatedStreamError,
    UnavailableError,
    UnexpectedResponseError,
    UpstreamTimeoutError,
)
from queries.providers.transport import Deadline, GuardedTransport

__all__ = ["ApiCall", "Client", "Policy", "StreamedResponse", "validate_endpoint"]

T = TypeVar("T")
_HEADERS = {
    "User-Agent": "Querydeck",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, identity",
}
_PATH = re.compile(r"(?!//)/[A-Za-z0-9._~%/-]*")
_QUERY = re.compile(r"[A-Za-z0-9._~%!$&'()*+,;=:@/?-]*")
_DOT_SEGMENT = re.compile(r"/(\.|%2e){1,2}(/|\Z)", re.IGNORECASE)
_FAILURES = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpx.HTTPError,
)


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits of a client: hosts allowed by the administrator, times in seconds, sizes in decoded bytes."""

    upstream_hosts: Collection[str] = frozenset()
    connect_timeout: float = 10.0
    read_timeout: float = 60.0  # between two pieces of an answer
    total_timeout: float = 60.0  # a whole call, unless the call says otherwise
    max_response_bytes: int = 4 * 1024**2
    max_stream_bytes: int = 4 * 1024**3
    max_error_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request. `path` is the provider's constant; a variable part in it is percent-encoded by the provider.

    `query` is a query string that is sent letter for letter, as a link of the provider has it; without `params` then.
    """

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    total_timeout: float | None = None
    read_timeout: float | None = None


class Client:
    """Talks to one origin with one key. Make one per thread; `abort` may come from any.

    `certificates`: the only trusted authorities (PEM), instead of the public ones.
    """

    def __init__(
        self,
        origin: str,
        authorization: Authorization,
        policy: Policy | None = None,
        certificates: str = "",
    ) -> None:
        self.policy = policy or Policy()
        self.origin = validate_endpoint(origin, self.policy.upstream_hosts)
        self._authorization = authorization
        self._transport = GuardedTransport(
            parse_origin(self.origin),
            self.policy.upstream_hosts,
            authorization,
            certificates,
        )
        self._http = httpx.Client(
            transport=self._transport,
            headers=_HEADERS,
            trust_env=False,
            follow_redirects=False,
        )

    def send(self, call: ApiCall) -> Response:
        """Make a call and read the whole response, whatever its status.

        Raises UnavailableError, UpstreamTimeoutError, AddressRefusedError, LimitExceededError, CallStoppedError, and
        UnexpectedResponseError for a redirect or a response that is not HTTP.
        """
        with closing(self.stream(call)) as reply:
            return reply.read()

    def stream(self, call: ApiCall) -> StreamedResponse:
        """Make a call and return the response once its status is known, before its body. Raises as `send` does."""
        request = self._request(call)
        response = translate_network_errors(
            partial(self._http.send, request, stream=True), body_begun=False
        )
        reply = StreamedResponse(response, self)
        if HTTPStatus.MULTIPLE_CHOICES <= reply.status < HTTPStatus.BAD_REQUEST:
            reply.close()
            raise UnexpectedResponseError(
                "The provider sent us to another address. Redirects are not followed, so that the key stays here.",
                code="redirected",
                http_status=reply.status,
            )
        return reply

    def redact(self, text: str) -> str:
        """Remove the key from a text of the other side."""
        for secret in self._authorization.secrets():
            text = text.replace(secret, MASK) if secret else text
        return text

    def pause(self, seconds: float) -> None:
        """Wait before the next call. Raises CallStoppedError as soon as `abort` is called."""
        self._transport.pause(seconds)

    def abort(self) -> None:
        """Abort the running call, from any thread. It and every later call raise CallStoppedError."""
        self._transport.abort()

    def close(self) -> None:
        """Close all connections. May be repeated."""
        self._http.close()

    def _request(self, call: ApiCall) -> httpx.Request:
        if not _PATH.fullmatch(call.path) or _DOT_SEGMENT.search(call.path):
            raise ValueError("A call's path must be plain and absolute.")
        if not _QUERY.fullmatch(call.query):
            raise ValueError("A call's query string must be encoded.")
        policy = self.policy
        headers = dict(call.headers)
        content = None
        if call.body is not None:
            content = msgspec.json.encode(call.body)
            headers["Content-Type"] = "application/json"
        read = call.read_timeout or policy.read_timeout
        return self._http.build_request(
            call.method,
            self.origin + call.path + (f"?{call.query}" if call.query else ""),
            params=call.params or None,
            headers=headers,
            content=content,
            timeout=httpx.Timeout(
                connect=policy.connect_timeout,
                read=read,
                write=read,
                pool=policy.connect_timeout,
            ),
            extensions={
                "deadline": Deadline(call.total_timeout or policy.total_timeout)
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


class StreamedResponse:
    """A response whose body is still arriving: iterate over it for decoded bytes, or `read()` the whole."""

    def __init__(self, response: httpx.Response, client: Client) -> None:
        self.status = response.status_code
        self.headers = {
            name.lower(): client.redact(value)
            for name, value in response.headers.items()
        }
        self.bytes_received = 0
        self._response = response
        self._client = client

    @property
    def request_id(self) -> str:
        """Return the remote side's id of this request, or ""."""
        return Response(self.status, self.headers, b"").request_id

    @property
    def is_error(self) -> bool:
        """Return whether the status says that the call failed."""
        return self.status >= HTTPStatus.BAD_REQUEST

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body in chunks. Raises TruncatedStreamError, LimitExceededError and what `Client.send` raises."""
        limit = self._client.policy.max_stream_bytes
        pieces = decompress(
            self._response.iter_raw(), self.headers.get("content-encoding", "")
        )
        while (
            piece := translate_network_errors(
                partial(next, pieces, None), body_begun=True
            )
        ) is not None:
            self.bytes_received += len(piece)
            if self.bytes_received > limit:
                raise LimitExceededError(
                    f"The answer is larger than {limit:,} bytes, the most we accept.",
                    may_have_been_received=True,
                )
            yield piece

    def read(self) -> Response:
        """Read the rest, with the key removed. A long or broken body of an error is truncated; of a success it raises."""
        policy = self._client.policy
        limit = policy.max_error_bytes if self.is_error else policy.max_response_bytes
        body = self._some(limit + 1)
        if len(body) > limit and not self.is_error:
            raise LimitExceededError(
                f"The answer is larger than {limit:,} bytes, the most we accept here.",
                may_have_been_received=True,
            )
        text = self._client.redact(body[:limit].decode("utf-8", "surrogateescape"))
        return Response(
            self.status, self.headers, text.encode("utf-8", "surrogateescape")
        )

    def close(self) -> None:
        """Close the connection or, if all was read, keep it for the next call."""
        self._response.close()

    def _some(self, limit: int) -> bytes:
        parts: list[bytes] = []
        try:
            for piece in self:
                parts.append(piece)
                if self.bytes_received >= limit:
                    break
        except ProviderError:
            if not self.is_error:
                raise
        return b"".join(parts)[:limit]


def translate_network_errors(step: Callable[[], T], *, body_begun: bool) -> T:
    """Turn network failures inside the block into our errors.

    The error is raised after the handler has ended: it must not keep the frames and requests of lower layers alive.
    """
    try:
        return step()
    except _FAILURES as error:
        failure = _in_the_body(error) if body_begun else _before_the_body(error)
    except ProviderError as error:
        failure = error
    failure.__context__ = None
    raise failure.with_traceback(None)


def _before_the_body(error: Exception) -> ProviderError:
    if isinstance(
        error, httpcore.ConnectError | httpcore.ConnectTimeout | httpcore.PoolTimeout
    ):
        return _not_connected(error)
    if isinstance(error, httpcore.TimeoutException):
        return UpstreamTimeoutError(
            "There was no answer in time.", may_have_been_received=True
        )
    if isinstance(error, httpcore.RemoteProtocolError) and "disconnected" not in str(
        error
    ):
        return UnexpectedResponseError(
            "The answer is not HTTP.", code="not_http", may_have_been_received=True
        )
    return UnavailableError(
        "The connection broke before an answer came.", may_have_been_received=True
    )


def _not_connected(error: Exception) -> ProviderError:
    cause = error.__context__  # httpcore clears the cause, not the context
    if isinstance(cause, ssl.SSLCertVerificationError):
        return UnavailableError(
            "The server's certificate is not valid for this address, so the key was not sent.",
            code="certificate",
            remedy="Check the connection's address.",
            retryable=False,
        )
    if isinstance(cause, ssl.SSLError):
        return UnavailableError("No secure connection could be made.", code="tls")
    if isinstance(error, httpcore.ConnectError):
        return UnavailableError("No connection could be made.", code="connect")
    return UpstreamTimeoutError(
        "No connection could be made in time.", code="connect_timeout"
    )


def _in_the_body(error: Exception) -> ProviderError:
    if isinstance(error, httpcore.TimeoutException):
        return UpstreamTimeoutError(
            "The answer stopped before its end, or took too long.",
            may_have_been_received=True,
        )
    return TruncatedStreamError(
        "The connection broke in the middle of the answer.", may_have_been_received=True
    )
