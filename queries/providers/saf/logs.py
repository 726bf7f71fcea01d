"""The log of a task: objects, texts or plain lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from queries.providers.base import LogLine
from queries.providers.errors import UnexpectedResponseError, clean_text
from queries.providers.saf.scalars import first_of, moment_of

MOST_LINES = 10_000
MOST_CHARACTERS = 2_000
_LISTS = ("logs", "log", "lines", "entries", "messages", "data")
_TEXTS = ("message", "text", "msg", "line")
_TIMES = ("timestamp", "@timestamp", "time", "at", "date")


def lines_in(answer: object) -> list[LogLine]:
    """Read a log, oldest line first: the last lines of a very long one. Raises UnexpectedResponseError if it is none."""
    if isinstance(answer, dict):
        answer = first_of(answer, _LISTS)
        answer = answer.splitlines() if isinstance(answer, str) else answer
    if not isinstance(answer, list):
        raise UnexpectedResponseError("The answer is not a log.")
    # Assumption: lines come oldest first; they are left in the order they came in.
    return list(_lines(answer[-MOST_LINES:]))


def _lines(items: list[Any]) -> Iterator[LogLine]:
    for item in items:
        if isinstance(item, dict):
            text, level = first_of(item, _TEXTS), first_of(item, ("level", "severity"))
            shown = clean_text(
                str(text if text is not None else item), limit=MOST_CHARACTERS
            )
            yield LogLine(
                shown,
                clean_text(str(level or ""), limit=40),
                moment_of(first_of(item, _TIMES)),
            )
        elif item is not None and str(item).strip():
            yield LogLine(clean_text(str(item), limit=MOST_CHARACTERS))
