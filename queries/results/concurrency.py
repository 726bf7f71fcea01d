"""A weighted semaphore: all readers of this process share a bounded number of DuckDB threads.

Without it, twenty users who open a large result at once would start twenty scans, and each would
take twenty times as long, sign-in pages included.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from queries.results.errors import BusyError

DEFAULT_CAPACITY: Final = 3


def never() -> bool:
    """Return False: the reader never gives up."""
    return False


class WeightedSemaphore:
    """Admits as many threads as its capacity; further readers wait."""

    def __init__(self, places: int = DEFAULT_CAPACITY) -> None:
        self.capacity = places
        self.reset()
        os.register_at_fork(after_in_child=self.reset)

    def reset(self) -> None:
        """Free the whole capacity: after a fork the holders, and the lock, are in the parent process."""
        self._freed = threading.Condition()
        self._taken = 0

    @contextmanager
    def acquire(
        self, threads: int, seconds: float, given_up: Callable[[], bool] = never
    ) -> Iterator[None]:
        """Hold `threads` units during the block. Raises BusyError if none are free for `seconds`.

        Also raises it when `given_up` returns true, before or (after `notify_waiters`) while waiting.
        """
        wanted = min(threads, self.capacity)
        with self._freed:
            free = self._freed.wait_for(
                lambda: given_up() or self._taken + wanted <= self.capacity, seconds
            )
            if given_up() or not free:
                raise BusyError
            self._taken += wanted
        try:
            yield
        finally:
            with self._freed:
                self._taken = max(0, self._taken - wanted)
                self._freed.notify_all()

    def notify_waiters(self) -> None:
        """Make all waiting readers check whether they were given up."""
        with self._freed:
            self._freed.notify_all()


READ_SLOTS: Final = WeightedSemaphore()
