"""The log of a task: objects, texts or plain lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from queries.providers.base import LogLine
from queries.providers.errors import UnexpectedResponseError, clean_text
from queries.providers.saf.scalars import first_present, parse_timestamp

MAX_LINES = 10_000
MAX_LINE_CHARACTERS = 2_000
_LISTS = ("logs", "log", "lines", "entries", "messages", "data")
_TEXTS = ("message", "text", "msg", "line")
_TIMES = ("timestamp", "@timestamp", "time", "at", "date")


def parse_log_lines(answer: object) -> list[LogLine]:
    """Read a log, oldest line first: the last lines of a very long one. Raises UnexpectedResponseError if it is none."""
    if isinstance(answer, dict):
        answer = first_present(answer, _LISTS)
        answer = answer.splitlines() if isinstance(answer, str) else answer
    if not isinstance(answer, list):
        raise UnexpectedResponseError("The answer is not a log.")
    # Assumption: lines come oldest first; they are left in the order they came in.
    return list(_lines(answer[-MAX_LINES:]))


def _lines(items: list[Any]) -> Iterator[LogLine]:
    for item in items:
        if isinstance(item, dict):
            text, level = (
                first_present(item, _TEXTS),
                first_present(item, ("level", "severity")),
            )
            shown = clean_text(
                str(text if text is not None else item), limit=MAX_LINE_CHARACTERS
            )
            yield LogLine(
                shown,
                clean_text(str(level or ""), limit=40),
                parse_timestamp(first_present(item, _TIMES)),
            )
        elif item is not None and str(item).strip():
            yield LogLine(clean_text(str(item), limit=MAX_LINE_CHARACTERS))
