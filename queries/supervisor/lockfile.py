"""One product per data directory: two would share a database and fight over the sandbox's port."""

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
    """The block in which nobody else gets ``directory``. However its process ends, it is free then.

    Raises AlreadyRunsError if somebody has it. Children that are started do not hold it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / LOCK_FILE).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            words = f"Querydeck already runs here (data directory {directory})."
            raise AlreadyRunningError(words) from error
        yield
