"""Idle DuckDB engines kept for reuse: opening one costs as much as reading a page.

An engine serves one reader at a time and only the files it was opened for, which never change. A few
are kept for a minute. A forked process starts without any: those it inherits belong to its parent
and are not even closed.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from queries.results.engine import Bounds, Engine

MAX_IDLE: Final = 4
IDLE_SECONDS: Final = 60.0

Key = tuple[tuple[Path, ...], Bounds]
Entry = tuple[Key, Engine, float]  # last use


class EnginePool:
    """Idle engines by files and bounds, the longest idle first."""

    _idle: list[Entry]

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._inherited: list[list[Entry]] = []
        self._start()
        os.register_at_fork(after_in_child=self._leave_behind)

    def acquire(self, key: Key, scratch: Callable[[], Path]) -> Engine:
        """Return an engine for one reader; `scratch` names a directory for a new one."""
        with self._lock:
            found = next((entry for entry in self._idle if entry[0] == key), None)
            if found:
                self._idle.remove(found)
        if found:
            return found[1]
        files, bounds = key
        return Engine(files, scratch(), bounds)

    def release(self, key: Key, engine: Engine) -> None:
        """Keep the engine for the next reader; close those that were idle too long."""
        with self._lock:
            now = self._clock()
            if engine.as_new:
                self._idle.append((key, engine, now))
            limit = now - IDLE_SECONDS
            kept = [entry for entry in self._idle if entry[2] > limit][-MAX_IDLE:]
            closing = [entry[1] for entry in self._idle if entry not in kept]
            self._idle = kept
        for closed in [*closing, *([] if engine.as_new else [engine])]:
            closed.close()

    def close(self) -> None:
        """Close all idle engines."""
        with self._lock:
            closing, self._idle = self._idle, []
        for _, engine, _ in closing:
            engine.close()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._idle = []

    def _leave_behind(self) -> None:
        """Keep references to inherited engines: closing one would wait for threads that do not exist here."""
        self._inherited.append(self._idle)
        self._start()


ENGINE_POOL: Final = EnginePool()
