"""The relation a query has built so far: nested SELECTs that carry all columns along.

Filters collect until the next step needs them applied; computed values become columns
named by the compiler; an order stays pending, so that it survives every later step and
holds for the rows that come out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dataprime.aggregates import distinct_text
from dataprime.compare import order_columns
from dataprime.context import Context
from dataprime.scope import Keys, Scope, column_scope, render
from dataprime.sql import nested, select
from dataprime.table import ROOTS, Kind
from dataprime.values import Value, any_json

_OUTPUT = dict(zip(ROOTS, ("metadata", "labels", "user_data"), strict=True))


@dataclass
class Pipeline:
    """The query under construction.

    relation   a FROM item
    scope      what keypaths mean on it
    order      pending sort columns, each with its direction
    ties       columns that make the order of rows unique
    """

    ctx: Context
    scope: Scope
    relation: str
    tie_breakers: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    limit: int | None = None
    is_aggregate: bool = False

    def where(self, condition: str) -> None:
        """Keep the rows for which a condition is true."""
        self.conditions.append(condition)

    def add_columns(self, expressions: list[str]) -> list[str]:
        """Compute expressions once per row; return the names of their columns."""
        names = [self.ctx.unique_name() for _ in expressions]
        pairs = zip(expressions, names, strict=True)
        self._wrap(["*", *(f"{sql} AS {name}" for sql, name in pairs)])
        return names

    def column(self, value: Value) -> Value:
        """Compute a value once per row and return it as a column."""
        if value.text is not None and value.kind is Kind.NUMBER:
            sql, text = self.add_columns([value.sql, value.text])
            return Value(value.kind, sql, text)
        (name,) = self.add_columns([value.sql])
        return any_json(name) if value.kind is Kind.ANY else Value(value.kind, name)

    def sort(self, keys: list[tuple[Value, bool]]) -> None:
        """Order by values, each with whether it descends; nulls come last."""
        order: list[str] = []
        for value, descending in keys:
            names = self.add_columns(order_columns(value))
            word = "DESC" if descending else "ASC"
            order += [f"{name} {word} NULLS LAST" for name in names]
        # A later sort is the main one; the earlier still decides among equals.
        self.order = order + self.order

    def take(self, count: int) -> None:
        """Keep the first rows of the order."""
        self._wrap(["*"], self._ordering(), f"LIMIT {count}")
        self.limit = count

    def keep_per_group(self, keys: list[Value], count: int) -> None:
        """Keep the first rows of each group of equal values."""
        columns = ", ".join(distinct_text(key) for key in keys)
        self._flush()
        # A window scatters the rows: from here on they need an explicit order.
        self.order = self.order or [f"{tie} ASC" for tie in self.tie_breakers]
        number = f"row_number() OVER (PARTITION BY {columns} {self._ordering()})"
        self._wrap(["*"], f"QUALIFY {number} <= {count}")

    def group(
        self,
        keys: list[tuple[Keys, Value]],
        aggregates: list[tuple[Keys, Value]],
        computed: list[tuple[str, str]],
        hidden: dict[Keys, int],
    ) -> list[Value]:
        """Group by keys; return the resulting columns, keys first.

        `computed` are the aggregations by the name of their column, `aggregates` the
        values made of them. Each column is placed at its keys in `$d`. `hidden` maps
        old full paths to the number of the key they are still reachable as.
        """
        names = [self.ctx.unique_name() for _ in keys]
        columns = [
            f"{group_key(v)} AS {name}"
            for (_, v), name in zip(keys, names, strict=True)
        ]
        columns += [f"{sql} AS {name}" for name, sql in computed]
        places = ", ".join(str(n + 1) for n in range(len(keys)))
        self._wrap(columns or ["1"], f"GROUP BY {places}" if keys else "")
        values = [_as_key(v, name) for (_, v), name in zip(keys, names, strict=True)]
        values += [self._settled(value, computed) for _, value in aggregates]
        paths = [path for path, _ in (*keys, *aggregates)]
        old = {path: values[number] for path, number in hidden.items()}
        self.scope = column_scope(zip(paths, values, strict=True), old)
        self.order, self.tie_breakers = [], names
        self.limit, self.is_aggregate = None, True
        return values

    def _settled(self, value: Value, computed: list[tuple[str, str]]) -> Value:
        known = any(value.sql == name for name, _ in computed)
        return value if known else self.column(value)

    def finish(self, max_rows: int | None) -> str:
        """Return the whole query with its three columns."""
        if max_rows is not None:
            self._wrap(["*"], self._ordering(), f"LIMIT {max_rows}")
        self._flush()
        docs = self.scope.docs
        columns = [
            f"CAST({render(docs[root], self.ctx)} AS VARCHAR) AS {name}"
            for root, name in _OUTPUT.items()
        ]
        return select(columns, self.relation, self._ordering())

    def _flush(self) -> None:
        if self.conditions:
            self._wrap(["*"])

    def _wrap(self, columns: list[str], *clauses: str) -> None:
        filters = " AND ".join(f"({condition})" for condition in self.conditions)
        where = f"WHERE {filters}" if filters else ""
        self.relation = nested(select(columns, self.relation, where, *clauses))
        self.conditions = []

    def _ordering(self) -> str:
        # Rows of a table come in their own order; groups have none, so they get one.
        if not self.order and not self.is_aggregate:
            return ""
        terms = [*self.order, *(f"{tie} ASC NULLS LAST" for tie in self.tie_breakers)]
        return f"ORDER BY {', '.join(terms)}" if terms else ""


def group_key(value: Value) -> str:
    """Return SQL that is equal exactly for equal values, and keeps the value."""
    structured = value.kind in (Kind.ANY, Kind.OBJECT)
    return distinct_text(value) if structured else value.sql


def _as_key(value: Value, name: str) -> Value:
    """Return the column a group key became."""
    if value.kind is Kind.ANY:
        return any_json(f"CAST({name} AS JSON)")
    if value.kind is Kind.OBJECT:
        return Value(value.kind, f"CAST({name} AS JSON)")
    return Value(value.kind, name)
