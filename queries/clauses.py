"""A condition on a result's column as a clause of the statement, for the languages that allow it.

Text in, text out: nothing here runs anything. What cannot be said safely in a language is not said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from queries.results import Column, Condition

# As queries.results.keypaths writes them; a name that had to be changed is no keypath.
_KEYPATH: Final = re.compile(
    r"\$[dlm](?:\.[A-Za-z_][A-Za-z0-9_]*|\['(?:[^'\\\x00-\x1f]|\\['\\])+'\])+"
)
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_SEVERITY: Final = "$m.severity"
_SEVERITIES: Final = ("DEBUG", "VERBOSE", "INFO", "WARNING", "ERROR", "CRITICAL")
_ESCAPES: Final = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SQL_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SQL_QUERY: Final = re.compile(r"(?i)\s*(?:select|with)\b")
# Dialects differ in what a backslash, a quote or a semicolon inside a text means.
_SQL_UNSAFE: Final = re.compile(r"[\\'\"`;\x00-\x1f\x7f]")


def can_extend(language: str, column: Column, condition: Condition) -> bool:
    """Whether the condition can be written in the language."""
    return bool(_clause(language, column, condition))


def extended(
    language: str, statement: str, asked: Sequence[tuple[Column, Condition]]
) -> str:
    """The statement with a clause for each condition; those that cannot be said are left out."""
    clauses = [_clause(language, column, condition) for column, condition in asked]
    clauses = [clause for clause in clauses if clause]
    if not clauses:
        return statement
    if language == "dataprime":
        lines = "".join(f"\n| filter {clause}" for clause in clauses)
        return statement.rstrip() + lines
    if not _wrappable(statement):
        return statement
    inner = statement.strip().rstrip(";").rstrip()
    where = " AND ".join(clauses)
    # On lines of its own: the statement may end in a comment.
    return f"SELECT * FROM (\n{inner}\n) AS t\nWHERE {where}"  # noqa: S608 - for a person to read and run


def extendable(language: str, statement: str) -> bool:
    """Whether conditions can be added to this statement at all."""
    if language == "sql":
        return _wrappable(statement)
    return language == "dataprime" and bool(statement.strip())


def _wrappable(statement: str) -> bool:
    text = statement.strip().rstrip(";")
    return bool(_SQL_QUERY.match(text)) and ";" not in text


def _clause(language: str, column: Column, condition: Condition) -> str:
    writer = {"dataprime": _dataprime, "sql": _sql}.get(language)
    return writer(column, condition) if writer else ""


def _dataprime(column: Column, condition: Condition) -> str:
    name = column.name
    if not _KEYPATH.fullmatch(name):
        return ""
    if condition.operation in {"empty", "present"}:
        return f"{name} {'==' if condition.operation == 'empty' else '!='} null"
    literals = [_dataprime_literal(column, value) for value in condition.values]
    if not all(literals):
        return ""
    return _compared(name, condition.operation, literals, column.kind)


def _compared(name: str, operation: str, literals: list[str], kind: str) -> str:
    if operation == "is":
        tests = " || ".join(f"{name} == {literal}" for literal in literals)
        return f"({tests})" if len(literals) > 1 else tests
    if operation == "not":
        return " && ".join(f"{name} != {literal}" for literal in literals)
    if operation == "between":
        signs = ((">=", literals[0]), ("<=", literals[1]))
        said = [f"{name} {sign} {lit}" for sign, lit in signs if lit != _OPEN]
        return " && ".join(said)
    if operation in {"contains", "lacks"} and kind == "text":
        no = "!" if operation == "lacks" else ""
        return f"{no}{name}.contains({literals[0]})"
    return ""


_OPEN: Final = "*"


def _dataprime_literal(column: Column, value: str) -> str:
    """A value as the column's type has it; "" if it has none, `_OPEN` for an open end."""
    if not value:
        return "''" if column.kind == "text" else _OPEN
    kind = "severity" if column.name == _SEVERITY else column.kind
    write = _LITERALS.get(kind)
    return write(value) if write else ""


def _severity(value: str) -> str:
    return value.upper() if value.upper() in _SEVERITIES else ""


def number_literal(value: str) -> str:
    """The value as a number, which all languages write alike; "" if it is none."""
    return value if _NUMBER.fullmatch(value) else ""


def boolean_literal(value: str) -> str:
    """The value as true or false; "" if it is neither."""
    return value.lower() if value.lower() in {"true", "false"} else ""


def _quoted(value: str) -> str:
    text = "".join(_ESCAPES.get(char, char) for char in value)
    return "" if _CONTROL.search(text) else f"'{text}'"


def _moment(value: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return ""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return f"@'{text.replace('+00:00', 'Z')}'"


_LITERALS: Final[dict[str, Callable[[str], str]]] = {
    "severity": _severity,
    "integer": number_literal,
    "number": number_literal,
    "boolean": boolean_literal,
    "timestamp": _moment,
    "text": _quoted,
}


def _sql(column: Column, condition: Condition) -> str:
    if not _SQL_NAME.fullmatch(column.name):
        return ""
    name = column.name
    if condition.operation in {"empty", "present"}:
        return f"{name} IS {'' if condition.operation == 'empty' else 'NOT '}NULL"
    literals = [_sql_literal(column, value) for value in condition.values]
    if condition.operation not in {"is", "not"} or not all(literals):
        return ""
    if len(literals) == 1:
        return f"{name} {'=' if condition.operation == 'is' else '<>'} {literals[0]}"
    no = "" if condition.operation == "is" else "NOT "
    return f"{name} {no}IN ({', '.join(literals)})"


def _sql_literal(column: Column, value: str) -> str:
    if column.kind in {"integer", "number"}:
        return number_literal(value)
    if column.kind == "boolean":
        return boolean_literal(value)
    safe = column.kind == "text" and not _SQL_UNSAFE.search(value)
    return f"'{value}'" if safe else ""
