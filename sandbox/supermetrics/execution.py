"""From an understood query to its rows: SQL with bound values, columns made of a dimension's values, one batch at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb

from sandbox.supermetrics.queries import ResolvedQuery

_BATCH = 5_000


class ExecutionError(Exception):
    """A query could not be carried through; the text is safe to show. ``stopped``: the sandbox is about to end."""

    def __init__(self, message: str, *, stopped: bool = False) -> None:
        super().__init__(message)
        self.interrupted = stopped


@dataclass(frozen=True)
class _Part:
    """SQL and its values, in the order of their marks."""

    sql: str
    values: tuple[Any, ...] = ()


class Execution:
    """One query on its way. ``header`` is there once `prepare` has run."""

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        asked: ResolvedQuery,
        seed: int,
        seconds: float,
    ) -> None:
        self.header: list[str] = []
        self._cursor = cursor
        self._asked = asked
        self._seed = seed
        self._seconds = seconds
        self._stopped = False

    def batches(self) -> Iterator[list[list[Any]]]:
        """The rows, about five thousand at a time, after ``header`` is known. Raises ``ExecutionError``."""
        timer = threading.Timer(self._seconds, self._cursor.interrupt)
        timer.daemon = True
        timer.start()
        try:
            part = self._statement()
            reader = self._cursor.sql(
                part.sql, params=list(part.values)
            ).to_arrow_reader(_BATCH)
            for batch in reader:
                self._check()
                columns = [column.to_pylist() for column in batch.columns]
                yield [list(row) for row in zip(*columns, strict=True)]
            self._check()
        except (duckdb.Error, OSError) as error:  # Arrow's reader has errors of its own
            self._check()
            raise ExecutionError(
                "The sandbox could not execute the query, or it took too long."
            ) from error
        finally:
            timer.cancel()
            self._cursor.close()

    def stop(self) -> None:
        """Stop it, from any thread."""
        self._stopped = True
        # It may have ended meanwhile: then there is nothing to stop.
        with suppress(duckdb.ConnectionException):
            self._cursor.interrupt()

    def _check(self) -> None:
        if self._stopped:
            raise ExecutionError("The query was stopped.", stopped=True)

    def _statement(self) -> _Part:
        asked, rows = self._asked, self._rows()
        names = [f.name for f in asked.row_dimensions]
        shown = [_Part(f.sql) for f in asked.row_dimensions]
        for label, part in self._metrics(rows):
            names.append(label)
            shown.append(part)
        self.header = names
        groups = ", ".join(str(n + 1) for n in range(len(asked.row_dimensions)))
        having = [_Part(c.sql, c.values) for c in asked.filters.groups]
        listed = ", ".join(f'{part.sql} AS "c{n}"' for n, part in enumerate(shown))
        sql = f"SELECT {listed} FROM {rows.sql}"  # noqa: S608 - our own fields, bound values
        # Without metrics the dimensions' own rows; with them one row for each group of values.
        sql += f" GROUP BY {groups}" if groups else ""
        sql += f" HAVING {' AND '.join(p.sql for p in having)}" if having else ""
        sql += f" ORDER BY {self._order()} LIMIT {asked.max_rows}"
        values = [v for part in (*shown, rows, *having) for v in part.values]
        return _Part(sql, tuple(values))

    def _order(self) -> str:
        """As asked, then by the dimensions: the same rows in the same places on every page and in every run."""
        asked = self._asked
        places = {
            f.id: n for n, f in enumerate((*asked.row_dimensions, *asked.metrics))
        }
        wanted = [f'"c{places[f.id]}" {way} NULLS LAST' for f, way in asked.order]
        ties = [f'"c{places[f.id]}"' for f in asked.row_dimensions]
        return ", ".join([*wanted, *ties]) or "1"

    def _metrics(self, rows: _Part) -> Iterator[tuple[str, _Part]]:
        asked = self._asked
        if not asked.pivot_fields:
            for metric in asked.metrics:
                yield metric.name, _Part(metric.sql.format(f=""))
            return
        same = " AND ".join(
            f"({f.sql})::VARCHAR IS NOT DISTINCT FROM ?" for f in asked.pivot_fields
        )
        for values in self._columns(rows):
            for metric in asked.metrics:
                label = " ".join(
                    [*values, *([metric.name] if len(asked.metrics) > 1 else [])]
                )
                times = metric.sql.count("{f}")
                yield (
                    label,
                    _Part(
                        metric.sql.format(f=f" FILTER (WHERE {same})"), values * times
                    ),
                )

    def _columns(self, rows: _Part) -> list[tuple[str, ...]]:
        """The values that become columns, by name or in the order asked for, so many as are wanted."""
        asked = self._asked
        listed = ", ".join(f"({f.sql})::VARCHAR" for f in asked.pivot_fields)
        order = self._column_order()
        sql = f"SELECT {listed} FROM {rows.sql} GROUP BY ALL ORDER BY {order} LIMIT {asked.max_columns}"  # noqa: S608 - our own fields, bound values
        found = self._cursor.execute(sql, list(rows.values)).fetchall()
        return [tuple(map(str, row)) for row in found]

    def _column_order(self) -> str:
        split = self._asked.pivot_fields
        wanted = [
            f"{str(split.index(f) + 1) if f in split else f.sql.format(f='')} {way}"
            for f, way in self._asked.order_columns
        ]
        return ", ".join([*wanted, *(str(n + 1) for n in range(len(split)))])

    def _rows(self) -> _Part:
        """The source's rows, as far as accounts, segments and conditions choose them."""
        asked = self._asked
        chosen = [_Part(c.sql, c.values) for c in asked.filters.rows]
        chosen += [_Part(asked.source.segments[name][1]) for name in asked.segments]
        base = (
            self._numbers() if asked.source.relation == "numbers" else self._marketing()
        )
        where = f" WHERE {' AND '.join(f'({p.sql})' for p in chosen)}" if chosen else ""
        sql = f"(SELECT * FROM {base.sql}{where}) AS facts"  # noqa: S608 - our own fields, bound values
        return _Part(sql, tuple(v for part in (base, *chosen) for v in part.values))

    def _numbers(self) -> _Part:
        most = max(int(account.id) for account in self._asked.accounts)
        return _Part("numbers(?)", (most,))

    def _marketing(self) -> _Part:
        """One account or two: those of a source share the markets."""
        asked = self._asked
        several = len(asked.source.accounts) > 1
        names = {n if several else -1: a for n, a in enumerate(asked.source.accounts)}
        cases = [(n, a) for n, a in names.items() if a in asked.accounts]
        ids = " ".join(f"WHEN {n} THEN ?" for n, _ in cases)
        market = "market" if several else "-1"
        places = ", ".join(str(n) for n, _ in cases)
        sql = (
            f"(SELECT *, CASE {market} {ids} END AS account_id, CASE {market} {ids} END AS account_name "  # noqa: S608 - our own places, bound values
            f"FROM marketing(?::DATE, ?::DATE, ?, ?) WHERE {market} IN ({places})) AS known"
        )
        days = asked.days
        values = (
            *(a.id for _, a in cases),
            *(a.name for _, a in cases),
            days.start,
            days.end,
            asked.source.id,
            self._seed,
        )
        return _Part(sql, values)
