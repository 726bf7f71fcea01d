"""Parses whole queries: the source and the commands between the pipes."""

from __future__ import annotations

from collections.abc import Callable

from dataprime import tree
from dataprime.errors import (
    DataPrimeError,
    Position,
    UnknownConstructError,
    printable,
)
from dataprime.expressions import ExpressionParser
from dataprime.hints import COMMAND_HINTS, did_you_mean

MAX_COMMANDS = 100
# Commands of the language this core does not implement (Coralogix docs, commands).
_UNSUPPORTED = ("enrich", "explode", "join", "multigroupby", "stitch", "union")
_AGGREGATE_WORDS = ("aggregate", "agg", "calculate", "calc")


class CommandParser(ExpressionParser):
    """Reads one query."""

    def query(self) -> tree.Query:
        """Return the query. Raises DataPrimeError."""
        if self.token.kind == "end":
            raise DataPrimeError("the query is empty", *self.at)
        source = self._source() if self.at_word("source", "from") else None
        commands: list[tree.Command] = []
        if source is None:
            commands.append(self._command())
        while self.accept_op("|"):
            commands.append(self._command())
            if len(commands) > MAX_COMMANDS:
                raise DataPrimeError(
                    f"more than {MAX_COMMANDS} commands", *commands[-1].at
                )
        if self.token.kind != "end":
            raise self.unexpected("'|' before the next command")
        return tree.Query(source, tuple(commands))

    def _command(self) -> tree.Command:
        word = self.expect_kind("ident", "a command such as filter")
        if word.text in ("order", "sort") and self.at_word("by"):
            self.advance()
            return self.order_by(word.at)
        read = _COMMANDS.get(word.text)
        if read is None:
            raise _unknown(word.text, word.at)
        return read(self, word.at)

    def _source(self) -> tree.Source:
        at = self.advance().at
        dataset = self.expect_kind("ident", "a dataset such as logs").text
        while self.at_op("/", "."):
            separator = self.advance().text
            dataset += separator + self.expect_kind("ident", "a dataset").text
        if self.at_op("("):
            raise UnknownConstructError(
                "unknown construct: arguments of a dataset", *self.at
            )
        return tree.Source(at, dataset, self._time_clause())

    def _time_clause(self) -> tree.TimeClause | None:
        if self.accept_word("between"):
            start = self.expression()
            self.expect_word("and", where="between the two times")
            return tree.Between(start, self.expression())
        if self.accept_word("last"):
            return tree.Last(self.expression())
        if self.accept_word("timeshifted"):
            return tree.Shifted(self.expression())
        if self.accept_word("around"):
            middle = self.expression()
            spread = self.expression() if self.accept_word("interval") else None
            return tree.Around(middle, spread)
        return None

    def filter(self, at: Position) -> tree.Command:
        return tree.Filter(at, self.expression(), negated=False)

    def block(self, at: Position) -> tree.Command:
        return tree.Filter(at, self.expression(), negated=True)

    def choose(self, at: Position) -> tree.Command:
        return tree.Choose(at, self._named_list())

    def create(self, at: Position) -> tree.Command:
        target = self.keypath()
        self.expect_word("from", where="before the value")
        value = self.expression()
        policies = {"exists": "overwrite", "missing": "create"}
        while self.accept_word("on"):
            self._policy(policies)
        return tree.Create(at, target, value, policies["exists"], policies["missing"])

    def _policy(self, policies: dict[str, str]) -> None:
        subject = self.expect_word("keypath", "datatype", where="after 'on'").text
        words = ("exists", "missing") if subject == "keypath" else ("change", "changed")
        event = self.expect_word(*words, where=f"after '{subject}'").text
        what = self.expect_kind("ident", "fail, skip, create or overwrite")
        usual = ("overwrite", "skip") if event == "exists" else ("create", "skip")
        allowed = usual if subject == "keypath" else ("overwrite",)
        if what.text not in allowed:
            raise UnknownConstructError(
                f"unknown construct: on {subject} {event} {printable(what.text)}",
                *what.at,
            )
        policies[event] = what.text

    def replace(self, at: Position) -> tree.Command:
        target = self.keypath()
        self.expect_word("with", where="before the value")
        # Assumption: rows without the key stay without it (the docs say "existing").
        return tree.Create(at, target, self.expression(), if_missing="skip")

    def remove(self, at: Position) -> tree.Command:
        targets = [self.keypath()]
        while self.accept_op(","):
            targets.append(self.keypath())
        return tree.Remove(at, tuple(targets))

    def move(self, at: Position) -> tree.Command:
        origin = self.keypath()
        self.expect_word("to", where="before the new keypath")
        return tree.Move(at, origin, self.keypath())

    def convert(self, at: Position) -> tree.Command:
        self.accept_word("datatypes")
        return tree.Convert(at, self._types())

    def _types(self) -> tuple[tuple[tree.Keypath, str], ...]:
        types = [self.typed_keypath()]
        while self.accept_op(","):
            types.append(self.typed_keypath())
        return tuple(types)

    def redact(self, at: Position) -> tree.Command:
        target = self.keypath()
        self.accept_word("matching")
        pattern = self.expression()
        self.expect_word("to", where="before the replacement")
        text = self.expect_kind("string", "a quoted text")
        if isinstance(pattern, tree.RegexLiteral) or (
            isinstance(pattern, tree.Literal) and isinstance(pattern.value, str)
        ):
            return tree.Redact(at, target, pattern, str(text.value))
        raise DataPrimeError("a text or a /pattern/ is needed here", *pattern.at)

    def limit(self, at: Position) -> tree.Command:
        return tree.Limit(at, self._count("a number of rows"))

    def _count(self, what: str) -> int:
        token = self.expect_kind("number", what)
        if not isinstance(token.value, int) or token.value > 2**53:
            raise DataPrimeError(
                f"{printable(token.text)} is not {what}: use a whole number", *token.at
            )
        return token.value

    def order_by(self, at: Position) -> tree.Command:
        keys = [self._sort_key()]
        while self.accept_op(","):
            keys.append(self._sort_key())
        return tree.OrderBy(at, tuple(keys))

    def _sort_key(self) -> tree.SortKey:
        expr = self.expression()
        direction = self.accept_word("asc", "desc")
        return tree.SortKey(expr, direction is not None and direction.text == "desc")

    def count(self, at: Position) -> tree.Command:
        return tree.Count(at, self.keypath() if self.accept_word("into") else None)

    def count_by(self, at: Position) -> tree.Command:
        keys = self._named_list()
        into = self.keypath() if self.accept_word("into") else None
        direction = self.accept_word("asc", "desc")
        return tree.CountBy(at, keys, into, direction.text if direction else None)

    def group_by(self, at: Position) -> tree.Command:
        keys = self._named_list()
        self.accept_word(*_AGGREGATE_WORDS)
        # The keyword may be left out (Coralogix docs, limit, example query).
        ended = self.token.kind == "end" or self.at_op("|")
        return tree.GroupBy(at, keys, () if ended else self._named_list())

    def aggregate(self, at: Position) -> tree.Command:
        return tree.GroupBy(at, (), self._named_list())

    def distinct(self, at: Position) -> tree.Command:
        return tree.GroupBy(at, self._named_list(), ())

    def top(self, at: Position) -> tree.Command:
        return self._ranked(at, descending=True)

    def bottom(self, at: Position) -> tree.Command:
        return self._ranked(at, descending=False)

    def _ranked(self, at: Position, *, descending: bool) -> tree.Command:
        count = self._count("a number of rows")
        items = self._named_list()
        self.expect_word("by", where="before what to rank by")
        return tree.Top(at, count, items, self._named_list(), descending)

    def dedupe(self, at: Position) -> tree.Command:
        keys = [self.expression()]
        while self.accept_op(","):
            keys.append(self.expression())
        self.expect_word("keep", where="before the number of rows")
        return tree.Dedupe(at, tuple(keys), self._count("a number of rows"))

    def find(self, at: Position) -> tree.Command:
        phrase = self._phrase()
        self.expect_word("in", where="before the keypath")
        return tree.Find(at, phrase, self.keypath())

    def wild_find(self, at: Position) -> tree.Command:
        return tree.Find(at, self._phrase(), tree.Keypath(at, "$d", ()))

    def _phrase(self) -> tree.Literal:
        token = self.expect_kind("string", "a quoted text")
        return tree.Literal(token.at, token.value)

    def lucene(self, at: Position) -> tree.Command:
        token = self.expect_kind("string", "a quoted Lucene query")
        inside = Position(token.at.line, token.at.column + 1)
        return tree.LuceneFilter(at, str(token.value), inside)

    def extract(self, at: Position) -> tree.Command:
        value = self.expression()
        self.expect_word("into", where="before the new keypath")
        target = self.keypath()
        self.expect_word("using", where="before the way to extract")
        method = self.expect_kind("ident", "regexp, kv, jsonobject or split")
        options = self._options() if self.accept_op("(") else ()
        types = self._types() if self.accept_word("datatypes") else ()
        return tree.Extract(at, value, target, method.text, options, types)

    def _options(self) -> tuple[tuple[str, tree.Expr], ...]:
        options: list[tuple[str, tree.Expr]] = []
        while not self.accept_op(")"):
            if options:
                self.expect_op(",", "or ')'")
            key = self.expect_kind("ident", "an option").text
            self.expect_op("=", "after the option")
            options.append((key, self.expression()))
        return tuple(options)

    def round_time(self, at: Position) -> tree.Command:
        stamp = tree.Keypath(at, "$m", ("timestamp",))
        value = stamp if self.at_word("to") else self.expression()
        self.expect_word("to", where="before the interval")
        interval = self.expression()
        if self.accept_word("into"):
            return tree.RoundTime(at, value, interval, self.keypath())
        if not isinstance(value, tree.Keypath):
            raise DataPrimeError("'into' and a keypath are needed here", *self.at)
        return tree.RoundTime(at, value, interval, value)

    def _named_list(self) -> tuple[tree.Named, ...]:
        items = [self._named()]
        while self.accept_op(","):
            items.append(self._named())
        return tuple(items)

    def _named(self) -> tree.Named:
        expr = self.expression()
        return tree.Named(expr, self.keypath() if self.accept_word("as") else None)


