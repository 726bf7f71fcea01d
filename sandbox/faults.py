"""Misbehaviour on demand: what a real upstream, a proxy or a network does to a client on a bad day.

A ``Fault`` is data, so a test builds it and ``POST /_sandbox/faults`` carries it. Most work on the bytes of any answer;
the kinds in ``WIRE_KINDS`` are left to the wire protocol, which finds them on the request.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Literal

import msgspec

from sandbox.web import TEXT, ConnectionCutError, Request, Response

Kind = Literal[
    "reply", "cut", "stall", "drip", "truncate", "insert", "rechunk", "newlines", "compress", "outcome", "statistics"
]  # fmt: skip
WIRE_KINDS = ("outcome", "statistics")


class Fault(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """One misbehaviour: what, on which requests, how often.

    * ``reply``: answer ``status``, ``body``, ``headers`` instead of asking the wire
    * ``cut``: drop the connection before the request is looked at, or (``handled``) after it took effect
    * ``stall``: hold ``seconds`` before the answer, or after ``after`` lines of it
    * ``drip``: send ``size`` bytes at a time, ``seconds`` apart
    * ``truncate``: after ``after`` lines send half a line and drop the connection, or (``clean``) end the answer properly
    * ``insert``: after ``after`` lines send ``lines``, and (``stop``) nothing more
    * ``rechunk``: send in pieces of ``size`` bytes, whatever they split
    * ``newlines``: CRLF, blank lines, and none at the end
    * ``compress``: gzip, with ``size`` blanks put in front
    * ``outcome``: a background query submitted now ends as ``outcome`` (with ``reason``)
    * ``statistics``: the closing line says ``outcome``, or (empty) is missing
    """

    kind: Kind
    operation: str = "*"
    match: str = ""
    skip: int = 0
    times: int | None = 1
    after: int | None = None
    seconds: float = 0.0
    size: int = 0
    status: int = 200
    body: str = ""
    content_type: str = TEXT
    headers: dict[str, str] = {}
    lines: tuple[str, ...] = ()
    handled: bool = False
    clean: bool = False
    stop: bool = False
    outcome: str = ""
    reason: str = ""


class FaultInjector:
    """The faults that are due, and how often each still is. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due: list[tuple[Fault, list[int]]] = []
        self.stopping = threading.Event()

    def add(self, *faults: Fault) -> None:
        """Let ``faults`` happen, each to the requests it matches, ``times`` times (None: until cleared)."""
        with self._lock:
            self._due += [(fault, [0]) for fault in faults]

    def clear(self) -> None:
        """Behave from now on."""
        with self._lock:
            self._due.clear()

    def pending(self) -> list[Fault]:
        """The faults that have not been used up."""
        with self._lock:
            return [fault for fault, _ in self._due]

    def consume(self, operation: str, body: bytes) -> tuple[Fault, ...]:
        """The faults one request is to suffer; counts it."""
        taken = []
        with self._lock:
            for fault, seen in self._due:
                if fault.operation in ("*", operation) and fault.match.encode() in body:
                    seen[0] += 1
                    if seen[0] > fault.skip:
                        taken.append(fault)
            self._due = [
                (fault, seen)
                for fault, seen in self._due
                if not _used_up(fault, seen[0])
            ]
        return tuple(taken)

    def apply(
        self, request: Request, handle: Callable[[Request], Response]
    ) -> Response:
        """The answer to ``request``, after every fault it carries had its way."""
        if (early := self._early(request)) is not None:
            return early
        answer = handle(request)
        cut = request.find_fault("cut")
        if cut is not None:
            raise ConnectionCutError
        for fault in request.faults:
            if fault.kind in _ON_CHUNKS:
                answer = replace(
                    answer, chunks=self._spoilt(fault, answer.chunks), streamed=True
                )
            if fault.kind == "compress":
                answer = replace(
                    answer, headers=(*answer.headers, ("Content-Encoding", "gzip"))
                )
        return answer

    def _early(self, request: Request) -> Response | None:
        stall, cut, reply = (
            request.find_fault(kind) for kind in ("stall", "cut", "reply")
        )
        if stall is not None and stall.after is None:
            self.stopping.wait(stall.seconds)
        if cut is not None and not cut.handled:
            raise ConnectionCutError
        if reply is None:
            return None
        return Response(
            reply.status,
            (reply.body.encode(),),
            reply.content_type,
            tuple(reply.headers.items()),
        )

    def _spoilt(self, fault: Fault, chunks: Iterable[bytes]) -> Iterator[bytes]:
        pause = self.stopping.wait
        return _ON_CHUNKS[fault.kind](fault, iter(chunks), lambda: pause(fault.seconds))


_Pause = Callable[[], object]


def _used_up(fault: Fault, seen: int) -> bool:
    return fault.times is not None and seen >= fault.skip + fault.times


def _stall(fault: Fault, lines: Iterator[bytes], pause: _Pause) -> Iterator[bytes]:
    if fault.after is not None:
        yield from islice(lines, fault.after)
        pause()
    yield from lines


def _drip(fault: Fault, lines: Iterator[bytes], pause: _Pause) -> Iterator[bytes]:
    for piece in _rechunk(fault, lines, pause):
        pause()
        yield piece


def _truncate(fault: Fault, lines: Iterator[bytes], pause: _Pause) -> Iterator[bytes]:
    yield from islice(lines, fault.after or 0)
    line = next(lines, b"")
    yield line[: len(line) // 2]
    if not fault.clean:
        raise ConnectionCutError


def _insert(fault: Fault, lines: Iterator[bytes], pause: _Pause) -> Iterator[bytes]:
    yield from islice(lines, fault.after or 0)
    for line in fault.lines:
        yield line.encode() + b"\n"
    if not fault.stop:
        yield from lines


def _rechunk(fault: Fault, lines: Iterator[bytes], pause: _Pause) -> Iterator[bytes]:
    size = max(fault.size, 1)
    for line in lines:
        for start in range(0, len(line), size):
            yield line[start : start + size]


def _newlines(fault: Fault, lines: Iterator[bytes], pause: _Pause) -> Iterator[bytes]:
    separator = b""
    for line in lines:
        yield separator + line.rstrip(b"\n")
        separator = b"\r\n\r\n"


def _compress(fault: Fault, lines: Iterator[bytes], pause: _Pause) -> Iterator[bytes]:
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    blanks = b" " * 65_536
    for start in range(0, fault.size, len(blanks)):
        yield packer.compress(blanks[: fault.size - start])
    for line in lines:
        yield packer.compress(line)
    yield packer.flush()


_ON_CHUNKS: dict[str, Callable[[Fault, Iterator[bytes], _Pause], Iterator[bytes]]] = {
    "stall": _stall,
    "drip": _drip,
    "truncate": _truncate,
    "insert": _insert,
    "rechunk": _rechunk,
    "newlines": _newlines,
    "compress": _compress,
}
