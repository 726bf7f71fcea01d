"""One visit to the shop and the lines it leaves behind, in the three forms real services use."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from random import Random
from typing import Any, TypeVar

import msgspec

from sandbox.shop.calendar import Incident
from sandbox.shop.catalog import CUSTOMERS, PODS, USER_AGENTS, Pod, template_id
from sandbox.table import LogLine, uuid_text

DEBUG, VERBOSE, INFO, WARNING, ERROR, CRITICAL = range(1, 7)
_WORDS = ("", "DEBUG", "TRACE", "INFO", "WARN", "ERROR", "FATAL")
# OpenTelemetry, logs data model: the lowest number of each severity range.
_OTEL_NUMBERS = (0, 5, 1, 9, 13, 17, 21)

# Recorded Coralogix rows have the keys of the user data in alphabetical order.
_encode = msgspec.json.Encoder(order="sorted").encode
_NO_DIGITS = str.maketrans("", "", "0123456789.")
_T = TypeVar("_T")


class Visit:
    """A customer's request on its way through the services; its lines share a trace id and move on in time."""

    def __init__(self, rng: Random, ns: int, incident: Incident | None) -> None:
        self.rng = rng
        self.ns = ns
        self.incident = incident
        self.lines: list[LogLine] = []
        self.trace = f"{rng.getrandbits(128):032x}"
        self.customer = self.pick(CUSTOMERS)
        self.agent = self.pick(USER_AGENTS)

    def pick(self, items: tuple[_T, ...]) -> _T:
        """One of ``items``; the first half comes up three times as often as the second."""
        share = len(items) / (1 if self.chance(0.5) else 2)
        return items[int(self.rng.random() * share)]

    def chance(self, share: float) -> bool:
        """True in about ``share`` of all cases."""
        return self.rng.random() < share

    def wait(self, milliseconds: float) -> float:
        """Let about that many milliseconds pass (now and then many more); says how many it was."""
        taken = round(milliseconds * self.rng.lognormvariate(0.0, 0.5), 2)
        self.ns += int(taken * 1_000_000)
        return taken

    def log(self, service: str, severity: int, message: str, **data: Any) -> None:
        """A JSON line as a container writes it and a log shipper enriches it."""
        pod = self._pod(service)
        data |= {
            "kubernetes": pod.kubernetes,
            "level": _WORDS[severity],
            "message": message,
            "stream": "stderr" if severity >= ERROR else "stdout",
            "time": self.clock(),
            "traceId": self.trace,
        }
        self._add(pod, severity, message, _encode(data).decode())

    def record(self, service: str, severity: int, body: str, **attributes: Any) -> None:
        """An OpenTelemetry log record."""
        pod = self._pod(service)
        data = {
            "logRecord": {
                "attributes": attributes,
                "body": body,
                "severityNumber": _OTEL_NUMBERS[severity],
                "severityText": _WORDS[severity],
                "spanId": f"{self.rng.getrandbits(64):016x}",
                "traceId": self.trace,
            },
            "resource": pod.resource,
            "scope": {"name": f"shop.{service}"},
        }
        self._add(pod, severity, body, _encode(data).decode())

    def text(self, service: str, severity: int, text: str) -> None:
        """A plain line, not JSON at all."""
        self._add(self._pod(service), severity, service, _encode(text).decode())

    def clock(self) -> datetime:
        """The visit's present moment, in UTC."""
        return datetime.fromtimestamp(self.ns / 1e9, UTC)

    def _pod(self, service: str) -> Pod:
        pods = PODS[service]
        return pods[int(self.rng.random() * len(pods))]

    def _add(self, pod: Pod, severity: int, template: str, user_data: str) -> None:
        logid = uuid_text(self.rng.getrandbits(128))
        line = LogLine(
            self.ns, severity, pod.source, _template(_words(template)), logid, user_data
        )
        self.lines.append(line)


def _words(message: str) -> str:
    """What a message has in common with its like, as the upstream's clustering would see it."""
    return message.partition(" ")[0] + message[-12:].translate(_NO_DIGITS)


@lru_cache(maxsize=1_000)
def _template(words: str) -> str:
    return template_id(words)
