"""Which SQL is let through: one statement that only reads the shop's tables.

DuckDB's own parser gives the tree, so that nothing is guessed from text. Files, network and settings are closed to the
database itself (``engine``); what is refused here could still show something of this machine, or fill its memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb
import msgspec

MAX_CHARACTERS = 200_000
_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_TABLE_FUNCTIONS = {"range", "generate_series", "numbers", "unnest"}
_NAMESPACES: tuple[list[str], ...] = ([], ["main"], ["memory"], ["memory", "main"])
_ABOUT_TABLES = (["information_schema", "tables"], ["information_schema", "columns"])
# These make a text or list as long as they are told, in one step that no limit of DuckDB reaches.
_GROWING = {
    "repeat", "lpad", "rpad", "bar", "printf", "format", "list_resize", "array_resize", "range", "generate_series",
}  # fmt: skip
_REFUSED = {
    "current_setting", "set_config", "getvariable", "getenv", "write_log", "nextval", "currval", "version",
    "current_database", "sleep", "sleep_ms", "which_secret", "add_parquet_key", "glob", "sniff_csv",
}  # fmt: skip
_REFUSED_BEGINNINGS = (
    "duckdb_",
    "pragma_",
    "pg_",
    "read_",
    "parquet_",
    "json_execute",
    "json_serialize",
    "query",
    "test_",
)


_OWN_BEGINNINGS = ("duckdb_", "pragma_", "pg_", "sqlite_")


class GuardError(Exception):
    """The statement is not let through; the text is meant for its author."""


class _Found(NamedTuple):
    kind: str
    node: dict[str, Any]


def check_statement(
    statement: str, parser: duckdb.DuckDBPyConnection, tables: frozenset[str]
) -> None:
    """Let a statement pass, or raise ``GuardError``. ``tables`` are those that may be read."""
    if len(statement) > MAX_CHARACTERS:
        raise GuardError(f"The query is longer than {MAX_CHARACTERS:,} characters.")
    found = list(_walk(_tree(statement, parser)))
    # A name that WITH gives may be used where it does not hold; then it is the database's own.
    known = tables | {node["key"].lower() for kind, node in found if kind == "named"}
    for kind, node in found:
        _check_kind(kind, node)
        if kind == "named" and node["key"].lower().startswith(_OWN_BEGINNINGS):
            raise GuardError(f"The name {node['key']} is taken.")
        if kind == "BASE_TABLE":
            _check_table(node, known, tables)
        elif kind == "FUNCTION":
            _check_function(node)


def _tree(statement: str, parser: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    asked = (
        "SELECT json_serialize_sql(?::VARCHAR, skip_null := true, skip_empty := true)"
    )
    try:
        row = parser.execute(asked, [statement]).fetchone()
        answer = msgspec.json.decode(row[0] if row else b"{}")
    except (duckdb.Error, ValueError, RecursionError):
        raise GuardError("The query cannot be read.") from None
    if answer.get("error_type") == "not implemented":
        raise GuardError("Only SELECT is allowed here.")
    if answer.get("error", True):
        raise GuardError(f"Syntax error: {answer.get('error_message', 'unknown')}")
    if len(answer["statements"]) != 1:
        raise GuardError("Send one statement at a time.")
    return dict(answer["statements"][0])


def _walk(tree: dict[str, Any]) -> Iterator[_Found]:
    """Every node that has a type, and every name that WITH gives."""
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            if isinstance(node.get("type"), str):
                yield _Found(node["type"], node)
            named = node.get("cte_map", {}).get("map", [])
            yield from (_Found("named", entry) for entry in named)
            if node.get("type") == "TABLE_FUNCTION":
                _check_table_function(node)
                node = {**node, "function": node["function"].get("arguments", [])}
            waiting.extend(node.values())


def _check_kind(kind: str, node: dict[str, Any]) -> None:
    if kind.endswith("_NODE") and kind not in _NODES:
        raise GuardError("Only SELECT is allowed here.")
    # DESCRIBE and SUMMARIZE look at a query of their own; the others show the database's affairs.
    if (
        kind == "SHOW_REF"
        and "query" not in node
        and node.get("table_name") != '"tables"'
    ):
        raise GuardError("This cannot be shown here.")


def _check_table(
    node: dict[str, Any], known: frozenset[str], tables: frozenset[str]
) -> None:
    path = [part.lower() for part in node["qualified_name"]["path"]]
    fits = path[-1] in known and path[:-1] in _NAMESPACES
    if not fits and path not in _ABOUT_TABLES:
        there_are = ", ".join(sorted(tables))
        raise GuardError(f"There is no table {'.'.join(path)}. There are: {there_are}.")


def _check_function(node: dict[str, Any]) -> None:
    name = str(node.get("function_name", "")).lower()
    if name in _REFUSED or name in _GROWING or name.startswith(_REFUSED_BEGINNINGS):
        raise GuardError(f"The function {name} is not offered here.")


def _check_table_function(node: dict[str, Any]) -> None:
    name = str(node["function"].get("function_name", "")).lower()
    if name not in _TABLE_FUNCTIONS:
        raise GuardError(f"The table function {name} is not offered here.")
