"""SAFL text in pieces, each with its place; and the error that names one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class SaflError(Exception):
    """A query this sandbox cannot read; ``place`` is an offset into its text."""

    def __init__(self, message: str, text: str, place: int) -> None:
        line = text.count("\n", 0, place) + 1
        column = place - (text.rfind("\n", 0, place) + 1) + 1
        super().__init__(f"line {line}:{column} {message}")
        self.line, self.column = line, column


class Kind(Enum):
    """What a piece is."""

    WORD = "word"
    STRING = "string"
    OPERATOR = "operator"
    PIPE = "|"
    COMMA = ","
    OPEN = "("
    CLOSE = ")"
    END = "the end of the query"


@dataclass(frozen=True)
class Token:
    """One piece; ``text`` of a string is without its quotes."""

    kind: Kind
    text: str
    place: int

    @property
    def label(self) -> str:
        """The piece as an error names it."""
        return self.kind.value if self.kind is Kind.END else f"[{self.text}]"

    def is_word(self, *words: str) -> bool:
        """Return whether it is one of these reserved words; quotes take that meaning away."""
        return self.kind is Kind.WORD and self.text.lower() in words


# A date of date math holds two bars of its own: 2022-05-18||/M.
_PATTERN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>"(?:[^"\\]|\\.)*")
    |(?P<dated>\d{4}[\d:.TZ+-]*\|\|[^\s|,()]*)
    |(?P<pipe>\|)|(?P<comma>,)|(?P<open>\()|(?P<close>\))
    |(?P<operator>!=|<=|>=|=|<|>)
    |(?P<word>[^\s"|,()=<>!\[\]]+)""",
    re.VERBOSE,
)
_KINDS = {
    "string": Kind.STRING,
    "dated": Kind.WORD,
    "pipe": Kind.PIPE,
    "comma": Kind.COMMA,
    "open": Kind.OPEN,
    "close": Kind.CLOSE,
    "operator": Kind.OPERATOR,
    "word": Kind.WORD,
}
_SUBSEARCH = "the sandbox does not know subsearches"


def tokenize(text: str) -> list[Token]:
    """Cut a query into pieces, the last of them the end. Raises ``SaflError``."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _PATTERN.match(text, place)
        if match is None:
            raise SaflError(_odd(text[place]), text, place)
        name = match.lastgroup or ""
        if name != "space":
            found.append(Token(_KINDS[name], _text(match.group(), name), place))
        place = match.end()
    return [*found, Token(Kind.END, "", len(text))]


def _text(piece: str, name: str) -> str:
    return (
        re.sub(r"\\(.)", r"\1", piece[1:-1], flags=re.DOTALL)
        if name == "string"
        else piece
    )


def _odd(character: str) -> str:
    if character == '"':
        return "a string is not closed"
    if character in "[]":
        return _SUBSEARCH
    return f"unexpected character [{character}]"
