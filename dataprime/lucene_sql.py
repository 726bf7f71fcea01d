"""Compiles the Lucene tree to conditions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from dataprime import lucene_parser as lucene
from dataprime.context import Context
from dataprime.errors import DataPrimeError, Position, printable
from dataprime.expressions import SEVERITIES
from dataprime.patterns import check_pattern, quote
from dataprime.scope import Scope, resolve
from dataprime.search import contains_phrase, matches_wildcard
from dataprime.table import Kind
from dataprime.times import parse_interval_nanos, parse_timestamp_nanos
from dataprime.tree import Keypath
from dataprime.values import Value, as_text, cast

_METADATA = {
    "applicationname": ("$l", "applicationname"),
    "subsystemname": ("$l", "subsystemname"),
    "category": ("$l", "category"),
    "classname": ("$l", "classname"),
    "computername": ("$l", "computername"),
    "methodname": ("$l", "methodname"),
    "threadid": ("$l", "threadid"),
    "ipaddress": ("$l", "ipaddress"),
}
_SPLIT = re.compile(r"(?<!\\)\.")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
# Short enough to be finite.
_NUMBER = re.compile(r"-?[0-9]{1,300}(?:\.[0-9]{1,300})?")
_WILD = re.compile(r"(?<!\\)[*?]")
_SEPARATORS = re.compile(r"[\s=/:@#$|,;'\"(\[{})\]<>._\-]")


def condition(node: lucene.Node, scope: Scope, ctx: Context) -> str:
    """Return the condition of a node. Raises DataPrimeError."""
    return _CONDITIONS[type(node)](node, scope, ctx)


def _group(node: lucene.Group, scope: Scope, ctx: Context) -> str:
    parts = (f"({condition(part, scope, ctx)})" for part in node.parts)
    return f" {node.op} ".join(parts)


def _not(node: lucene.Not, scope: Scope, ctx: Context) -> str:
    # A row without the field does not match, so its negation does.
    return f"({condition(node.part, scope, ctx)}) IS NOT TRUE"


def _all(_node: lucene.All, _scope: Scope, _ctx: Context) -> str:
    return "true"


def _exists(node: lucene.Exists, scope: Scope, ctx: Context) -> str:
    value, _ = _field(node.field, node.at, scope, ctx)
    return f"({as_text(value)}) IS NOT NULL"


def _term(node: lucene.Term, scope: Scope, ctx: Context) -> str:
    if node.field is None:
        value, exact = resolve(scope, Keypath(node.at, "$d", ()), ctx), False
    else:
        value, exact = _field(node.field, node.at, scope, ctx)
    if value.kind is Kind.SEVERITY:
        return f"{value.sql} = {_severity(node.text, node.at)}"
    wild = not node.quoted and _WILD.search(node.text) is not None
    plain = node.text if node.quoted else _ESCAPE.sub(r"\1", node.text)
    if exact:
        return _whole(value, node.text, wild=wild, plain=plain, ctx=ctx)
    if not wild:
        return contains_phrase(value, plain, ctx)
    if _SEPARATORS.search(plain):
        return _loose(value, node.text, ctx)
    return matches_wildcard(value, plain, ctx)


def _whole(value: Value, text: str, *, wild: bool, plain: str, ctx: Context) -> str:
    """Match a `.keyword` field: the whole text, with its case."""
    if wild:
        pattern = ctx.params.bind(f"(?s){_wildcards(text)}")
        return f"regexp_full_match({as_text(value)}, {pattern})"
    return f"{as_text(value)} = {ctx.params.bind(plain)}"


def _loose(value: Value, text: str, ctx: Context) -> str:
    """Match a wildcard that spans separators anywhere in the text."""
    pattern = ctx.params.bind(_wildcards(text))
    return f"regexp_matches({as_text(value)}, {pattern}, 'is')"


def _wildcards(text: str) -> str:
    parts = re.findall(r"\\.|.", text, re.DOTALL)
    wild = {"*": ".*", "?": "."}
    return "".join(wild.get(part) or quote(part[-1]) for part in parts)


def _regex(node: lucene.Regex, scope: Scope, ctx: Context) -> str:
    value, _ = _field(node.field, node.at, scope, ctx)
    inside = Position(node.at.line, node.at.column + len(node.field) + 2)
    pattern = ctx.params.bind(check_pattern(node.pattern, inside).text)
    return f"regexp_full_match({as_text(value)}, {pattern})"


def _bounds(node: lucene.RangeTerm, scope: Scope, ctx: Context) -> str:
    value, _ = _field(node.field, node.at, scope, ctx)
    tests = []
    ends = ((node.low, ">", node.includes_low), (node.high, "<", node.includes_high))
    for edge, op, inclusive in ends:
        if edge is not None:
            sign = f"{op}=" if inclusive else op
            tests.append(_bound(value, sign, edge, node.at, ctx))
    return " AND ".join(tests) or f"({as_text(value)}) IS NOT NULL"


def _bound(value: Value, op: str, edge: str, at: Position, ctx: Context) -> str:
    if value.kind is Kind.SEVERITY:
        return f"{value.sql} {op} {_severity(edge, at)}"
    if value.kind is Kind.TIMESTAMP:
        return f"{value.sql} {op} {_moment(edge, at, ctx)}"
    # A range takes texts that are numbers too, as an index on them would.
    number = cast(value, Kind.NUMBER)
    if number is None or not _NUMBER.fullmatch(edge):
        return f"{as_text(value)} {op} {ctx.params.bind(edge)}"
    return f"{number.sql} {op} CAST({float(edge)!r} AS DOUBLE)"


def _moment(edge: str, at: Position, ctx: Context) -> int:
    """Return nanoseconds of `now-1h`, an ISO time or a Unix time."""
    relative = re.fullmatch(r"now(?:([+-])(\w{1,40}))?", edge)
    if relative:
        shift = parse_interval_nanos(relative[2]) if relative[2] else 0
        if shift is not None:
            return ctx.now + (-shift if relative[1] == "-" else shift)
    if re.fullmatch(r"[0-9]{1,19}", edge):
        number = int(edge)
        # Seconds, milli-, micro- or nanoseconds by size, as elsewhere.
        steps = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))
        return number * next((f for limit, f in steps if number < limit), 1)
    nanos = parse_timestamp_nanos(edge)
    if nanos is None:
        raise DataPrimeError(f"{printable(edge)} is not a time", *at)
    return nanos


def _severity(text: str, at: Position) -> int:
    """Return the rank of a severity written as a number or a word."""
    if text.isdigit() and len(text) == 1:
        return int(text)
    if text.upper() in SEVERITIES:
        return SEVERITIES.index(text.upper()) + 1
    raise DataPrimeError(f"{printable(text)} is not a severity: use 1 to 6", *at)


def _field(name: str, at: Position, scope: Scope, ctx: Context) -> tuple[Value, bool]:
    """Return the value of a field, and whether it is matched as a whole."""
    path, exact = _path(name), False
    if path[0] == "$d" and path[2:] and path[-1] in ("keyword", "numeric"):
        exact = path[-1] == "keyword"
        path = path[:-1]
    return resolve(scope, Keypath(at, path[0], path[1:]), ctx), exact


def _path(name: str) -> tuple[str, ...]:
    lowered = name.lower()
    if lowered == "coralogix.timestamp":
        return ("$m", "timestamp")
    if lowered.startswith("coralogix.metadata."):
        key = lowered.split(".", 2)[2]
        return _METADATA.get(key.removesuffix(".keyword")) or ("$m", key)
    # Keys that hold a dot are written with a backslash: app\.kubernetes\.io/name
    return ("$d", *(_ESCAPE.sub(r"\1", key) for key in _SPLIT.split(name)))


# `Any`: each function takes the one node type it is listed under.
_CONDITIONS: dict[type[lucene.Node], Callable[[Any, Scope, Context], str]] = {
    lucene.Group: _group,
    lucene.Not: _not,
    lucene.Term: _term,
    lucene.Regex: _regex,
    lucene.RangeTerm: _bounds,
    lucene.Exists: _exists,
    lucene.All: _all,
}
