"""Write a condition on a result's column as a clause of the statement, for the languages that allow it.

Pure text functions. Conditions that cannot be expressed safely in a language are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from queries.results import Column, Condition
from queries.results.parse_value import parse_time, rank

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


def can_express(language: str, column: Column, condition: Condition) -> bool:
    """Return whether the condition can be written in the language."""
    return bool(_clause(language, column, condition))


def add_filters(
    language: str, statement: str, conditions: Sequence[tuple[Column, Condition]]
) -> str:
    """Return the statement with a clause for each condition that can be expressed."""
    clauses = [_clause(language, column, condition) for column, condition in conditions]
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


def accepts_filters(language: str, statement: str) -> bool:
    """Return whether conditions can be added to this statement."""
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
    if column.kind == "timestamp":
        return time_clause(name, condition, lambda at: f"@'{at}'", ("&&", "||"))
    if condition.operation == "between" and _is_severity(column):
        condition = expand_severity_range(condition)
    literals = [_dataprime_literal(column, value) for value in condition.values]
    if not literals or not all(literals):
        return ""
    return _compared(name, condition.operation, literals, column.kind)


def time_clause(
    name: str,
    condition: Condition,
    literal: Callable[[str], str],
    words: tuple[str, str],
) -> str:
    """Return tests of a time, each value as its whole span; "" for what is not a time.

    ``literal`` writes an instant (ISO 8601, UTC) in the language, ``words`` are its "and" and "or".
    """
    spans = [parse_time(value) for value in condition.values]
    if any(
        value and not span for value, span in zip(condition.values, spans, strict=True)
    ):
        return ""
    both, either = (f" {word} " for word in words)

    def test(sign: str, at: int) -> str:
        return f"{name} {sign} {literal(_instant(at))}"

    if condition.operation == "between":
        low, high = spans
        bounds = [test(">=", low.start)] if low else []
        return both.join([*bounds, *([test("<", high.stop)] if high else [])])
    if condition.operation == "is":
        tests = [
            both.join((test(">=", s.start), test("<", s.stop))) for s in spans if s
        ]
        return tests[0] if len(tests) == 1 else _grouped(either, tests)
    tests = [either.join((test("<", s.start), test(">=", s.stop))) for s in spans if s]
    return both.join(f"({part})" for part in tests)


def _grouped(word: str, tests: Sequence[str]) -> str:
    return f"({word.join(f'({part})' for part in tests)})" if tests else ""


def _instant(nanoseconds: int) -> str:
    """Return an instant in ISO 8601, as exact as it is, at least to the millisecond."""
    seconds, part = divmod(nanoseconds, 10**9)
    text = f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}"
    fraction = f"{part:09}"
    return f"{text}.{fraction[:3]}{fraction[3:].rstrip('0')}Z"


def _is_severity(column: Column) -> bool:
    return column.name == _SEVERITY or column.kind == "severity"


def expand_severity_range(condition: Condition) -> Condition:
    """Return a range of severities as a list: a language need not know their order."""
    low, high = (rank(value) for value in condition.values)
    are_valid = [not value or rank(value) for value in condition.values]
    words = _SEVERITIES[(low or 1) - 1 : high] if all(are_valid) else ()
    return Condition(condition.column, "is", words or condition.values)


def _compared(name: str, operation: str, literals: list[str], kind: str) -> str:
    if operation == "is":
        tests = " || ".join(f"{name} == {literal}" for literal in literals)
        return f"({tests})" if len(literals) > 1 else tests
    if operation == "not":
        return " && ".join(f"{name} != {literal}" for literal in literals)
    if operation == "between":
        signs = ((">=", literals[0]), ("<=", literals[1]))
        bounds = [f"{name} {sign} {lit}" for sign, lit in signs if lit != _OPEN]
        return " && ".join(bounds)
    if operation in {"contains", "lacks"} and kind == "text":
        no = "!" if operation == "lacks" else ""
        return f"{no}{name}.contains({literals[0]})"
    return ""


_OPEN: Final = "*"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _dataprime_literal(column: Column, value: str) -> str:
    """Return a value as the column's type; "" if it has none, `_OPEN` for an open end."""
    if not value:
        return "''" if column.kind == "text" else _OPEN
    kind = "severity" if column.name == _SEVERITY else column.kind
    write = _LITERALS.get(kind)
    return write(value) if write else ""


def _severity(value: str) -> str:
    return value.upper() if value.upper() in _SEVERITIES else ""


def number_literal(value: str) -> str:
    """Return the value as a number, which all languages write alike; "" if it is not one."""
    return value if _NUMBER.fullmatch(value) else ""


def boolean_literal(value: str) -> str:
    """Return the value as true or false; "" if it is neither."""
    return value.lower() if value.lower() in {"true", "false"} else ""


def _quoted(value: str) -> str:
    text = "".join(_ESCAPES.get(char, char) for char in value)
    return "" if _CONTROL.search(text) else f"'{text}'"


_LITERALS: Final[dict[str, Callable[[str], str]]] = {
    "severity": _severity,
    "integer": number_literal,
    "number": number_literal,
    "boolean": boolean_literal,
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
