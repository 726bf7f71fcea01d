"""SAFL's core read: source, search, fields, sort, head, aggs, timeaggs. Anything else is refused, with its place."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.saf.date_math import DateMathError, validate_date_math
from sandbox.saf.tokens import Kind, SaflError, Token, tokenize
from sandbox.saf.tree import (
    FUNCTIONS,
    Aggs,
    BooleanGroup,
    Command,
    Compare,
    Condition,
    Fields,
    Function,
    Head,
    Negation,
    Query,
    Search,
    Sort,
    Source,
    Term,
    TimeAggs,
)

MAX_DEPTH = 40
MAX_ROWS = 1_000_000
# `source shop-* sandbox_seconds=60` is a query that takes its time; no server knows the option.
SECONDS_OPTION, MAX_SECONDS = "sandbox_seconds", 3_600
_NUMBER = re.compile(r"[0-9]{1,9}")
_SPAN = re.compile(r"(\d{1,6})(s|m|h|d|w)", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_KNOWN = "the sandbox does not know the command [{name}]; it knows {all}"


def parse(text: str) -> Query:
    """Read a query. Raises ``SaflError``."""
    return _Parser(text).query()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._at = 0
        self._depth = 0
        self._commands: dict[str, Callable[[], Command]] = {
            "search": self._search,
            "fields": self._fields,
            "sort": self._sort,
            "head": self._head,
            "aggs": self._aggs,
            "timeaggs": self._timeaggs,
        }

    def query(self) -> Query:
        first = self._take()
        if not first.is_word("source"):
            raise self._error(
                f"a query begins with [source], not with {first.label}", first
            )
        source = self._source(first)
        commands = []
        while self._next.kind is Kind.PIPE:
            self._take()
            commands.append(self._command())
        if self._next.kind is not Kind.END:
            raise self._error(f"unexpected {self._next.label}", self._next)
        return Query(source, tuple(commands))

    def _command(self) -> Command:
        name = self._take()
        read = self._commands.get(name.text.lower()) if name.kind is Kind.WORD else None
        if read is None:
            known = ", ".join(("source", *self._commands))
            raise self._error(_KNOWN.format(name=name.text, all=known), name)
        return read()

    def _source(self, first: Token) -> Source:
        patterns = [self._name("the name of an index")]
        while self._next.kind is Kind.COMMA or self._is_name_alone():
            if self._next.kind is Kind.COMMA:
                self._take()
            patterns.append(self._name("the name of an index"))
        options = self._options("qsize", "earliest", "latest", SECONDS_OPTION)
        size = self._number(options["qsize"], 0) if "qsize" in options else None
        seconds = (
            self._number(options[SECONDS_OPTION], 0) if SECONDS_OPTION in options else 0
        )
        dates = {
            name: self._date(options[name]) if name in options else ""
            for name in ("earliest", "latest")
        }
        return Source(
            tuple(patterns),
            size,
            dates["earliest"],
            dates["latest"],
            first.place,
            min(seconds, MAX_SECONDS),
        )

    def _is_name_alone(self) -> bool:
        after = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        return self._next.kind is Kind.WORD and after.kind is not Kind.OPERATOR

    def _search(self) -> Search:
        return Search(self._either())

    def _either(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error("the condition is nested too deeply", self._next)
        parts = [self._all()]
        while self._next.is_word("or"):
            self._take()
            parts.append(self._all())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else BooleanGroup("OR", tuple(parts))

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._next.kind in {
            Kind.WORD,
            Kind.STRING,
            Kind.OPEN,
        } and not self._next.is_word("or"):
            if self._next.is_word("and"):
                self._take()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else BooleanGroup("AND", tuple(parts))

    def _one(self) -> Condition:
        token = self._take()
        if token.is_word("not"):
            return self._negated(token)
        if token.kind is Kind.OPEN:
            inner = self._either()
            self._expect(Kind.CLOSE)
            return inner
        if token.kind not in {Kind.WORD, Kind.STRING} or token.is_word("and", "or"):
            raise self._error(f"expected a condition, found {token.label}", token)
        if self._next.kind is not Kind.OPERATOR:
            return Term(token.text)
        operator = self._take()
        return Compare(token.text, operator.text, self._name("a value"))

    def _negated(self, token: Token) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error("the condition is nested too deeply", token)
        found = Negation(self._one())
        self._depth -= 1
        return found

    def _fields(self) -> Fields:
        leave_out = self._next.kind is Kind.WORD and self._next.text == "-"
        if leave_out or (self._next.kind is Kind.WORD and self._next.text == "+"):
            self._take()
        return Fields(tuple(self._names()), leave_out)

    def _sort(self) -> Sort:
        keys = [self._sort_key()]
        while self._next.kind in {Kind.COMMA, Kind.WORD, Kind.STRING}:
            if self._next.kind is Kind.COMMA:
                self._take()
            keys.append(self._sort_key())
        return Sort(tuple(keys))

    def _sort_key(self) -> tuple[str, bool]:
        name = self._name("the name of a field")
        if name in {"-", "+"}:
            return self._name("the name of a field"), name == "-"
        sign, name = (name[0], name[1:]) if name[0] in "+-" else ("", name)
        if self._next.is_word("asc", "desc"):
            return name, self._take().text.lower() == "desc"
        return name, sign == "-"

    def _head(self) -> Head:
        if self._next.kind is not Kind.WORD:
            return Head(10)
        return Head(self._number(self._take(), 1))

    def _aggs(self) -> Aggs:
        functions = self._functions()
        return Aggs(functions, tuple(self._names()) if self._took("by") else ())

    def _timeaggs(self) -> TimeAggs:
        options = self._options("span", "timefield", "limit", "useother", "composite")
        span = self._span(options["span"]) if "span" in options else 0
        limit = self._number(options["limit"], 0) if "limit" in options else 10
        other = (
            options["useother"].text.lower() not in {"false", "f", "0"}
            if "useother" in options
            else True
        )
        field = options["timefield"].text if "timefield" in options else "@timestamp"
        functions = self._functions()
        by = self._name("the name of a field") if self._took("by") else ""
        return TimeAggs(functions, span, field, limit, other, by)

    def _functions(self) -> tuple[Function, ...]:
        found = [self._function()]
        while self._next.kind is Kind.COMMA:
            self._take()
            found.append(self._function())
        return tuple(found)

    def _function(self) -> Function:
        token = self._take()
        name = token.text.lower()
        if token.kind is not Kind.WORD or name not in FUNCTIONS:
            raise self._error(
                f"the sandbox does not know the function {token.label}; it knows {', '.join(FUNCTIONS)}",
                token,
            )
        field = ""
        if self._next.kind is Kind.OPEN:
            self._take()
            field = self._field_in_brackets()
        if not field and name != "count":
            raise self._error(f"[{name}] needs a field", token)
        label = f"{name}({field})" if field else name
        return Function(
            name, field, self._name("a name") if self._took("as") else label
        )

    def _field_in_brackets(self) -> str:
        token = self._take()
        if token.kind is Kind.CLOSE:
            return ""
        if token.kind not in {Kind.WORD, Kind.STRING}:
            raise self._error(
                f"expected the name of a field, found {token.label}", token
            )
        self._expect(Kind.CLOSE)
        return token.text

    def _options(self, *known: str) -> dict[str, Token]:
        found: dict[str, Token] = {}
        while self._next.kind is Kind.WORD and self._tokens[self._at + 1].text == "=":
            name = self._take()
            if name.text.lower() not in known:
                raise self._error(
                    f"the sandbox does not know the parameter {name.label}", name
                )
            self._take()
            found[name.text.lower()] = self._value("a value")
        return found

    def _names(self) -> list[str]:
        names = [self._name("the name of a field")]
        while self._next.kind in {Kind.COMMA, Kind.WORD, Kind.STRING}:
            if self._next.kind is Kind.COMMA:
                self._take()
            names.append(self._name("the name of a field"))
        return names

    def _name(self, what: str) -> str:
        return self._value(what).text

    def _value(self, what: str) -> Token:
        token = self._take()
        if token.kind not in {Kind.WORD, Kind.STRING} or not token.text:
            raise self._error(f"expected {what}, found {token.label}", token)
        return token

    def _number(self, token: Token, least: int) -> int:
        number = int(token.text) if _NUMBER.fullmatch(token.text) else -1
        if not least <= number <= MAX_ROWS:
            raise self._error(
                f"expected a number from {least} to {MAX_ROWS}, found {token.label}",
                token,
            )
        return number

    def _span(self, token: Token) -> int:
        match = _SPAN.fullmatch(token.text)
        if match is None or not int(match[1]):
            raise self._error(
                f"expected a span such as 5m or 1h, found {token.label}", token
            )
        return int(match[1]) * _SECONDS[match[2].lower()]

    def _date(self, token: Token) -> str:
        try:
            return validate_date_math(token.text)
        except DateMathError as error:
            raise self._error(str(error), token) from error

    def _took(self, word: str) -> bool:
        if self._next.is_word(word):
            self._take()
            return True
        return False

    def _expect(self, kind: Kind) -> None:
        token = self._take()
        if token.kind is not kind:
            raise self._error(f"expected [{kind.value}], found {token.label}", token)

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _error(self, message: str, token: Token) -> SaflError:
        return SaflError(message, self._text, token.place)
