"""Runs queries beside the requests; their rows are kept in files, as JSON texts, so that any page can be read at once."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.supermetrics.execution import Execution, ExecutionError

logger = logging.getLogger("sandbox")

ROW_GROUP_ROWS = 5_000
_SCHEMA = pa.schema([("row", pa.string())])
_HEADER = b"header"
_AT_ONCE = 2


@dataclass(frozen=True)
class ExecutionResult:
    """How an execution ended: a number of rows, or why there are none."""

    rows: int = 0
    failure: str = ""


@dataclass
class _Running:
    future: Future[None]
    told: list[Callable[[ExecutionResult], None]] = field(default_factory=list)
    execution: Execution | None = None


class ResultStore:
    """A small pool and a folder. ``name`` stands for a query: equal ones share an execution and a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(
            _AT_ONCE, thread_name_prefix="sandbox-marketing"
        )
        self._lock = threading.Lock()
        self._running: dict[str, _Running] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def waiting_count(self, name: str) -> int:
        """How many wait for that query now."""
        with self._lock:
            found = self._running.get(name)
            return len(found.told) if found else 0

    def start(
        self,
        name: str,
        prepare: Callable[[], Execution],
        on_finished: Callable[[ExecutionResult], None],
    ) -> None:
        """Execute a query, or wait for the equal one under way; ``told`` hears how it ended."""
        with self._lock:
            known = self._running.get(name)
            if known is not None:
                known.told.append(on_finished)
                return
            running = self._running[name] = _Running(Future(), [on_finished])
            running.future = self._pool.submit(self._run, name, prepare)
        running.future.add_done_callback(_tell_failure)

    def wait(self, name: str, seconds: float) -> None:
        """Wait until the query has been executed, but no longer than that."""
        with self._lock:
            found = self._running.get(name)
        if found is not None:
            wait([found.future], seconds)

    def stop(self) -> None:
        """End all executions; what had not finished starts again with the next process."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            executions = [r.execution for r in self._running.values() if r.execution]
        for execution in executions:
            execution.stop()
        self._pool.shutdown(wait=True)

    def delete(self, name: str) -> None:
        """Remove the rows of a query."""
        self._file(name).unlink(missing_ok=True)

    def header(self, name: str) -> list[str]:
        """The names of the columns. Raises ``FileNotFoundError`` when the rows are gone."""
        found = pq.read_schema(self._file(name)).metadata or {}
        header: list[str] = msgspec.json.decode(found[_HEADER])
        return header

    def rows(self, name: str, first: int, last: int) -> Iterator[list[bytes]]:
        """The rows from ``first`` to ``last``, both included, in pieces. Raises ``FileNotFoundError`` at once."""
        return _read(pq.ParquetFile(self._file(name)), first, last)

    def _run(self, name: str, prepare: Callable[[], Execution]) -> None:
        try:
            ending = self._ended(name, prepare)
        finally:
            with self._lock:
                running = self._running.pop(name)
        if ending is not None:
            for told in running.told:
                told(ending)

    def _ended(
        self, name: str, prepare: Callable[[], Execution]
    ) -> ExecutionResult | None:
        """How it ended; None when it was stopped, to start again."""
        execution = prepare()
        with self._lock:
            self._running[name].execution = execution
        try:
            return ExecutionResult(self._spooled(name, execution))
        except ExecutionError as error:
            return None if error.interrupted else ExecutionResult(failure=str(error))
        except OSError as error:
            logger.exception("sandbox could not keep the rows of a query")
            return ExecutionResult(
                failure=f"The rows could not be stored: {error.strerror}."
            )

    def _spooled(self, name: str, execution: Execution) -> int:
        path = self._file(name)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        batches = execution.batches()
        rows, batch = 0, next(batches, [])  # the header is known from here on
        about = {_HEADER: msgspec.json.encode(execution.header)}
        writer = pq.ParquetWriter(
            temporary,
            _SCHEMA.with_metadata(about),
            compression="zstd",
            compression_level=1,
        )
        try:
            with writer:
                for group in _groups(batch, batches):
                    texts = [msgspec.json.encode(row).decode() for row in group]
                    writer.write_batch(
                        pa.record_batch([texts], schema=_SCHEMA),
                        row_group_size=ROW_GROUP_ROWS,
                    )
                    rows += len(group)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return rows

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.parquet"


def _groups(
    first: list[list[object]], rest: Iterator[list[list[object]]]
) -> Iterator[list[list[object]]]:
    """Pieces of one size, so that the place of a row tells the group it is in."""
    held = first
    for batch in rest:
        while len(held) >= ROW_GROUP_ROWS:
            yield held[:ROW_GROUP_ROWS]
            held = held[ROW_GROUP_ROWS:]
        held = held + batch
    for start in range(0, len(held), ROW_GROUP_ROWS):
        yield held[start : start + ROW_GROUP_ROWS]


def _read(file: pq.ParquetFile, first: int, last: int) -> Iterator[list[bytes]]:
    with file:
        groups = range(
            first // ROW_GROUP_ROWS,
            min(last // ROW_GROUP_ROWS + 1, file.num_row_groups),
        )
        for group in groups:
            texts = file.read_row_group(group).column(0).to_pylist()
            start = group * ROW_GROUP_ROWS
            wanted = texts[max(first - start, 0) : last - start + 1]
            if wanted:
                yield [text.encode() for text in wanted]


def _tell_failure(future: Future[None]) -> None:
    """A fault of our own must not vanish in the pool."""
    if not future.cancelled() and (error := future.exception()) is not None:
        logger.error("sandbox query failed", exc_info=error)