def _unknown(name: str, at: Position) -> DataPrimeError:
    hint = COMMAND_HINTS.get(name.lower())
    if hint:
        return DataPrimeError(f"unknown command {printable(name)}: {hint}", *at)
    if name in ("source", "from"):
        return DataPrimeError("'source' can only come first", *at)
    if name in _UNSUPPORTED:
        return UnknownConstructError(f"unknown command {printable(name)}", *at)
    guess = did_you_mean(name, list(_COMMANDS))
    return UnknownConstructError(f"unknown command {printable(name)}{guess}", *at)


_Reader = Callable[[CommandParser, Position], tree.Command]
_COMMANDS: dict[str, _Reader] = {
    **dict.fromkeys(("filter", "f", "where"), CommandParser.filter),
    "block": CommandParser.block,
    **dict.fromkeys(("choose", "select"), CommandParser.choose),
    **dict.fromkeys(("create", "add", "c", "a"), CommandParser.create),
    "replace": CommandParser.replace,
    **dict.fromkeys(("remove", "r"), CommandParser.remove),
    **dict.fromkeys(("move", "m"), CommandParser.move),
    **dict.fromkeys(("convert", "conv"), CommandParser.convert),
    "redact": CommandParser.redact,
    "limit": CommandParser.limit,
    **dict.fromkeys(("orderby", "sortby"), CommandParser.order_by),
    "count": CommandParser.count,
    "countby": CommandParser.count_by,
    "groupby": CommandParser.group_by,
    "aggregate": CommandParser.aggregate,
    "distinct": CommandParser.distinct,
    "top": CommandParser.top,
    "bottom": CommandParser.bottom,
    "dedupeby": CommandParser.dedupe,
    **dict.fromkeys(("find", "text"), CommandParser.find),
    **dict.fromkeys(("wildfind", "wildtext"), CommandParser.wild_find),
    "lucene": CommandParser.lucene,
    **dict.fromkeys(("extract", "e"), CommandParser.extract),
    "roundtime": CommandParser.round_time,
}


def parse(text: str) -> tree.Query:
    """Parse one DataPrime query. Raises DataPrimeError with line and column."""
    return CommandParser(text).query()
