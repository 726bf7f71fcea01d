"""A query as DuckDB SQL over the engine's rows: a chain of steps, each a table of events (JSON) and their places.

Nothing of the query's text becomes SQL: names and values are bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import singledispatchmethod
from typing import Any

import msgspec

from dataprime import Compiled
from sandbox.engine import Tier
from sandbox.saf.date_math import resolve_date_math
from sandbox.saf.tree import (
    Aggs,
    BooleanGroup,
    Compare,
    Condition,
    Fields,
    Function,
    Head,
    Negation,
    Query,
    Search,
    Sort,
    Source,
    Term,
    TimeAggs,
)

# Frequent search has rows up to the present moment; the archive lags.
TIER = Tier.FREQUENT
INDEX = "application || '-' || subsystem"
_BUCKETS = 60
_SPANS = (1, 10, 60, 300, 600, 1_800, 3_600, 21_600, 86_400, 604_800)
_WORDS = "['Debug', 'Verbose', 'Info', 'Warning', 'Error', 'Critical']"
# The rows' data is JSON text; what is no object becomes an object's message.
_EVENT = """
CASE WHEN data LIKE '{%"%' THEN '{' || head || ',' || substr(data, 2)
     WHEN data LIKE '{%' THEN '{' || head || '}'
     ELSE '{' || head || ',"message":' || data || '}' END::JSON
"""
_HEAD = f"""
'"@timestamp":"' || strftime(ts, '%Y-%m-%dT%H:%M:%S.%g') || 'Z","index":' || to_json({INDEX})
|| ',"service":' || to_json(subsystem) || ',"severity":"' || ({_WORDS})[severity] || '"'
"""
_ISO = "strftime({0}, '%Y-%m-%dT%H:%M:%S.%g') || 'Z'"
_OTHER = "OTHER"


@dataclass(frozen=True)
class TimeBounds:
    """The range a query is asked over (UTC, end exclusive), and the moment ``now`` means."""

    start: datetime
    end: datetime
    now: datetime


def compile_query(query: Query, bounds: TimeBounds) -> Compiled:
    """The SQL of a query: columns ``metadata``, ``labels``, ``user_data``, of which the last is the event."""
    return _Compiler(bounds).program(query)


def indices_query(bounds: TimeBounds) -> Compiled:
    """The SQL that names every index there is, as the third column."""
    sql = f"SELECT DISTINCT '' AS metadata, '' AS labels, {INDEX} AS user_data FROM {TIER.value} ORDER BY 3"  # noqa: S608
    return Compiled(sql, (), None, (), "", bounds.start, bounds.end, is_aggregate=False)


def effective_bounds(source: Source, bounds: TimeBounds) -> TimeBounds:
    """The range in force: what the source states, the request's for the rest."""
    start = (
        resolve_date_math(source.earliest, bounds.now)
        if source.earliest
        else bounds.start
    )
    end = (
        resolve_date_math(source.latest, bounds.now, round_up=True)
        if source.latest
        else bounds.end
    )
    return TimeBounds(start, end, bounds.now)


def bucket_seconds(bounds: TimeBounds) -> int:
    """A span in seconds that cuts a range into a readable number of buckets."""
    seconds = (bounds.end - bounds.start).total_seconds()
    return next((span for span in _SPANS if seconds / span <= _BUCKETS), _SPANS[-1])


