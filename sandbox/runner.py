"""Runs background queries beside the requests and keeps their rows in files, so that they can be read again and again."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sandbox.config import Limits
from sandbox.engine import EngineError, Execution, Row
from sandbox.jobs import Job, JobStore

logger = logging.getLogger("sandbox")

_SCHEMA = pa.schema([(name, pa.string()) for name in Row._fields])
_BATCH = 5_000
_AT_ONCE = 2


class JobRunner:
    """A small pool; ``prepare`` turns a job into what the engine executes."""

    def __init__(
        self, store: JobStore, folder: Path, limits: Limits, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._folder = folder
        self._limits = limits
        self._now = now
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sandbox-job")
        self._lock = threading.Lock()
        self._stopping = False
        self._futures: dict[str, Future[None]] = {}
        self._executions: dict[str, Execution] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, job: Job, prepare: Callable[[Job], Execution]) -> None:
        """Begin to execute ``job``; ``JobStore.finish`` tells how it ended."""
        self._forget_old()
        with self._lock:
            future = self._pool.submit(self._run, job, prepare)
            self._futures[job.id] = future
        future.add_done_callback(_tell_failure)

    def wait(self, job_id: str, seconds: float) -> None:
        """Wait until the job has been executed, but no longer than that."""
        with self._lock:
            future = self._futures.get(job_id)
        if future is not None:
            wait([future], seconds)

    def cancel(self, job_id: str) -> None:
        """Stop the execution, if there is one."""
        with self._lock:
            future, execution = self._futures.get(job_id), self._executions.get(job_id)
        if future is not None:
            future.cancel()
        if execution is not None:
            execution.interrupt()

    def stop(self) -> None:
        """End all executions; what had not finished starts again with the next process."""
        with self._lock:
            self._stopping = True
            running = list(self._executions.values())
        for execution in running:
            execution.interrupt()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def rows(self, job_id: str, batch: int) -> Iterator[list[Row]]:
        """The rows of a finished job in the order they were made; raises ``FileNotFoundError`` when they are gone."""
        return _read(pq.ParquetFile(self._file(job_id)), batch)

    def page(self, job_id: str, first: int, end: int) -> list[Row]:
        """The rows from ``first`` up to, not including, ``end``; raises ``FileNotFoundError`` when they are gone."""
        with pq.ParquetFile(self._file(job_id)) as file:
            return [row for part in _between(file, first, end) for row in part]

    def discard(self, job_id: str) -> None:
        """Delete the rows of a job; raises ``FileNotFoundError`` when there are none."""
        self._file(job_id).unlink()

    def _run(self, job: Job, prepare: Callable[[Job], Execution]) -> None:
        try:
            facts = self._executed(job, prepare)
            if facts is not None:
                self._store.finish(job.id, facts.pop("outcome"), self._now(), **facts)
        finally:
            with self._lock:
                self._executions.pop(job.id, None)
                self._futures.pop(job.id, None)

    def _executed(
        self, job: Job, prepare: Callable[[Job], Execution]
    ) -> dict[str, Any] | None:
        """How it ended; None when it was stopped, to be cancelled or to start again."""
        most = self._limits.background_rows
        try:
            execution = prepare(job)
            with self._lock:
                self._executions[job.id] = execution
                if self._stopping:
                    execution.interrupt()
            rows = self._spool(job.id, execution)
        except EngineError as error:
            if error.interrupted and not error.timed_out:
                return None
            return {
                "outcome": "timedOut" if error.timed_out else "failed",
                "reason": str(error),
            }
        except OSError as error:
            logger.exception("sandbox could not keep the rows of a job")
            why = os.strerror(error.errno) if error.errno else "disk trouble"
            return {
                "outcome": "failed",
                "reason": f"The rows could not be stored: {why}.",
            }
        if rows > most:
            self._file(job.id).unlink()
            # Coralogix docs, DataPrime API limitations: MAX_RESULTS and its message.
            return {
                "outcome": "failed",
                "reason": f"Max results is {most}. Refine your query.",
            }
        return {
            "outcome": "success",
            "rows": rows,
            "bytes_scanned": execution.bytes_scanned,
        }

    def _spool(self, job_id: str, execution: Execution) -> int:
        path = self._file(job_id)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        rows = 0
        try:
            with pq.ParquetWriter(
                temporary, _SCHEMA, compression="zstd", compression_level=1
            ) as writer:
                for batch in execution.batches(_BATCH):
                    writer.write_batch(
                        pa.record_batch(list(zip(*batch, strict=True)), schema=_SCHEMA)
                    )
                    rows += len(batch)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        return rows

    def _forget_old(self) -> None:
        """Keep what is stored within its bounds of age, number and bytes; the oldest goes first."""
        before = self._now() - self._limits.job_lifetime
        for job_id in self._store.prune(before=before, keep=self._limits.jobs_kept):
            self._file(job_id).unlink(missing_ok=True)
        sizes = {
            file.stem: file.stat().st_size for file in self._folder.glob("*.parquet")
        }
        excess = sum(sizes.values()) - self._limits.jobs_bytes
        for job in self._store.all():
            if excess <= 0:
                break
            if job.id in sizes:
                excess -= sizes[job.id]
                self._store.delete(job.id)
                self._file(job.id).unlink(missing_ok=True)

    def _file(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.parquet"


def _read(file: pq.ParquetFile, batch: int) -> Iterator[list[Row]]:
    with file:
        for part in file.iter_batches(batch_size=batch):
            yield list(map(Row, *(column.to_pylist() for column in part.columns)))


def _between(file: pq.ParquetFile, first: int, end: int) -> Iterator[list[Row]]:
    """Rows of a range, a row group at a time; those beside it are not read."""
    start = 0
    for number in range(file.num_row_groups):
        size = file.metadata.row_group(number).num_rows
        low, high = max(first - start, 0), min(end - start, size)
        if low < high:
            part = file.read_row_group(number).slice(low, high - low)
            yield list(map(Row, *(column.to_pylist() for column in part.columns)))
        start += size


def _tell_failure(future: Future[None]) -> None:
    """A fault of our own must not vanish in the pool."""
    if not future.cancelled() and (error := future.exception()) is not None:
        logger.error("sandbox job failed", exc_info=error)
