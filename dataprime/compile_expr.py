"""Compiles expressions to typed SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dataprime import tree
from dataprime.aggregates import AGGREGATES, SCALAR_OVERLOADS
from dataprime.arithmetic import arithmetic, negate
from dataprime.compare import compare, is_array_member, is_member, unify_kinds
from dataprime.context import Context
from dataprime.errors import DataPrimeError, Position, printable
from dataprime.functions.registry import find_scalar
from dataprime.functions.signature import CallSite, Function, match_args
from dataprime.patterns import check_pattern
from dataprime.scope import Scope, part, resolve
from dataprime.search import contains_phrase
from dataprime.sql import check_size
from dataprime.table import Kind
from dataprime.values import (
    CAST_NAMES,
    NULL,
    Value,
    any_json,
    as_json,
    as_text,
    cast,
    coerce,
)

_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True)
class Compiler:
    """Compiles expressions over one scope.

    computed  None for expressions over rows. For expressions over groups, a list that
              takes each aggregation with the name of its column; nothing of single
              rows may stand outside them.
    """

    scope: Scope
    ctx: Context
    computed: list[tuple[str, str]] | None = None

    def compile(self, expr: tree.Expr) -> Value:
        """Return the value of an expression. Raises DataPrimeError."""
        value = _COMPILE[type(expr)](self, expr)
        check_size(value.sql + (value.text or ""), expr.at)
        return value

    def condition(self, expr: tree.Expr) -> str:
        """Return an expression as SQL that is true, false or NULL."""
        value = coerce(self.compile(expr), Kind.BOOL)
        if value is None:
            raise DataPrimeError(
                "a condition is needed here, such as $d.status == 200", *expr.at
            )
        return value.sql

    def literal(self, node: tree.Literal) -> Value:
        value = node.value
        if value is None:
            return NULL
        if isinstance(value, bool):
            return Value(Kind.BOOL, str(value).lower(), constant=value)
        if isinstance(value, str):
            return Value(Kind.STRING, self.ctx.params.bind(value), constant=value)
        # Digits of a number we parsed ourselves: safe, and DuckDB sees a constant.
        kind = "DOUBLE" if isinstance(value, float) else _integer_type(value)
        return Value(Kind.NUMBER, f"CAST({value!r} AS {kind})", constant=value)

    def interval(self, node: tree.IntervalLiteral) -> Value:
        return Value(Kind.INTERVAL, str(node.nanos))

    def timestamp(self, node: tree.TimestampLiteral) -> Value:
        nanos = self.ctx.now if node.nanos is None else node.nanos
        return Value(Kind.TIMESTAMP, f"CAST({nanos} AS BIGINT)")

    def regex(self, node: tree.RegexLiteral) -> Value:
        inside = Position(node.at.line, node.at.column + 1)
        pattern = check_pattern(node.pattern, inside)
        return Value(Kind.REGEXP, self.ctx.params.bind(pattern.text))

    def severity(self, node: tree.SeverityLiteral) -> Value:
        return Value(Kind.SEVERITY, str(node.rank))

    def keypath(self, node: tree.Keypath) -> Value:
        if node.root == "$p":
            return self._parameter(node)
        if self.computed is not None:
            name = ".".join(node.path)
            raise DataPrimeError(
                f"{printable(name)} must be inside an aggregation such as max()",
                *node.at,
            )
        return resolve(self.scope, node, self.ctx)

    def _parameter(self, node: tree.Keypath) -> Value:
        nanos = (
            self.ctx.range_bound(node.keys[-1])
            if node.keys[:1] == ("timeRange",)
            else None
        )
        if nanos is None:
            raise DataPrimeError(
                "of $p only $p.timeRange.startTime and .endTime are known, and only "
                "when the query has a time range",
                *node.at,
            )
        return Value(Kind.TIMESTAMP, f"CAST({nanos} AS BIGINT)")

    def array(self, node: tree.ArrayLiteral) -> Value:
        items = (as_json(self.compile(item)) for item in node.items)
        listed = ", ".join(f"coalesce({item}, 'null'::JSON)" for item in items)
        return Value(Kind.ARRAY, f"CAST([{listed}] AS JSON[])")

    def unary(self, node: tree.Unary) -> Value:
        if node.op == "!":
            # Null counts as false in conditions, so its negation is true.
            return Value(Kind.BOOL, f"(({self.condition(node.operand)}) IS NOT TRUE)")
        return negate(self.compile(node.operand), node.at)

    def binary(self, node: tree.Binary) -> Value:
        left, right = self.compile(node.left), self.compile(node.right)
        if node.op in _COMPARISONS:
            return compare(node.op, left, right, node.at)
        if node.op in ("~", "~~"):
            return self._search(left, right, node)
        return arithmetic(node.op, left, right, node.at)

    def _search(self, left: Value, right: Value, node: tree.Binary) -> Value:
        if not isinstance(right.constant, str):
            raise DataPrimeError(
                f"'{node.op}' needs a quoted text on its right", *node.right.at
            )
        return Value(Kind.BOOL, contains_phrase(left, right.constant, self.ctx))

    def logical(self, node: tree.Logical) -> Value:
        word = " AND " if node.op == "&&" else " OR "
        parts = word.join(f"({self.condition(part)})" for part in node.operands)
        return Value(Kind.BOOL, f"({parts})")

    def membership(self, node: tree.Membership) -> Value:
        needle = self.compile(node.needle)
        if node.array is not None:
            return is_array_member(needle, self.compile(node.array), node.at)
        candidates = [self.compile(item) for item in node.candidates]
        return is_member(needle, candidates, node.at)

    def cast(self, node: tree.Cast) -> Value:
        kind = CAST_NAMES.get(node.target)
        if kind is None:
            names = "number, string, bool, timestamp, interval, array or object"
            raise DataPrimeError(
                f"unknown type {printable(node.target)}: use {names}", *node.at
            )
        value = self.compile(node.operand)
        found = cast(value, kind)
        if found is None:
            raise DataPrimeError(
                f"{value.kind.with_article} cannot be cast to {kind}", *node.at
            )
        return found

    def index(self, node: tree.Index) -> Value:
        value = self.compile(node.operand)
        if value.kind is Kind.ARRAY and node.key.isdigit():
            place = min(int(node.key[:9]), 10**9) + 1
            return any_json(f"list_extract({value.sql}, {place})")
        return part(value, (node.key,), self.ctx)

    def call(self, node: tree.Call) -> Value:
        special = _SPECIAL.get(node.name)
        if special:
            return special(self, node)
        aggregate = AGGREGATES.get(node.name)
        scalar_too = node.name in SCALAR_OVERLOADS and len(node.args) > 1
        if aggregate and self.computed is not None and not scalar_too:
            return self._aggregated(aggregate, node, self.computed)
        if aggregate and not scalar_too:
            raise DataPrimeError(
                f"{node.name}() is an aggregation: use it in 'groupby' or 'aggregate'",
                *node.at,
            )
        return self.apply_function(find_scalar(node.name, node.at), node)

    def _aggregated(
        self, function: Function, node: tree.Call, computed: list[tuple[str, str]]
    ) -> Value:
        value = Compiler(self.scope, self.ctx).apply_function(function, node)
        name = self.ctx.unique_name()
        computed.append((name, value.sql))
        return any_json(name) if value.kind is Kind.ANY else Value(value.kind, name)

    def apply_function(self, function: Function, node: tree.Call) -> Value:
        """Return a call of a function, its arguments compiled as this compiler does."""
        args = tuple(self.compile(arg) for arg in node.args)
        named = {name: self.compile(value) for name, value in node.named}
        site = CallSite(node.name, node.at, self.ctx)
        return function.build(site, match_args(function, args, named, site))

    def if_call(self, node: tree.Call) -> Value:
        if node.named or len(node.args) not in (2, 3):
            raise DataPrimeError(
                "if() takes a condition, a value and a value", *node.at
            )
        test = self.condition(node.args[0])
        results = [self.compile(arg) for arg in node.args[1:]]
        results += [NULL] * (2 - len(results))
        return _chosen([test], results, node.at)

    def first_non_null(self, node: tree.Call) -> Value:
        if node.named or not node.args:
            raise DataPrimeError("firstNonNull() takes one or more values", *node.at)
        values = unify_kinds([self.compile(arg) for arg in node.args], node.at)
        kind = values[0].kind
        sqls = (_nullable(value) for value in values)
        return _of_kind(kind, f"coalesce({', '.join(sqls)})")

    def case(self, node: tree.Case) -> Value:
        subject = self.compile(node.subject) if node.subject else None
        tests = [self._test(node, subject, test) for test, _ in node.branches]
        results = [self.compile(result) for _, result in node.branches]
        results.append(self.compile(node.default) if node.default else NULL)
        return _chosen(tests, results, node.at)

    def _test(self, node: tree.Case, subject: Value | None, test: tree.Expr) -> str:
        if subject is None:
            return self.condition(test)
        value = self.compile(test)
        if node.form == "case_contains":
            return f"contains({as_text(subject)}, {as_text(value)})"
        return compare(_CASE_OPS[node.form], subject, value, test.at).sql


_CASE_OPS = {"case_equals": "==", "case_greaterthan": ">", "case_lessthan": "<"}


def _integer_type(value: int) -> str:
    # Wide enough that adding to a 19-digit literal does not overflow to null.
    return "BIGINT" if value < 2**53 else "HUGEINT"


def _nullable(value: Value) -> str:
    # JSON null is a null of the language, not a value to pick.
    if value.kind is Kind.ANY:
        return f"CASE WHEN {as_text(value)} IS NOT NULL THEN {value.sql} END"
    return value.sql


def _of_kind(kind: Kind, sql: str) -> Value:
    return any_json(sql) if kind is Kind.ANY else Value(kind, sql)


def _chosen(tests: list[str], results: list[Value], at: Position) -> Value:
    """Return CASE over tests; `results` has one more for ELSE."""
    values = unify_kinds(results, at)
    pairs = zip(tests, values[:-1], strict=True)
    cases = " ".join(f"WHEN {test} THEN {value.sql}" for test, value in pairs)
    return _of_kind(values[0].kind, f"CASE {cases} ELSE {values[-1].sql} END")


# `Any`: each method takes the one node type it is listed under.
_COMPILE: dict[type[tree.Expr], Callable[[Compiler, Any], Value]] = {
    tree.Literal: Compiler.literal,
    tree.IntervalLiteral: Compiler.interval,
    tree.TimestampLiteral: Compiler.timestamp,
    tree.RegexLiteral: Compiler.regex,
    tree.SeverityLiteral: Compiler.severity,
    tree.Keypath: Compiler.keypath,
    tree.ArrayLiteral: Compiler.array,
    tree.Unary: Compiler.unary,
    tree.Binary: Compiler.binary,
    tree.Logical: Compiler.logical,
    tree.Membership: Compiler.membership,
    tree.Cast: Compiler.cast,
    tree.Index: Compiler.index,
    tree.Call: Compiler.call,
    tree.Case: Compiler.case,
}
_SPECIAL: dict[str, Callable[[Compiler, tree.Call], Value]] = {
    "if": Compiler.if_call,
    "firstNonNull": Compiler.first_non_null,
}


def has_aggregate(expr: tree.Expr) -> bool:
    """Return whether an expression calls an aggregation."""
    return any(
        isinstance(node, tree.Call)
        and node.name in AGGREGATES
        and not (node.name in SCALAR_OVERLOADS and len(node.args) > 1)
        for node in tree.walk(expr)
    )
