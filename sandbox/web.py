"""Requests and answers, as the wire protocols see them: plain values, no sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

if TYPE_CHECKING:
    from sandbox.faults import Fault

NDJSON = "application/x-ndjson"
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class ConnectionCutError(Exception):
    """Raised by an answer (or instead of one) to drop the connection without another byte."""


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names are in lower case, ``parts`` holds the variable parts of the path."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    faults: tuple[Fault, ...] = ()
    query: str = field(default="", repr=False)
    path_params: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def query_params(self) -> Mapping[str, list[str]]:
        """The arguments of the address, each with all its values."""
        return parse_qs(self.query, keep_blank_values=True)

    @property
    def bearer(self) -> str:
        """The key in the Authorization header, or nothing."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    def find_fault(self, kind: str) -> Fault | None:
        """The first fault of that kind this request is to suffer."""
        return next((fault for fault in self.faults if fault.kind == kind), None)


@dataclass(frozen=True)
class Response:
    """One HTTP answer. Each item of ``chunks`` is sent at once; ``streamed`` ones have no length in advance."""

    status: int
    chunks: Iterable[bytes] = (b"",)
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    streamed: bool = False


@dataclass(frozen=True)
class Endpoint:
    """One address of a wire protocol; ``operation`` is its short name in journals and faults.

    ``method`` may name several, separated by spaces. A segment ``{name}`` of its path stands for any text.
    """

    operation: str
    handle: Callable[[Request], Response]
    method: str = "POST"


def json_response(status: int, value: Any, **headers: str) -> Response:
    """An answer with a JSON body; header names are written with underscores."""
    named = tuple(
        (name.replace("_", "-").title(), text) for name, text in headers.items()
    )
    return Response(status, (msgspec.json.encode(value),), headers=named)


def text_response(status: int, text: str) -> Response:
    """An answer with a plain text body."""
    return Response(status, (text.encode(),), TEXT)


def stream_response(lines: Iterable[bytes]) -> Response:
    """A stream of NDJSON lines, each sent as soon as it is there."""
    return Response(200, lines, NDJSON, streamed=True)
