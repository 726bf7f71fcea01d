"""Executes queries beside the requests and keeps their pages."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any

import msgspec

from sandbox.polytomic.config import PolytomicConfig
from sandbox.polytomic.engine import (
    EngineStoppedError,
    PolytomicEngine,
    QueryFailedError,
)
from sandbox.polytomic.tasks import Task, TaskStore

logger = logging.getLogger("sandbox")

_HEARD_SECONDS = 0.1


class TaskRunner:
    """A small pool of threads."""

    def __init__(
        self,
        config: PolytomicConfig,
        engine: PolytomicEngine,
        store: TaskStore,
        now: Callable[[], datetime],
    ) -> None:
        self._config = config
        self._engine = engine
        self._store = store
        self._now = now
        self._pool = ThreadPoolExecutor(
            config.max_concurrent, thread_name_prefix="sandbox-sql"
        )
        self._lock = threading.Lock()
        self._futures: dict[str, Future[None]] = {}

    def start(self, task: Task) -> None:
        """Begin to execute ``task``; the store tells how it ended."""
        with self._lock:
            self._futures[task.id] = self._pool.submit(self._run, task)

    def wait(self, task_id: str, seconds: float) -> None:
        """Wait until the query has been executed, but no longer than that."""
        with self._lock:
            future = self._futures.get(task_id)
        if future is not None:
            wait([future], seconds)

    def wait_all(self, seconds: float) -> None:
        """Wait until nothing is being executed, but no longer than that."""
        with self._lock:
            futures = list(self._futures.values())
        wait(futures, seconds)

    def stop(self) -> None:
        """End all executions; what had not finished starts again with the next process."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        while self._busy():
            self._engine.stop()
            self.wait_all(_HEARD_SECONDS)
        self._pool.shutdown(wait=True)
        self._engine.close()

    def _busy(self) -> bool:
        with self._lock:
            return any(not future.done() for future in self._futures.values())

    def _run(self, task: Task) -> None:
        try:
            facts = self._executed(task)
            self._store.save(
                msgspec.structs.replace(task, executed_at=self._now(), **facts)
            )
        except EngineStoppedError:
            pass
        except OSError:
            logger.exception("sandbox could not keep the rows of a query")
        finally:
            with self._lock:
                self._futures.pop(task.id, None)

    def _executed(self, task: Task) -> dict[str, Any]:
        try:
            with self._engine.execute(task.query) as result:
                pages = size = 0
                for rows in result.pages(self._config.page_rows):
                    size += len(rows)
                    self._check(result.rows, size)
                    self._store.write_page(task.id, pages, rows)
                    pages += 1
        except QueryFailedError as error:
            return {"outcome": "failed", "error": str(error)}
        return {
            "outcome": "done",
            "fields": tuple(result.fields),
            "count": result.rows,
            "pages": pages,
        }

    def _check(self, rows: int, size: int) -> None:
        if rows > self._config.max_rows:
            raise QueryFailedError(
                f"The result has more than {self._config.max_rows:,} rows."
            )
        if size > self._config.max_bytes:
            raise QueryFailedError(
                f"The result is larger than {self._config.max_bytes:,} bytes."
            )
