"""From a request to an answer: find the endpoint, write the journal, let faults happen."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from sandbox.faults import Fault, FaultInjector
from sandbox.web import Endpoint, Request, Response, json_response, text_response

FAULTS_PATH = "/_sandbox/faults"
HEALTH_PATH = "/_sandbox/health"
_JOURNAL_SIZE = 2_000
_BODY_KEPT = 16_384


@dataclass(frozen=True)
class JournalEntry:
    """One request as it came in; the key is down to its last four characters."""

    at: datetime
    method: str
    path: str
    operation: str
    key_last4: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    query: str = field(default="", repr=False)

    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class FaultControl:
    """The address that sets faults from outside the process: POST one (or a list), GET those due, DELETE all."""

    faults: FaultInjector
    named: Mapping[str, Fault]

    def handle(self, request: Request) -> Response:
        """Carry out one request; 400 says what is wrong with it."""
        if request.method == "DELETE":
            self.faults.clear()
        elif request.method == "POST":
            try:
                self.faults.add(*self._decoded(request.body))
            except (msgspec.MsgspecError, KeyError) as error:
                return json_response(
                    400,
                    {"message": f"not a fault: {error}", "names": sorted(self.named)},
                )
        return json_response(200, self.faults.pending())

    def _decoded(self, body: bytes) -> list[Fault]:
        found = msgspec.json.decode(body)
        return [
            self._fault(item)
            for item in (found if isinstance(found, list) else [found])
        ]

    def _fault(self, item: Any) -> Fault:
        if isinstance(item, dict) and "name" in item:
            named = self.named[item.pop("name")]
            item = {"kind": named.kind, **msgspec.to_builtins(named), **item}
        return msgspec.convert(item, Fault)


class Application:
    """All endpoints of one sandbox, by path; ``{name}`` in a path stands for one segment. Calling it gives the answer.

    Raises ``ConnectionCutError`` when a fault wants the connection dropped.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        faults: FaultInjector,
        now: Callable[[], datetime],
        control: FaultControl | None = None,
    ) -> None:
        self.faults = faults
        self.journal: deque[JournalEntry] = deque(maxlen=_JOURNAL_SIZE)
        self._now = now
        self._endpoints = dict(endpoints) | {"/": Endpoint("welcome", _welcome, "GET")}
        self._endpoints[HEALTH_PATH] = Endpoint("health", _healthy, "GET")
        self._patterns = [
            (_pattern(path), endpoint)
            for path, endpoint in self._endpoints.items()
            if "{" in path
        ]
        self._control = control

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        if self._control is not None and request.path == FAULTS_PATH:
            return self._control.handle(request)
        endpoint, parts = self._found(request.path)
        if endpoint is None:
            return json_response(404, {"message": "There is nothing at this address."})
        methods = endpoint.method.split()
        if request.method not in methods:
            return json_response(
                405,
                {"message": f"Use {' or '.join(methods)}."},
                allow=", ".join(methods),
            )
        self._note(request, endpoint.operation)
        said = request.query.encode() + request.body
        taken = self.faults.consume(endpoint.operation, said)
        carried = replace(request, faults=taken, path_params=parts)
        return self.faults.apply(carried, endpoint.handle)

    def operation(self, path: str) -> str:
        """The short name of what is at ``path``, for the log."""
        endpoint, _ = self._found(path)
        return endpoint.operation if endpoint else "-"

    def _found(self, path: str) -> tuple[Endpoint | None, Mapping[str, str]]:
        if path in self._endpoints:
            return self._endpoints[path], {}
        for pattern, endpoint in self._patterns:
            if (found := pattern.fullmatch(path)) is not None:
                return endpoint, {k: unquote(v) for k, v in found.groupdict().items()}
        return None, {}

    def _note(self, request: Request, operation: str) -> None:
        headers = {
            name: value
            for name, value in request.headers.items()
            if name != "authorization"
        }
        entry = JournalEntry(
            at=self._now(),
            method=request.method,
            path=request.path,
            operation=operation,
            key_last4=request.bearer[-4:],
            headers=headers,
            body=request.body[:_BODY_KEPT],
            query=request.query[:_BODY_KEPT],
        )
        self.journal.append(entry)


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    named = (
        f"(?P<{part}>[^/]+)" if place % 2 else re.escape(part)
        for place, part in enumerate(parts)
    )
    return re.compile("".join(named))


def _welcome(request: Request) -> Response:
    return text_response(
        200,
        "This is Querydeck's sandbox: it speaks the query APIs of Coralogix, Supermetrics, Search Anywhere Framework and "
        "Polytomic.\n",
    )


def _healthy(request: Request) -> Response:
    return json_response(200, {"status": "ok"})
