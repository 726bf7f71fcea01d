"""The `extract` command: structure out of text (Coralogix docs, extract)."""

from __future__ import annotations

from collections.abc import Callable

from dataprime import tree
from dataprime.compile_expr import Compiler
from dataprime.errors import (
    DataPrimeError,
    Position,
    UnknownConstructError,
    printable,
)
from dataprime.patterns import Pattern, check_pattern
from dataprime.sql import let
from dataprime.table import Kind
from dataprime.values import CAST_NAMES, Value, as_json, as_text, cast

_Options = dict[str, tree.Expr]


def compile_extract(command: tree.Extract, compiler: Compiler) -> Value:
    """Return the object or array an extraction makes. Raises DataPrimeError."""
    method = _METHODS.get(command.method)
    if method is None:
        raise UnknownConstructError(
            f"unknown extraction {printable(command.method)}: use {', '.join(_METHODS)}",
            *command.at,
        )
    read, allowed = method
    options = dict(command.options)
    for name, node in command.options:
        if name not in allowed:
            raise DataPrimeError(
                f"{command.method}() has no option {printable(name)}", *node.at
            )
    text = as_text(compiler.compile(command.value))
    value = read(command, compiler, text, options)
    return _typed(command, compiler, value)


def _pattern(command: tree.Extract, options: _Options) -> Pattern:
    node = options.get("e")
    if isinstance(node, tree.RegexLiteral):
        return check_pattern(node.pattern, Position(node.at.line, node.at.column + 1))
    if isinstance(node, tree.Literal) and isinstance(node.value, str):
        return check_pattern(node.value, Position(node.at.line, node.at.column + 1))
    raise DataPrimeError(
        f"{command.method}() needs a pattern, as in {command.method}(e=/(?<id>[0-9]+)/)",
        *command.at,
    )


def _regexp(
    command: tree.Extract, compiler: Compiler, text: str, options: _Options
) -> Value:
    pattern = _pattern(command, options)
    if not pattern.groups:
        raise DataPrimeError(
            "regexp() needs a named group, as in (?<name>[a-z]+)", *command.at
        )
    bind = compiler.ctx.params.bind
    place = bind(pattern.text)

    def body(it: str) -> str:
        parts = (
            f"{bind(name)}, regexp_extract({it}, {place}, {number})"
            for name, number in pattern.groups.items()
        )
        found = f"regexp_matches({it}, {place})"
        return f"CASE WHEN {found} THEN json_object({', '.join(parts)}) END"

    return Value(Kind.OBJECT, let(text, body))


def _multi_regexp(
    command: tree.Extract, compiler: Compiler, text: str, options: _Options
) -> Value:
    place = compiler.ctx.params.bind(_pattern(command, options).text)
    found = f"regexp_extract_all({text}, {place})"
    return Value(Kind.ARRAY, f"list_transform({found}, lambda it: to_json(it))")


def _delimiter(compiler: Compiler, options: _Options, name: str, default: str) -> str:
    node = options.get(name)
    if node is None:
        return compiler.ctx.params.bind(default)
    if isinstance(node, tree.Literal) and isinstance(node.value, str) and node.value:
        return compiler.ctx.params.bind(node.value)
    raise DataPrimeError(f"{printable(name)} must be a quoted text", *node.at)


def _key_value(
    _: tree.Extract, compiler: Compiler, text: str, options: _Options
) -> Value:
    pair = _delimiter(compiler, options, "pair_delimiter", " ")
    key = _delimiter(compiler, options, "key_delimiter", "=")
    parts = (
        f"list_filter(string_split({text}, {pair}), lambda it: instr(it, {key}) > 1)"
    )
    name = f"split_part(it, {key}, 1)"
    rest = f"substring(it, instr(it, {key}) + length({key}))"
    entries = f"list_transform({parts}, lambda it: {{'k': {name}, 'v': {rest}}})"

    def body(it: str) -> str:
        # Of a key that comes twice the first is kept: a map takes each key once.
        names = f"list_transform({it}, lambda e: e.k)"
        once = f"list_filter({it}, lambda e, i: list_position({names}, e.k) = i)"
        return f"to_json(map_from_entries({once}))"

    return Value(Kind.OBJECT, let(entries, body))


def _json_object(
    _: tree.Extract, _compiler: Compiler, text: str, _options: _Options
) -> Value:
    # TRY_CAST keeps what is JSON; anything but an object is null.
    parsed = f"TRY_CAST({text} AS JSON)"
    return Value(
        Kind.OBJECT,
        let(parsed, lambda it: f"CASE WHEN json_type({it}) = 'OBJECT' THEN {it} END"),
    )


def _split(
    command: tree.Extract, compiler: Compiler, text: str, options: _Options
) -> Value:
    delimiter = _delimiter(compiler, options, "delimiter", ",")
    node = options.get("element_datatype")
    name = node.keys[0] if isinstance(node, tree.Keypath) else "string"
    element = cast(Value(Kind.STRING, "it"), _kind(name, command))
    json = as_json(element) if element and element.kind is not Kind.NUMBER else None
    if json is None:
        json = (
            "CASE WHEN TRY_CAST(it AS DOUBLE) IS NOT NULL THEN TRY_CAST(it AS JSON) END"
        )
    parts = f"string_split({text}, {delimiter})"
    return Value(
        Kind.ARRAY,
        f"list_transform({parts}, lambda it: coalesce({json}, 'null'::JSON))",
    )


def _kind(name: str, command: tree.Extract) -> Kind:
    kind = CAST_NAMES.get(name)
    if kind is None:
        raise DataPrimeError(f"unknown type {printable(name)}", *command.at)
    return kind


def _typed(command: tree.Extract, compiler: Compiler, value: Value) -> Value:
    """Apply `datatypes`: keys relative to the result that are converted."""
    if not command.types:
        return value
    if value.kind is not Kind.OBJECT:
        raise DataPrimeError("'datatypes' needs an extraction with keys", *command.at)

    def body(it: str) -> str:
        sql = it
        for keypath, name in command.types:
            place = compiler.ctx.params.pointer(keypath.keys)
            text = f"json_extract_string({it}, {place})"
            converted = cast(Value(Kind.STRING, text), _kind(name, command))
            json = as_json(converted) if converted else "NULL"
            sql = f"json_replace({sql}, {place}, coalesce({json}, 'null'::JSON))"
        return sql

    return Value(Kind.OBJECT, let(value.sql, body))


_Method = Callable[[tree.Extract, Compiler, str, _Options], Value]
_METHODS: dict[str, tuple[_Method, tuple[str, ...]]] = {
    "regexp": (_regexp, ("e",)),
    "multi_regexp": (_multi_regexp, ("e",)),
    "kv": (_key_value, ("pair_delimiter", "key_delimiter")),
    "jsonobject": (_json_object, ("max_unescape_count",)),
    "split": (_split, ("delimiter", "element_datatype")),
}
