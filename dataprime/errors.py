"""What the language says when a query is wrong: one error tree, each with a place.

DataPrimeError
└── UnknownConstructError      well-formed DataPrime that this core does not implement
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Position(NamedTuple):
    """A place in the query text, both parts counted from 1."""

    line: int
    column: int


class DataPrimeError(Exception):
    """The query is wrong. `message` is safe to show; `str()` adds the place."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message, line, column)
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        return with_position(self.message, self.line, self.column)


class UnknownConstructError(DataPrimeError):
    """The query may be right, but uses a construct this core does not implement."""


@dataclass(frozen=True)
class CompileWarning:
    """Something suspicious that does not stop the query."""

    message: str
    line: int
    column: int

    def __str__(self) -> str:
        return with_position(self.message, self.line, self.column)


def with_position(message: str, line: int, column: int) -> str:
    """Return the message as Coralogix words it: `… in line 1 at column 21`."""
    return f"{message} in line {line} at column {column}"


def printable(text: str, limit: int = 60) -> str:
    """Return user text fit for a message: quoted, printable, short."""
    short = text if len(text) <= limit else f"{text[:limit]}…"
    return "'" + "".join(c if c.isprintable() else "·" for c in short) + "'"
