"""One product per data directory: two would share a database and compete for the sandbox's port."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_FILE = "up.lock"


class AlreadyRunningError(Exception):
    """Another product runs on this data directory; ``str()`` says so."""


@contextmanager
def exclusive_lock(directory: Path) -> Iterator[None]:
    """Lock ``directory`` for the length of the block. The lock ends with the process.

    Raises AlreadyRunningError if it is locked. Started children do not hold the lock.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / LOCK_FILE).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            words = f"Querydeck already runs here (data directory {directory})."
            raise AlreadyRunningError(words) from error
        yield
