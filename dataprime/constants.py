"""Time clauses of `source`: constant expressions, evaluated while compiling."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from dataprime import tree
from dataprime.context import Context
from dataprime.errors import DataPrimeError
from dataprime.table import Kind
from dataprime.times import NANOS_PER_SECOND, round_down, to_datetime

_Constant = tuple[Kind, int]
TIMESTAMP, INTERVAL = Kind.TIMESTAMP, Kind.INTERVAL
# Default of `around` (Coralogix docs, around).
_AROUND = 30 * 60 * NANOS_PER_SECOND


def constant_time(
    clause: tree.TimeClause, ctx: Context
) -> tuple[datetime | None, datetime | None]:
    """Return the range a time clause asks for. Raises DataPrimeError."""
    if isinstance(clause, tree.Shifted):
        return _shifted(clause, ctx)
    if isinstance(clause, tree.Between):
        edges = (_time(clause.start, ctx), _time(clause.end, ctx))
        at = clause.start.at
    elif isinstance(clause, tree.Last):
        edges = (ctx.now - _positive(clause.interval, ctx), ctx.now)
        at = clause.interval.at
    else:
        middle = _time(clause.middle, ctx)
        spread = _positive(clause.interval, ctx) if clause.interval else _AROUND
        edges = (middle - spread, middle + spread)
        at = clause.middle.at
    try:
        return to_datetime(edges[0]), to_datetime(edges[1])
    except OverflowError as error:
        raise DataPrimeError(
            "the time range leaves the years 1 to 9999", *at
        ) from error


def _shifted(
    clause: tree.Shifted, ctx: Context
) -> tuple[datetime | None, datetime | None]:
    by = to_datetime(_interval(clause.interval, ctx)) - to_datetime(0)
    try:
        return ctx.start and ctx.start + by, ctx.end and ctx.end + by
    except OverflowError as error:
        raise DataPrimeError(
            "the time range leaves the years 1 to 9999", *clause.interval.at
        ) from error


def _time(expr: tree.Expr, ctx: Context) -> int:
    kind, nanos = _evaluate(expr, ctx)
    if kind is not TIMESTAMP:
        raise DataPrimeError("a time is needed here, such as @'2024-01-31'", *expr.at)
    return nanos


def _interval(expr: tree.Expr, ctx: Context) -> int:
    kind, nanos = _evaluate(expr, ctx)
    if kind is not INTERVAL:
        raise DataPrimeError("an interval is needed here, such as 1h30m", *expr.at)
    return nanos


def _positive(expr: tree.Expr, ctx: Context) -> int:
    nanos = _interval(expr, ctx)
    if nanos < 0:
        raise DataPrimeError("the interval must not be negative", *expr.at)
    return nanos


def _evaluate(expr: tree.Expr, ctx: Context) -> _Constant:
    rule = _RULES.get(type(expr))
    found = rule(expr, ctx) if rule else None
    if found is None:
        raise DataPrimeError(
            "a time range is made of times, intervals, now(), + and -", *expr.at
        )
    return found


def _stamp(expr: tree.TimestampLiteral, ctx: Context) -> _Constant:
    return TIMESTAMP, ctx.now if expr.nanos is None else expr.nanos


def _span(expr: tree.IntervalLiteral, _: Context) -> _Constant:
    return INTERVAL, expr.nanos


def _call(expr: tree.Call, ctx: Context) -> _Constant | None:
    return (TIMESTAMP, ctx.now) if expr.name == "now" and not expr.args else None


def _edge(expr: tree.Keypath, ctx: Context) -> _Constant | None:
    in_range = expr.root == "$p" and expr.keys[:1] == ("timeRange",)
    nanos = ctx.range_bound(expr.keys[-1]) if in_range else None
    return None if nanos is None else (TIMESTAMP, nanos)


def _minus(expr: tree.Unary, ctx: Context) -> _Constant | None:
    kind, nanos = _evaluate(expr.operand, ctx)
    return (kind, -nanos) if kind is INTERVAL and expr.op == "-" else None


def _sum(expr: tree.Binary, ctx: Context) -> _Constant | None:
    (left, one), (right, two) = _evaluate(expr.left, ctx), _evaluate(expr.right, ctx)
    if expr.op == "/" and (left, right) == (TIMESTAMP, INTERVAL) and two > 0:
        return TIMESTAMP, round_down(one, two)
    if expr.op == "+" and INTERVAL in (left, right):
        return (left if right is INTERVAL else right), one + two
    if expr.op == "-" and right is INTERVAL:
        return left, one - two
    if expr.op == "-" and left is TIMESTAMP:
        return INTERVAL, one - two
    return None


# `Any`: each rule takes the one node type it is listed under.
_RULES: dict[type[tree.Expr], Callable[[Any, Context], _Constant | None]] = {
    tree.TimestampLiteral: _stamp,
    tree.IntervalLiteral: _span,
    tree.Call: _call,
    tree.Keypath: _edge,
    tree.Unary: _minus,
    tree.Binary: _sum,
}
