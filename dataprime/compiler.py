"""Compiles whole queries: picks the table and the time range, then runs the steps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from dataprime import tree
from dataprime.commands import parse
from dataprime.constants import constant_time
from dataprime.context import Context
from dataprime.errors import (
    DataPrimeError,
    Position,
    UnknownConstructError,
    printable,
)
from dataprime.lucene import lucene_condition
from dataprime.pipeline import Pipeline
from dataprime.scope import computed_kinds, table_scope
from dataprime.sql import identifier
from dataprime.steps import run
from dataprime.table import Compiled, Table
from dataprime.times import to_nanos
from dataprime.tokens import MAX_TEXT

_START = Position(1, 1)


def compile_dataprime(  # noqa: PLR0913 - one keyword per field of a request
    text: str,
    *,
    tables: Mapping[str, Table],
    default_source: str = "logs",
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
    strict_fields: bool = False,
    max_rows: int | None = None,
) -> Compiled:
    """Compile DataPrime to DuckDB SQL.

    `now` is the value of `now()`; `start` (inclusive) and `end` (exclusive) bound
    `$m.timestamp` unless the query's own `source` clause does; times without zone are
    UTC. `strict_fields` makes an unknown keypath an error. `max_rows` is a last LIMIT
    the caller wants, applied where it is cheapest.

    Raises DataPrimeError, or UnknownConstructError for what is not implemented.
    """
    query = parse(text)
    ctx = Context(to_nanos(now), start, end, strict_fields)
    name, table = _table(query.source, tables, default_source)
    if query.source and query.source.clause:
        ctx.start, ctx.end = constant_time(query.source.clause, ctx)
    pipeline = _opened(table, ctx)
    for command in query.commands:
        run(pipeline, command)
    return _finished(pipeline, name, max_rows)


def compile_lucene(  # noqa: PLR0913 - one keyword per field of a request
    text: str,
    *,
    tables: Mapping[str, Table],
    default_source: str = "logs",
    now: datetime,
    start: datetime | None = None,
    end: datetime | None = None,
    max_rows: int | None = None,
) -> Compiled:
    """Compile a Lucene query, which always gives log rows, to DuckDB SQL.

    Arguments as for `compile_dataprime`. Raises DataPrimeError.
    """
    if len(text) > MAX_TEXT:
        raise DataPrimeError(f"the query is longer than {MAX_TEXT:,} characters")
    ctx = Context(to_nanos(now), start, end)
    name, table = _table(None, tables, default_source)
    pipeline = _opened(table, ctx)
    pipeline.where(lucene_condition(text, _START, pipeline.scope, ctx))
    return _finished(pipeline, name, max_rows)


def _table(
    source: tree.Source | None, tables: Mapping[str, Table], default: str
) -> tuple[str, Table]:
    name = (source.dataset if source else default).removeprefix("default/")
    if name not in tables:
        at = source.at if source else _START
        known = ", ".join(sorted(tables))
        raise UnknownConstructError(
            f"unknown dataset {printable(name)}: there is {known}", *at
        )
    return name, tables[name]


def _opened(table: Table, ctx: Context) -> Pipeline:
    ties = [table.order] if table.order else []
    pipeline = Pipeline(ctx, table_scope(table), identifier(table.name), ties)
    stamp = table.fields.get(("$m", "timestamp"))
    for moment, op in ((ctx.start, ">="), (ctx.end, "<")):
        if stamp and moment:
            bound = ctx.params.bind(_utc(moment).replace(tzinfo=None))
            # On the column itself, so that DuckDB can skip row groups.
            pipeline.where(f"{stamp.sql} {op} {bound}")
    return pipeline


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _finished(pipeline: Pipeline, source: str, max_rows: int | None) -> Compiled:
    ctx = pipeline.ctx
    sql, params = ctx.params.finish(pipeline.finish(max_rows))
    start, end = (_utc(moment) if moment else None for moment in (ctx.start, ctx.end))
    return Compiled(
        sql=sql,
        params=params,
        limit=pipeline.limit,
        warnings=tuple(ctx.warnings),
        source=source,
        start=start,
        end=end,
        is_aggregate=pipeline.is_aggregate,
        kinds=computed_kinds(pipeline.scope),
    )
