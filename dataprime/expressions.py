"""Parses expressions: precedence climbing over the tokens."""

from __future__ import annotations

from collections.abc import Callable

from dataprime import tree
from dataprime.cursor import Cursor
from dataprime.errors import (
    DataPrimeError,
    Position,
    UnknownConstructError,
    printable,
)
from dataprime.times import parse_timestamp_nanos

SEVERITIES = ("DEBUG", "VERBOSE", "INFO", "WARNING", "ERROR", "CRITICAL")
MAX_HEIGHT = 60
MAX_OPERANDS = 1_000
MAX_KEYS = 100
_ROOTS = {
    "$d": "$d",
    "$data": "$d",
    "$m": "$m",
    "$metadata": "$m",
    "$l": "$l",
    "$labels": "$l",
    "$p": "$p",
    "$params": "$p",
}
_PRECEDENCE = {
    "||": 1,
    "&&": 2,
    "==": 3,
    "!=": 3,
    "~": 3,
    "~~": 3,
    "in": 3,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "%": 6,
}
_CASES = ("case", "case_equals", "case_contains", "case_greaterthan", "case_lessthan")
_CONSTANTS = {"true": True, "false": False, "null": None}
OPERAND = "a value, a keypath or a function"


class ExpressionParser(Cursor):
    """Reads expressions; the command parser builds on it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def expression(self, level: int = 1) -> tree.Expr:
        """Return the next expression. Raises DataPrimeError."""
        self._depth += 1
        self._check_height(self._depth, self.at)
        left = self._unary()
        while (power := self._power()) >= level:
            left = self._binary(left, power)
            self._check_height(left.height, left.at)
        self._depth -= 1
        return left

    def keypath(self) -> tree.Keypath:
        """Return the next keypath. Raises DataPrimeError when it is anything else."""
        at = self.at
        found = self._unary()
        if isinstance(found, tree.SeverityLiteral):
            return tree.Keypath(at, "$d", (SEVERITIES[found.rank - 1],), bare=True)
        if not isinstance(found, tree.Keypath):
            raise DataPrimeError("a keypath such as $d.key is needed here", *at)
        return found

    def typed_keypath(self) -> tuple[tree.Keypath, str]:
        """Return the next `keypath:type`. Raises DataPrimeError."""
        at = self.at
        found = self._unary()
        if isinstance(found, tree.Cast) and isinstance(found.operand, tree.Keypath):
            return found.operand, found.target
        raise DataPrimeError("a keypath with a type, key:number, is needed here", *at)

    def _check_height(self, height: int, at: Position) -> None:
        if height > MAX_HEIGHT:
            raise DataPrimeError(
                f"the expression is nested more than {MAX_HEIGHT} levels deep", *at
            )

    def _power(self) -> int:
        usable = self.token.kind == "op" or self.at_word("in")
        return _PRECEDENCE.get(self.token.text, 0) if usable else 0

    def _binary(self, left: tree.Expr, power: int) -> tree.Expr:
        op = self.advance()
        if op.text == "in":
            return self._membership(left, op.at)
        right = self.expression(power + 1)
        if op.text not in ("&&", "||"):
            return tree.Binary(op.at, op.text, left, right)
        operands: tuple[tree.Expr, ...] = (left,)
        if isinstance(left, tree.Logical) and left.op == op.text:
            operands = left.operands
        if len(operands) >= MAX_OPERANDS:
            raise DataPrimeError(
                f"more than {MAX_OPERANDS} conditions in a row", *op.at
            )
        return tree.Logical(left.at, op.text, (*operands, right))

    def _membership(self, needle: tree.Expr, at: Position) -> tree.Expr:
        found = self.expression(4)
        if isinstance(found, tree.ArrayLiteral):
            return tree.Membership(at, needle, found.items)
        return tree.Membership(at, needle, (), found)

    def _unary(self) -> tree.Expr:
        op = self.accept_op("!", "-")
        if op is None:
            return self._postfix(self._primary())
        self._depth += 1
        self._check_height(self._depth, op.at)
        operand = self._unary()
        self._depth -= 1
        return tree.Unary(op.at, op.text, operand)

    def _postfix(self, value: tree.Expr) -> tree.Expr:
        while True:
            if self.accept_op("."):
                value = self._member(value)
            elif self.at_op("["):
                value = self._index(value)
            elif self.accept_op(":"):
                target = self.expect_kind("ident", "a type such as number")
                value = tree.Cast(value.at, value, target.text)
            else:
                return value
            self._check_height(value.height, value.at)

    def _member(self, value: tree.Expr) -> tree.Expr:
        name = self.expect_kind("ident", "a key or a method")
        if self.at_op("("):
            return self._call(name.text, value.at, (value,))
        return _part(value, name.text)

    def _index(self, value: tree.Expr) -> tree.Expr:
        self.advance()
        key = self.advance()
        if key.kind != "string" and not (
            key.kind == "number" and isinstance(key.value, int)
        ):
            raise DataPrimeError(
                "between [ and ] a quoted key or a whole number is needed", *key.at
            )
        part = _part(value, str(key.value))
        self.expect_op("]", "after the key")
        return part

    def _primary(self) -> tree.Expr:
        read = _PRIMARIES.get(self.token.kind)
        if read is None:
            raise self.unexpected(OPERAND)
        return read(self)

    def read_literal(self) -> tree.Expr:
        """Return the string or number under the cursor."""
        token = self.advance()
        return tree.Literal(token.at, token.value)

    def read_interval(self) -> tree.Expr:
        """Return the interval under the cursor."""
        token = self.advance()
        return tree.IntervalLiteral(token.at, int(token.value or 0))

    def read_regex(self) -> tree.Expr:
        """Return the regular expression under the cursor."""
        token = self.advance()
        return tree.RegexLiteral(token.at, str(token.value))

    def read_root(self) -> tree.Expr:
        """Return the `$d`, `$m`, … under the cursor."""
        token = self.advance()
        if token.text not in _ROOTS:
            raise DataPrimeError(
                f"unknown root {printable(token.text)}: use $d, $m, $l or $p", *token.at
            )
        return tree.Keypath(token.at, _ROOTS[token.text], ())

    def read_symbol(self) -> tree.Expr:
        """Return the bracketed expression, array or timestamp under the cursor."""
        if self.accept_op("("):
            inner = self.expression()
            self.expect_op(")", "to close the bracket")
            return inner
        if self.at_op("["):
            at = self.advance().at
            return tree.ArrayLiteral(at, self._list("]"))
        if self.at_op("@"):
            return self._timestamp()
        raise self.unexpected(OPERAND)

    def read_word(self) -> tree.Expr:
        """Return the constant, call, case or bare keypath under the cursor."""
        word = self.advance()
        if self.at_op("("):
            return self._call(word.text, word.at, ())
        if word.text in _CASES and self.at_op("{"):
            return self._case(word.text, word.at)
        if word.text in _CONSTANTS:
            return tree.Literal(word.at, _CONSTANTS[word.text])
        if word.text in SEVERITIES and not self.at_op(".", "["):
            return tree.SeverityLiteral(word.at, SEVERITIES.index(word.text) + 1)
        return tree.Keypath(word.at, "$d", (word.text,), bare=True)

    def _timestamp(self) -> tree.Expr:
        at = self.advance().at
        bracket = self.accept_op("(")
        text = self.expect_kind("string", "a quoted time such as @'2024-01-31'")
        if bracket:
            self.expect_op(")", "to close the bracket")
        if text.value == "now":
            return tree.TimestampLiteral(at, None)
        nanos = parse_timestamp_nanos(str(text.value))
        if nanos is None:
            raise DataPrimeError(
                f"{printable(str(text.value))} is not a time: write it as in "
                "@'2024-01-31T13:45:00Z' or @'now'",
                *text.at,
            )
        return tree.TimestampLiteral(at, nanos)

    def _list(self, closing: str) -> tuple[tree.Expr, ...]:
        items: list[tree.Expr] = []
        while not self.accept_op(closing):
            if items:
                self.expect_op(",", f"or '{closing}'")
            items.append(self.expression())
        return tuple(items)

    def _call(
        self, name: str, at: Position, subject: tuple[tree.Expr, ...]
    ) -> tree.Expr:
        self.advance()
        args, named = list(subject), list[tuple[str, tree.Expr]]()
        while not self.accept_op(")"):
            if len(args) + len(named) > len(subject):
                self.expect_op(",", "or ')'")
            if self.token.kind == "ident" and self.ahead().text == "=":
                key = self.advance().text
                self.advance()
                named.append((key, self.expression()))
            else:
                args.append(self.expression())
        if name == "in" and args:
            return tree.Membership(at, args[0], tuple(args[1:]))
        return tree.Call(at, name, tuple(args), tuple(named))

    def _case(self, form: str, at: Position) -> tree.Expr:
        self.advance()
        subject = None
        if form != "case":
            subject = self.expression()
            self.expect_op(",", "after the value to compare")
        branches: list[tuple[tree.Expr, tree.Expr]] = []
        default = None
        while default is None and not self.at_op("}"):
            if branches:
                self.expect_op(",", "or '}'")
            if self.at_word("_"):
                self.advance()
                default = self._result()
            else:
                branches.append((self.expression(), self._result()))
        self.expect_op("}", "to close the case; the default '_' comes last")
        if not branches:
            raise DataPrimeError(f"'{form}' needs at least one branch", *at)
        return tree.Case(at, form, subject, tuple(branches), default)

    def _result(self) -> tree.Expr:
        self.expect_op("->", "before the result")
        return self.expression()


def _part(value: tree.Expr, key: str) -> tree.Expr:
    if isinstance(value, tree.Keypath):
        if len(value.keys) >= MAX_KEYS:
            raise DataPrimeError(f"more than {MAX_KEYS} keys in a keypath", *value.at)
        return tree.Keypath(value.at, value.root, (*value.keys, key), value.bare)
    if isinstance(value, tree.Literal):
        raise UnknownConstructError("unknown construct: a part of a literal", *value.at)
    return tree.Index(value.at, value, key)


_PRIMARIES: dict[str, Callable[[ExpressionParser], tree.Expr]] = {
    "string": ExpressionParser.read_literal,
    "number": ExpressionParser.read_literal,
    "interval": ExpressionParser.read_interval,
    "regex": ExpressionParser.read_regex,
    "root": ExpressionParser.read_root,
    "op": ExpressionParser.read_symbol,
    "ident": ExpressionParser.read_word,
}
