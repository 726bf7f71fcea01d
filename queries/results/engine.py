"""DuckDB over the files of one result, and nothing else.

Every engine is an in-memory database that may read only the files named when it was made: no other
file, no network, no extension, no setting can be reached from inside, whatever the SQL
(tests/results/test_engine.py tries). It serves one reader at a time and never enters a forked process.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from queries.results.concurrency import READ_SLOTS, never
from queries.results.errors import (
    MemoryLimitError,
    QueryTimeoutError,
    ResultError,
    ResultsDamagedError,
    ResultsMissingError,
)
from queries.results.sql import CHOSEN

STREAM_WAIT: Final = 60.0  # seconds a file half written waits for its next turn
#: DuckDB fills its buffer before it gives anything: 10 MiB unless told, which are 40,000 rows that could be used.
STREAM_BUFFER: Final = "1MB"
LOCKED_CONFIG: Final = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",  # no variable of ours is a table
}


@dataclass(frozen=True)
class Bounds:
    """Limits of one query: memory and spilled bytes (DuckDB sizes), threads, seconds.

    `wait` is how many seconds it may wait for threads (see `concurrency`).
    """

    memory: str = "512MB"
    spill: str = "4GB"
    threads: int = 1
    seconds: float = 10.0
    wait: float = 5.0


class Interrupt:
    """Stops one stream from another thread, for good."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __call__(self) -> None:
        """Interrupt the query. One that is just about to start is not affected: repeat until it has ended."""
        self._asked.set()
        READ_SLOTS.notify_waiters()
        if self._connection is not None:
            self._connection.interrupt()

    def asked(self) -> bool:
        """Return whether the stream was stopped."""
        return self._asked.is_set()

    def concerns(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Set the stream's connection, to be interrupted."""
        self._connection = connection


class Engine:
    """A locked-down DuckDB that reads `files`; use it as a context manager.

    `scratch` is a directory, not yet created, for what does not fit in memory.
    """

    def __init__(self, files: Sequence[Path], scratch: Path, bounds: Bounds) -> None:
        self._files = files
        self._scratch = scratch
        self._bounds = bounds
        self._streams = 0
        self.as_new = True  # nothing went wrong, nothing is left half read
        with _in_our_words(self._files):
            self._duckdb = duckdb.connect(
                ":memory:", config={**LOCKED_CONFIG, **_sizes(bounds)}
            )
            # A setting of this connection alone, so the stream has to be on it.
            self._duckdb.execute(f"SET streaming_buffer_size = '{STREAM_BUFFER}'")
            self._duckdb.execute(lock_down(files, scratch, bounds.spill))

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release its memory and its spilled files."""
        self._duckdb.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def table(
        self, sql: str, values: Mapping[str, Any], numbers: pa.Table | None = None
    ) -> pa.Table:
        """Return the whole answer. `sql` is ours, user text is only in `values`.

        `numbers` is the table CHOSEN, for queries about chosen rows; only this query sees them.
        Raises BusyError, QueryTimeoutError, MemoryLimitError, ResultsMissingError and
        ResultsDamagedError.
        """
        with self._bounded(self._bounds.wait) as connection:
            if numbers is not None:
                connection.register(CHOSEN, numbers)
            return connection.sql(sql, params=dict(values)).to_arrow_table()

    def stream(
        self,
        sql: str,
        values: Mapping[str, Any],
        rows: int,
        halt: Interrupt | None = None,
    ) -> Generator[pa.RecordBatch]:
        """Yield the answer in batches of about `rows` rows; the time limit is for each batch.

        Threads are held for each batch only, so a slow consumer blocks no other reader. After `halt` it
        raises BusyError or QueryTimeoutError at once.
        """
        self.as_new = False
        halt = halt or Interrupt()
        # A second stream beside the first takes a connection of its own, and a larger buffer.
        own = self._duckdb if self._streams == 0 else self._duckdb.cursor()
        self._streams += 1
        with self._bounded(self._bounds.wait, own, halt) as connection:
            halt.concerns(connection)
            reader = connection.sql(sql, params=dict(values)).to_arrow_reader(rows)
        while True:
            with self._bounded(STREAM_WAIT, connection, halt):
                batch = next(reader, None)
            if batch is None:
                return
            yield batch

    @contextmanager
    def _bounded(
        self,
        wait: float,
        connection: duckdb.DuckDBPyConnection | None = None,
        halt: Interrupt | None = None,
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection once threads are free; it is interrupted if the block takes too long.

        The timer's thread is joined: it must not interrupt a later query, nor be the last to hold the
        connection when the interpreter ends (DuckDB aborts the process then).
        """
        given_up = halt.asked if halt else never
        with READ_SLOTS.acquire(self._bounds.threads, wait, given_up):
            connection = connection or self._duckdb.cursor()
            timer = threading.Timer(self._bounds.seconds, connection.interrupt)
            timer.start()
            try:
                with _in_our_words(self._files):
                    yield connection
            except ResultError:
                self.as_new = False
                raise
            finally:
                timer.cancel()
                timer.join()


def _sizes(bounds: Bounds) -> dict[str, str]:
    return {"threads": str(bounds.threads), "memory_limit": bounds.memory}


def lock_down(files: Sequence[Path | str], scratch: Path | str, spill: str) -> str:
    """Apply the settings in the order that works: readable files, then restrictions, then the lock.

    `files` are all that may be read; `scratch` takes what does not fit in memory, at most `spill` (a DuckDB size).
    """
    allowed = ", ".join(quote_path(str(file)) for file in files)
    return f"""
        SET allowed_paths = [{allowed}];
        SET temp_directory = {quote_path(str(scratch))};
        SET max_temp_directory_size = {quote_path(spill)};
        SET TimeZone = 'UTC';
        SET enable_progress_bar = false; -- it would be printed
        SET enable_external_access = false;
        SET lock_configuration = true;
    """


def quote_path(text: str) -> str:
    """Return a text of ours as an SQL literal (settings take no bound values)."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def _in_our_words(files: Sequence[Path]) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise _translated(error, files) from error
    except OSError as error:  # how Arrow's stream passes on what DuckDB raised
        raise _translated(error, files) from error


def _translated(error: duckdb.Error | OSError, files: Sequence[Path]) -> ResultError:
    text = str(error)
    if isinstance(error, duckdb.InterruptException) or "INTERRUPT Error" in text:
        return QueryTimeoutError()
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory Error" in text:
        return MemoryLimitError()
    if not all(file.is_file() for file in files):
        return ResultsMissingError()
    return ResultsDamagedError()
