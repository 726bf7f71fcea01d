"""One supervised process and everything it has forked."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import structlog

PR_SET_PDEATHSIG = 1
INITIAL_RESTART_DELAY = 0.25
MAX_RESTART_DELAY = 10.0
# A process that ran this long was healthy: the next restart is immediate again.
STABLE_AFTER = 10.0

log = structlog.get_logger(__name__)


class Child:
    """A command to keep running; it leads a process group, so that nothing it forked survives it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str],
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.env = dict(env)
        self.quiet = quiet
        self.started_at = 0.0
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._short_lives = 0
        self._not_before = 0.0

    @property
    def pid(self) -> int:
        """The process id, or 0 if it is not running."""
        return self._process.pid if self._process else 0

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return self._clock() - self.started_at

    def tick(self) -> None:
        """Start it if it is not running and its delay is over; notice if it has ended."""
        if self._process is None:
            if self._clock() >= self._not_before:
                self._start()
        elif (code := self._process.poll()) is not None:
            log.warning("child_ended", child=self.name, code=code)
            self.restart()

    def restart(self) -> None:
        """Kill the group, whatever is left of it, and start again after a delay."""
        self.kill()
        self._short_lives = 0 if self.age >= STABLE_AFTER else self._short_lives + 1
        pause = min(
            INITIAL_RESTART_DELAY * 2.0 ** min(self._short_lives, 16), MAX_RESTART_DELAY
        )
        self._not_before = self._clock() + (pause if self._short_lives else 0.0)

    def terminate(self) -> None:
        """Send SIGTERM."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.terminate()

    def has_ended(self) -> bool:
        """Return whether the process itself has ended; what it forked may still run."""
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """Kill the whole group now, and wait for it."""
        if self._process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _start(self) -> None:
        self.started_at = self._clock()
        self._process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            env=self.env,
            process_group=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if self.quiet else None,
            preexec_fn=_end_with_parent,
        )
        log.debug("child_started", child=self.name, pid=self.pid)


def _end_with_parent() -> None:  # pragma: no cover - runs between fork and exec
    """Have the new process receive SIGTERM if the supervisor dies, even by kill -9 (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