@dataclass
class _Compiler:
    bounds: TimeBounds
    steps: list[str] = field(default_factory=list)
    params: list[object] = field(default_factory=list)

    def program(self, query: Query) -> Compiled:
        self._source(query.source)
        for command in query.commands:
            self.steps.append(self._step(command))
        chain = ", ".join(
            f"s{number} AS ({sql})" for number, sql in enumerate(self.steps)
        )
        last = len(self.steps) - 1
        sql = f"WITH {chain} SELECT '' AS metadata, '' AS labels, event::VARCHAR AS user_data FROM s{last} ORDER BY place"  # noqa: S608
        return Compiled(
            sql=sql,
            params=tuple(self.params),
            limit=None,
            warnings=(),
            source=",".join(query.source.patterns),
            start=self.bounds.start,
            end=self.bounds.end,
            is_aggregate=False,
        )

    def _source(self, source: Source) -> None:
        self.bounds = effective_bounds(source, self.bounds)
        patterns = " OR ".join(
            f"{INDEX} ILIKE {self._bind(like_pattern(p))} ESCAPE '\\'"
            for p in source.patterns
        )
        start, end = (
            self._bind(moment.replace(tzinfo=None))
            for moment in (self.bounds.start, self.bounds.end)
        )
        self.steps.append(
            f"SELECT {_EVENT} AS event, position AS place FROM (SELECT position, ltrim(user_data::VARCHAR) AS data, {_HEAD} AS head FROM {TIER.value} "  # noqa: S608
            f"WHERE ts >= {start}::TIMESTAMP AND ts < {end}::TIMESTAMP AND ({patterns}))"
            + ("" if source.size is None else f" ORDER BY place LIMIT {source.size:d}")
        )

    @property
    def _before(self) -> str:
        return f"s{len(self.steps) - 1}"

    @singledispatchmethod
    def _step(self, command: Any) -> str:
        raise NotImplementedError

    @_step.register
    def _(self, search: Search) -> str:
        return f"SELECT * FROM {self._before} WHERE coalesce({self._holds(search.condition)}, false)"  # noqa: S608

    @_step.register
    def _(self, fields: Fields) -> str:
        if not fields.exclude:
            pairs = ", ".join(
                f"{self._bind(name)}::VARCHAR, {self._json(name)}"
                for name in fields.names
            )
            return f"SELECT json_object({pairs}) AS event, place FROM {self._before}"  # noqa: S608
        event = "event"
        for name in fields.names:
            for patch in _patches(name):
                event = f"json_merge_patch({event}, {self._bind(patch)}::JSON)"
        return f"SELECT {event} AS event, place FROM {self._before}"  # noqa: S608

    @_step.register
    def _(self, sort: Sort) -> str:
        keys = []
        for name, descending in sort.keys:
            value, way = self._text(name), "DESC" if descending else "ASC"
            keys += [
                f"try_cast({value} AS DOUBLE) {way} NULLS LAST",
                f"{value} {way} NULLS LAST",
            ]
        order = ", ".join([*keys, "place"])
        return f"SELECT event, row_number() OVER (ORDER BY {order}) AS place FROM {self._before}"  # noqa: S608

    @_step.register
    def _(self, head: Head) -> str:
        return f"SELECT * FROM {self._before} ORDER BY place LIMIT {head.count:d}"  # noqa: S608

    @_step.register
    def _(self, aggs: Aggs) -> str:
        groups = [f"{self._text(name)} AS g{n}" for n, name in enumerate(aggs.by)]
        names = [f"g{n}" for n in range(len(groups))]
        figures = self._figures(aggs.functions)
        labels = [*aggs.by, *(function.label for function in aggs.functions)]
        columns = [*names, *(f"f{n}" for n in range(len(figures)))]
        inner = f"SELECT {', '.join([*groups, *figures])} FROM {self._before}"  # noqa: S608
        if names:
            inner += f" WHERE {' AND '.join(f'{self._text(name)} IS NOT NULL' for name in aggs.by)} GROUP BY {', '.join(names)}"
        order = ", ".join(names) or "1"
        return f"SELECT {self._object(labels, columns)} AS event, row_number() OVER (ORDER BY {order}) AS place FROM ({inner})"  # noqa: S608

    @_step.register
    def _(self, aggs: TimeAggs) -> str:
        span = aggs.span or bucket_seconds(self.bounds)
        moment = f"try_cast({self._text(aggs.time_field)} AS TIMESTAMP)"
        bucket = f"time_bucket(to_seconds({span:d}), {moment}) AS bucket"
        figures = self._figures(aggs.functions)
        columns = ["bucket", *(f"f{n}" for n in range(len(figures)))]
        labels = [aggs.time_field, *(function.label for function in aggs.functions)]
        series = ", series" if aggs.by else ""
        table = self._series(aggs) if aggs.by else self._before
        if aggs.by:
            labels.insert(1, aggs.by)
            columns.insert(1, "series")
        inner = f"SELECT {bucket}{series}, {', '.join(figures)} FROM {table} WHERE {moment} IS NOT NULL GROUP BY bucket{series}"  # noqa: S608
        shown = [
            _ISO.format("bucket") if column == "bucket" else column
            for column in columns
        ]
        return f"SELECT {self._object(labels, shown)} AS event, row_number() OVER (ORDER BY bucket{series}) AS place FROM ({inner})"  # noqa: S608

    def _series(self, aggs: TimeAggs) -> str:
        """The events with the series they belong to: the most frequent values keep their name."""
        value, table = self._text(aggs.by), self._before
        if not aggs.limit:
            return f"(SELECT event, {value} AS series FROM {table} WHERE {value} IS NOT NULL)"  # noqa: S608
        top = (
            f"SELECT {value} FROM {table} WHERE {value} IS NOT NULL GROUP BY 1 "  # noqa: S608
            f"ORDER BY count(*) DESC, 1 LIMIT {aggs.limit:d}"
        )
        kept = f"{value} IN ({top})"
        series = f"CASE WHEN {kept} THEN {value} ELSE {self._bind(_OTHER)} END"
        only = "" if aggs.use_other else f" AND {kept}"
        return f"(SELECT event, {series} AS series FROM {table} WHERE {value} IS NOT NULL{only})"  # noqa: S608

    def _figures(self, functions: tuple[Function, ...]) -> list[str]:
        return [
            f"{self._figure(function)} AS f{n}" for n, function in enumerate(functions)
        ]

    def _figure(self, function: Function) -> str:
        value = self._text(function.field) if function.field else ""
        return _FIGURES[function.name](value) if value else "to_json(count(*))"

    def _object(self, labels: list[str], columns: list[str]) -> str:
        pairs = (
            f"{self._bind(label)}::VARCHAR, {column}"
            for label, column in zip(labels, columns, strict=True)
        )
        return f"json_object({', '.join(pairs)})"

    def _holds(self, condition: Condition) -> str:
        if isinstance(condition, BooleanGroup):
            return (
                "("
                + f" {condition.operator} ".join(
                    self._holds(part) for part in condition.parts
                )
                + ")"
            )
        if isinstance(condition, Negation):
            return f"(NOT coalesce({self._holds(condition.part)}, false))"
        if isinstance(condition, Term):
            return f"event::VARCHAR ILIKE {self._bind('%' + like_pattern(condition.text) + '%')} ESCAPE '\\'"
        return self._compared(condition)

    def _compared(self, compare: Compare) -> str:
        value, wanted = self._text(compare.field), compare.value
        if compare.operator in {"=", "!="}:
            if "*" in wanted:
                equal = f"{value} ILIKE {self._bind(like_pattern(wanted))} ESCAPE '\\'"
            else:
                given = self._bind(wanted)
                equal = f"(lower({value}) = lower({given}) OR try_cast({value} AS DOUBLE) = try_cast({given} AS DOUBLE))"
            return (
                equal
                if compare.operator == "="
                else f"({value} IS NOT NULL AND NOT coalesce({equal}, false))"
            )
        given = self._bind(wanted)
        return (
            f"CASE WHEN try_cast({given} AS DOUBLE) IS NULL THEN {value} {compare.operator} {given} "
            f"ELSE try_cast({value} AS DOUBLE) {compare.operator} try_cast({given} AS DOUBLE) END"
        )

    def _text(self, name: str) -> str:
        return self._extracted("json_extract_string", name)

    def _json(self, name: str) -> str:
        return self._extracted("json_extract", name)

    def _extracted(self, function: str, name: str) -> str:
        """A field's value: under its own name, or, where that has dots, further in."""
        pointers = dict.fromkeys(
            (json_pointer(name), "".join(map(json_pointer, name.split("."))))
        )
        found = ", ".join(
            f"{function}(event, {self._bind(p)}::VARCHAR)" for p in pointers
        )
        return f"coalesce({found})"

    def _bind(self, value: object) -> str:
        self.params.append(value)
        return f"${len(self.params)}"


