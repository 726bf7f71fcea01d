"""Parses Lucene query text into a small tree."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dataprime.errors import (
    DataPrimeError,
    Position,
    UnknownConstructError,
    printable,
)

MAX_DEPTH = 50
MAX_CLAUSES = 1_000
_TOKEN = re.compile(
    r"""
    (?P<space>  \s+ )
  | (?P<phrase> "(?:[^"\\]|\\.)*" )
  | (?P<regex>  /(?:[^/\\]|\\.)+/ )
  | (?P<op>     && | \|\| | [()\[\]{}:!+] | -(?=\S) | [<>]=? )
  | (?P<word>   (?:[^\s"()\[\]{}:\\<>/] | \\. | (?<!\s)[<>/] | /(?=\S*))+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class Node:
    """A part of a Lucene query."""

    at: Position


@dataclass(frozen=True)
class Group(Node):
    """Clauses joined by AND or OR."""

    op: str
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Not(Node):
    part: Node


@dataclass(frozen=True)
class Term(Node):
    """A word (with wildcards unless `quoted`) in a field, or anywhere (no field)."""

    field: str | None
    text: str
    quoted: bool = False


@dataclass(frozen=True)
class Regex(Node):
    field: str
    pattern: str


@dataclass(frozen=True)
class RangeTerm(Node):
    """`field:[low TO high]`, `field:>x`; None for an open end."""

    field: str
    low: str | None
    high: str | None
    includes_low: bool
    includes_high: bool


@dataclass(frozen=True)
class Exists(Node):
    field: str


@dataclass(frozen=True)
class All(Node):
    """`*` or an empty query."""


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: Position


def parse_lucene(text: str, at: Position) -> Node:
    """Return the tree of a Lucene query. Raises DataPrimeError with line and column."""
    return _Parser(_tokens(text, at), at).query()


def _tokens(text: str, start: Position) -> list[_Token]:
    tokens: list[_Token] = []
    offset = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        at = _place(text, offset, start)
        if match is None or match.lastgroup is None:
            what = (
                "unterminated phrase" if text[offset] == '"' else "unexpected character"
            )
            raise DataPrimeError(
                f"{what} {printable(text[offset])} in the Lucene query", *at
            )
        if match.lastgroup != "space":
            tokens.append(_Token(match.lastgroup, match[0], at))
        offset = match.end()
    tokens.append(_Token("end", "", _place(text, len(text), start)))
    return tokens


def _place(text: str, offset: int, start: Position) -> Position:
    before = text[:offset]
    line = before.count("\n")
    if line == 0:
        return Position(start.line, start.column + offset)
    return Position(start.line + line, offset - before.rindex("\n"))


def _plain(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)


class _Parser:
    def __init__(self, tokens: list[_Token], at: Position) -> None:
        self.tokens = tokens
        self.at = at
        self.place = 0
        self.depth = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.token
        self.place += token.kind != "end"
        return token

    def accept(self, *texts: str) -> bool:
        if self.token.kind in ("op", "word") and self.token.text in texts:
            self.place += 1
            return True
        return False

    def unexpected(self) -> DataPrimeError:
        if self.token.kind == "end":
            return DataPrimeError("the Lucene query ends too early", *self.token.at)
        return DataPrimeError(
            f"unexpected {printable(self.token.text)} in the Lucene query",
            *self.token.at,
        )

    def query(self) -> Node:
        if self.token.kind == "end":
            return All(self.at)
        node = self.disjunction(None)
        if self.token.kind != "end":
            raise self.unexpected()
        return node

    def disjunction(self, field: str | None) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise DataPrimeError("the Lucene query is nested too deep", *self.token.at)
        at = self.token.at
        parts = [self.conjunction(field)]
        while self.accept("OR", "||"):
            parts.append(self.conjunction(field))
        self.depth -= 1
        return parts[0] if len(parts) == 1 else Group(at, "OR", tuple(parts))

    def conjunction(self, field: str | None) -> Node:
        # Assumption: words side by side must all match, as if AND stood between them.
        at = self.token.at
        parts = [self.clause(field)]
        while self.accept("AND", "&&") or not self.at_end():
            parts.append(self.clause(field))
            if len(parts) > MAX_CLAUSES:
                raise DataPrimeError(
                    f"more than {MAX_CLAUSES} clauses in the Lucene query", *at
                )
        return parts[0] if len(parts) == 1 else Group(at, "AND", tuple(parts))

    def at_end(self) -> bool:
        return self.token.kind == "end" or self.token.text in ("OR", "||", ")")

    def clause(self, field: str | None) -> Node:
        at = self.token.at
        negations = 0
        while self.accept("NOT", "!", "-"):
            negations += 1
        self.accept("+")
        node = self.atom(field)
        return Not(at, node) if negations % 2 else node

    def atom(self, field: str | None) -> Node:
        if self.accept("("):
            inner = self.disjunction(field)
            if not self.accept(")"):
                raise self.unexpected()
            return inner
        token = self.token
        named = token.kind == "word" and self.tokens[self.place + 1].text == ":"
        if named and field is None:
            self.place += 2
            return self.value(token.text, token.at)
        return self.value(field, token.at)

    def value(self, field: str | None, at: Position) -> Node:
        if self.token.kind in ("phrase", "word"):
            return self.term(field, at)
        if self.token.kind == "regex":
            pattern = self.take().text[1:-1]
            return Regex(at, self.need(field, at), pattern)
        if self.token.text in ("[", "{"):
            return self.bounds(self.need(field, at), at)
        if self.token.text in (">", ">=", "<", "<="):
            return self.compared(self.need(field, at), at)
        if self.accept("("):
            inner = self.disjunction(field)
            if self.accept(")"):
                return inner
        raise self.unexpected()

    def need(self, field: str | None, at: Position) -> str:
        if field is None:
            raise DataPrimeError("a range or pattern needs a field: field:…", *at)
        return field

    def term(self, field: str | None, at: Position) -> Node:
        token = self.take()
        if token.kind == "phrase":
            self.no_modifier()
            text = _plain(token.text[1:-1])
            return (
                Exists(at, text)
                if field == "_exists_"
                else Term(at, field, text, quoted=True)
            )
        if re.search(r"(?<!\\)[~^]", token.text):
            raise UnknownConstructError(
                "unknown Lucene construct: fuzzy search or boost", *token.at
            )
        if field == "_exists_":
            return Exists(at, token.text)
        if token.text == "*":
            return Exists(at, field) if field else All(at)
        return Term(at, field, token.text)

    def no_modifier(self) -> None:
        if self.token.kind == "word" and self.token.text[0] in "~^":
            raise UnknownConstructError(
                "unknown Lucene construct: proximity search or boost", *self.token.at
            )

    def bounds(self, field: str, at: Position) -> Node:
        with_low = self.take().text == "["
        low = self.edge()
        if not self.accept("TO"):
            raise self.unexpected()
        high = self.edge()
        closing = self.take()
        if closing.text not in ("]", "}"):
            raise DataPrimeError("a range ends with ] or }", *closing.at)
        return RangeTerm(
            at,
            field,
            low,
            high,
            includes_low=with_low,
            includes_high=closing.text == "]",
        )

    def edge(self) -> str | None:
        minus = "-" if self.accept("-") else ""
        token = self.take()
        if token.kind == "phrase":
            return _plain(token.text[1:-1])
        if token.kind != "word":
            self.place -= token.kind != "end"
            raise self.unexpected()
        text = token.text
        while self.accept(":"):
            # A time without quotes: 2024-01-31T10:00:00
            text += ":" + (self.take().text if self.token.kind == "word" else "")
        return None if text == "*" else minus + _plain(text)

    def compared(self, field: str, at: Position) -> Node:
        op = self.take().text
        edge = self.edge()
        if op[0] == ">":
            return RangeTerm(
                at, field, edge, None, includes_low=op == ">=", includes_high=True
            )
        return RangeTerm(
            at, field, None, edge, includes_low=True, includes_high=op == "<="
        )
