"""The database: in memory, closed to files, network and settings, each query bounded in time, memory and result."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from sandbox.polytomic.config import PolytomicConfig
from sandbox.polytomic.guard import GuardError, check_statement
from sandbox.polytomic.tables import TABLES, make_tables

_HEARD_SECONDS = 0.1
_encoder = msgspec.json.Encoder(decimal_format="number")


class QueryFailedError(Exception):
    """A query could not be carried through; the text is safe to show."""


class EngineStoppedError(Exception):
    """The sandbox is being closed."""


class Result:
    """A result on its way: ``fields`` are known before its pages are read, each a JSON array of objects."""

    def __init__(self, batches: pa.RecordBatchReader) -> None:
        self.fields = _distinct(batches.schema.names)
        self.rows = 0
        self._batches = batches

    def pages(self, size: int) -> Iterator[bytes]:
        """The rows, ``size`` to a page."""
        waiting: list[dict[str, Any]] = []
        for batch in self._batches:
            columns = [_plain(column) for column in batch.columns]
            waiting += [
                dict(zip(self.fields, values, strict=True))
                for values in zip(*columns, strict=True)
            ]
            self.rows += batch.num_rows
            while len(waiting) > size:
                yield _encoder.encode(waiting[:size])
                del waiting[:size]
        if waiting:
            yield _encoder.encode(waiting)


class PolytomicEngine:
    """Executes SQL over the shop's tables, which are made when they are first asked for. Safe to use from several threads."""

    def __init__(
        self, config: PolytomicConfig, seed: int, now: Callable[[], datetime]
    ) -> None:
        self._config = config
        self._seed = seed
        self._now = now
        self._lock = threading.Lock()
        self._database: duckdb.DuckDBPyConnection | None = None
        self._running: set[duckdb.DuckDBPyConnection] = set()
        self._stopped = False

    @contextmanager
    def execute(self, statement: str) -> Iterator[Result]:
        """The result of ``statement`` while the block runs. Raises ``FailedError`` with what is wrong with it."""
        with self._cursor() as (cursor, late):
            try:
                check_statement(statement, cursor, TABLES)
                cursor.execute("BEGIN TRANSACTION READ ONLY")
                yield Result(cursor.sql(statement).to_arrow_reader(2_000))
            except (GuardError, duckdb.Error, pa.ArrowException) as error:
                raise self._failure(error, timed_out=late.is_set()) from error

    def stop(self) -> None:
        """End what is being executed and take nothing more. Repeat it until that is so."""
        with self._lock:
            self._stopped = True
            for cursor in self._running:
                cursor.interrupt()

    def close(self) -> None:
        """Release the database; nothing may be under way."""
        if self._database is not None:
            self._database.close()

    def _failure(self, error: Exception, *, timed_out: bool) -> Exception:
        if self._stopped:
            return EngineStoppedError()
        if timed_out:
            return QueryFailedError(
                f"The query ran for longer than {self._config.query_seconds:g} seconds."
            )
        words = str(error).partition("\n")[0][:500]
        if isinstance(error, duckdb.OutOfMemoryException):
            words = "The query needs more memory than there is."
        return QueryFailedError(words)

    @contextmanager
    def _cursor(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, threading.Event]]:
        done, late = threading.Event(), threading.Event()
        with self._lock:
            if self._stopped:
                raise EngineStoppedError
            self._database = self._database or self._made()
            cursor = self._database.cursor()
            self._running.add(cursor)
        watch = threading.Thread(target=self._watch, args=(cursor, done, late))
        watch.start()
        try:
            yield cursor, late
        finally:
            done.set()
            watch.join()
            with self._lock:
                self._running.discard(cursor)
            cursor.close()

    def _watch(
        self,
        cursor: duckdb.DuckDBPyConnection,
        done: threading.Event,
        late: threading.Event,
    ) -> None:
        """Stop a query that runs too long. Repeated: an interruption between two steps has no effect."""
        if done.wait(self._config.query_seconds):
            return
        late.set()
        while not done.wait(_HEARD_SECONDS):
            cursor.interrupt()

    def _made(self) -> duckdb.DuckDBPyConnection:
        settings: dict[str, Any] = {
            "threads": self._config.threads,
            "memory_limit": self._config.memory,
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,  # a table named like a variable of ours would be that variable
        }
        database = duckdb.connect(config=settings)
        make_tables(
            database, orders=self._config.orders, seed=self._seed, now=self._now()
        )
        database.execute("SET enable_external_access = false")
        database.execute("SET lock_configuration = true")
        return database


def _distinct(names: list[str]) -> list[str]:
    """Names that come twice get a number: an object holds each once."""
    found: list[str] = []
    for name in names:
        number, fresh = 1, name
        while fresh in found:
            number += 1
            fresh = f"{name}_{number}"
        found.append(fresh)
    return found


def _plain(column: pa.Array) -> list[Any]:
    """Values that JSON has a form for; an interval becomes text, nanoseconds are left out."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = pc.cast(column, pa.timestamp("us", kind.tz), safe=False)
    values: list[Any] = column.to_pylist()
    if pa.types.is_interval(kind):
        return [
            None if v is None else f"P{v.months}M{v.days}DT{v.nanoseconds / 10**9:g}S"
            for v in values
        ]
    return values