def like_pattern(pattern: str) -> str:
    """A pattern with ``*`` as one for LIKE, whose own signs lose their meaning."""
    escaped = "".join(
        f"\\{letter}" if letter in "\\%_" else letter for letter in pattern
    )
    return escaped.replace("*", "%")


def json_pointer(name: str) -> str:
    """A name as one step of a JSON pointer."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _patches(name: str) -> list[str]:
    """Merge patches that take a field out: under its own name and, where that has dots, further in."""
    inner: Any = None
    for part in reversed(name.split(".")):
        inner = {part: inner}
    return list(
        dict.fromkeys(
            msgspec.json.encode(patch).decode() for patch in ({name: None}, inner)
        )
    )


def _number(figure: str) -> str:
    """Whole numbers without a point."""
    return f"CASE WHEN {figure} = trunc({figure}) AND abs({figure}) < 9e15 THEN to_json(({figure})::BIGINT) ELSE to_json({figure}) END"


def _extreme(name: str) -> Callable[[str], str]:
    def figure(value: str) -> str:
        numbers = f"try_cast({value} AS DOUBLE)"
        return f"CASE WHEN count({value}) = count({numbers}) THEN {_number(f'{name}({numbers})')} ELSE to_json({name}({value})) END"

    return figure


_FIGURES: dict[str, Callable[[str], str]] = {
    "count": lambda value: f"to_json(count({value}))",
    "dc": lambda value: f"to_json(count(DISTINCT {value}))",
    "avg": lambda value: f"to_json(avg(try_cast({value} AS DOUBLE)))",
    "sum": lambda value: _number(f"sum(try_cast({value} AS DOUBLE))"),
    "min": _extreme("min"),
    "max": _extreme("max"),
}
