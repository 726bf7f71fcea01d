"""Safe SQL text: bound values, quoted identifiers, and a way to name a part once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime

from dataprime.errors import DataPrimeError, Position

# Longest SQL of one expression: a bound on what a small query can blow up to.
MAX_SQL = 200_000
_PLACE = re.compile("\0([0-9]+)\0")

Bindable = str | int | float | datetime


class Params:
    """Collects values that travel beside the SQL.

    A bound value stands in the SQL as a mark holding NUL, which neither our SQL nor a
    relation's name can hold, until `finish` numbers the marks that were really used.
    """

    def __init__(self) -> None:
        self._values: list[Bindable] = []
        self._marks: dict[tuple[type, Bindable], str] = {}

    def bind(self, value: Bindable) -> str:
        """Return the SQL that stands for a value."""
        key = (type(value), value)
        if key not in self._marks:
            self._marks[key] = f"\0{len(self._values)}\0"
            self._values.append(value)
        return self._marks[key]

    def pointer(self, keys: Iterable[str]) -> str:
        """Return the SQL of the JSON pointer (RFC 6901) to nested keys."""
        escaped = (key.replace("~", "~0").replace("/", "~1") for key in keys)
        return self.bind("".join(f"/{key}" for key in escaped))

    def finish(self, sql: str) -> tuple[str, tuple[Bindable, ...]]:
        """Return the SQL with `$1`, `$2`, … and the values in that order."""
        order: dict[str, int] = {}

        def number(match: re.Match[str]) -> str:
            return f"${order.setdefault(match[1], len(order) + 1)}"

        text = _PLACE.sub(number, sql)
        return text, tuple(self._values[int(mark)] for mark in order)


def identifier(name: str) -> str:
    """Quote a relation's name as one SQL identifier."""
    return '"' + name.replace('"', '""').replace("\0", "") + '"'


def let(expression: str, body: Callable[[str], str]) -> str:
    """Return SQL that computes `expression` once and uses it several times in `body`.

    DuckDB has no LET; a lambda over a list of one is measured at 20 ns a row. `body`
    must not call `let` on its argument: the name would be taken.
    """
    return f"list_transform([{expression}], lambda it: {body('it')})[1]"


def select(columns: Iterable[str], relation: str, *clauses: str) -> str:
    """Return a SELECT; empty clauses are left out."""
    parts = ["SELECT", ", ".join(columns), "FROM", relation, *clauses]
    return " ".join(part for part in parts if part)


def nested(query: str) -> str:
    """Return a query as a relation."""
    return f"({query}) AS step"


def check_size(sql: str, at: Position) -> None:
    """Raise DataPrimeError when the SQL of an expression grows without measure."""
    if len(sql) > MAX_SQL:
        raise DataPrimeError("the expression is too complex", *at)
