"""Read batches in a thread while earlier ones are used: DuckDB and Arrow release the interpreter meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final

import pyarrow as pa

#: What may wait to be used. Larger ones, as with rows of a megabyte each, are read when they are asked for.
MAX_BATCHES: Final = 2
MAX_BYTES: Final = 10 * 2**20
_SECONDS_TO_STOP: Final = 0.05

Source = Generator[pa.RecordBatch]
Waiting = deque[Future[pa.RecordBatch | None]]


def prefetch(source: Source, stop: Callable[[], None]) -> Source:
    """Yield the batches of `source` in order; its exceptions are raised in place of the batch.

    Closed early, it calls `stop` until the batch being read is given up, waits for the thread and closes `source`:
    no thread reads any more when `close` returns.
    """
    waiting: Waiting = deque()
    with ThreadPoolExecutor(1, "rows") as pool:
        try:
            waiting.append(pool.submit(next, source, None))
            while (batch := waiting.popleft().result()) is not None:
                for _ in range(_wanted(batch, len(waiting))):
                    waiting.append(pool.submit(next, source, None))
                yield batch
                del batch  # the consumer may be done with it before the next one exists
                if not waiting:
                    waiting.append(pool.submit(next, source, None))
        finally:
            _give_up(waiting, stop)
            source.close()


def _wanted(batch: pa.RecordBatch, waiting: int) -> int:
    """Return how many more may be read ahead, if the next ones are as large as this one."""
    by_size: int = MAX_BYTES // max(batch.nbytes, 1)
    return max(0, min(MAX_BATCHES, by_size) - waiting)


def _give_up(waiting: Waiting, stop: Callable[[], None]) -> None:
    """Cancel the waiting reads, and wait for the running one."""
    for begun in [future for future in waiting if not future.cancel()]:
        while not begun.done():
            stop()  # repeatedly: an interruption between two steps has no effect
            with suppress(TimeoutError):
                begun.exception(_SECONDS_TO_STOP)
