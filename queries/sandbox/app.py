"""From a request to an answer: find the endpoint, write the journal, let faults happen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from queries.sandbox.faults import Fault, FaultBox
from queries.sandbox.web import Answer, Endpoint, Request, json_answer, text_answer

CONTROL_PATH = "/_sandbox/faults"
HEALTH_PATH = "/_sandbox/health"
_JOURNAL_SIZE = 10_000
_BODY_KEPT = 65_536


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

    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


@dataclass(frozen=True)
class FaultControl:
    """The address that sets faults from outside the process: POST one (or a list), GET those due, DELETE all."""

    faults: FaultBox
    named: Mapping[str, Fault]

    def handle(self, request: Request) -> Answer:
        """Carry out one request; 400 says what is wrong with it."""
        if request.method == "DELETE":
            self.faults.clear()
        elif request.method == "POST":
            try:
                self.faults.add(*self._decoded(request.body))
            except (msgspec.MsgspecError, KeyError) as error:
                return json_answer(
                    400,
                    {"message": f"not a fault: {error}", "names": sorted(self.named)},
                )
        return json_answer(200, self.faults.due())

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
    """All endpoints of one sandbox. Calling it with a request gives the answer.

    Raises ``ConnectionCutError`` when a fault wants the connection dropped.
    """

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        faults: FaultBox,
        now: Callable[[], datetime],
        control: FaultControl | None = None,
    ) -> None:
        self.faults = faults
        self.journal: deque[JournalEntry] = deque(maxlen=_JOURNAL_SIZE)
        self._now = now
        self._endpoints = dict(endpoints) | {"/": Endpoint("welcome", _welcome, "GET")}
        self._endpoints[HEALTH_PATH] = Endpoint("health", _healthy, "GET")
        self._control = control

    def __call__(self, request: Request) -> Answer:
        """Answer one request."""
        if self._control is not None and request.path == CONTROL_PATH:
            return self._control.handle(request)
        endpoint = self._endpoints.get(request.path)
        if endpoint is None:
            return json_answer(404, {"message": "There is nothing at this address."})
        if endpoint.method != request.method:
            return json_answer(
                405, {"message": f"Use {endpoint.method}."}, allow=endpoint.method
            )
        self._note(request, endpoint.operation)
        taken = self.faults.take(endpoint.operation, request.body)
        carried = Request(
            request.method, request.path, request.headers, request.body, taken
        )
        return self.faults.applied(carried, endpoint.handle)

    def operation(self, path: str) -> str:
        """The short name of what is at ``path``, for the log."""
        endpoint = self._endpoints.get(path)
        return endpoint.operation if endpoint else "-"

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
        )
        self.journal.append(entry)


def _welcome(request: Request) -> Answer:
    return text_answer(
        200,
        "This is Querydeck's sandbox: it speaks the Coralogix query API under /api/v1/dataprime/.\n",
    )


def _healthy(request: Request) -> Answer:
    return json_answer(200, {"status": "ok"})
