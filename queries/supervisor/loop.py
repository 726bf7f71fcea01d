"""The supervisor's loop: keep the children running until told to stop, then end all of them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType

import structlog
from django.db import DatabaseError, InterfaceError

from queries.supervisor.child import Child

TICK_SECONDS = 0.25
STOP_TIMEOUT = 20.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

log = structlog.get_logger(__name__)


class Supervisor:
    """Runs children and calls ``callbacks`` between checks. ``run`` returns after a signal."""

    def __init__(
        self,
        children: Sequence[Child],
        callbacks: Sequence[Callable[[], None]] = (),
        *,
        on_exit: Callable[[], None] = lambda: None,
        stop_timeout: float = STOP_TIMEOUT,
    ) -> None:
        self.children = children
        self.callbacks = callbacks
        self.on_exit = on_exit
        self.stop_timeout = stop_timeout
        self._signals = 0

    def run(self) -> None:
        """Start everything and stay until SIGTERM or SIGINT; the second one ends it at once."""
        before = {number: signal.signal(number, self._signalled) for number in SIGNALS}
        try:
            while not self._signals:
                for child in self.children:
                    child.tick()
                for chore in self.callbacks:
                    chore()
                time.sleep(TICK_SECONDS)
        finally:
            self._stop()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1

    def _stop(self) -> None:
        """Terminate, wait, then kill every process group."""
        log.debug("stopping")
        try:
            if self._signals <= 1:
                self._say_farewell()
                for child in self.children:
                    child.terminate()
                self._wait()
        finally:
            for child in self.children:
                child.kill()

    def _say_farewell(self) -> None:
        try:
            self.on_exit()
        except (DatabaseError, InterfaceError) as error:
            # Stopping the children matters more.
            log.warning("farewell_failed", why=type(error).__name__)

    def _wait(self) -> None:
        end = time.monotonic() + self.stop_timeout
        while time.monotonic() < end and self._signals <= 1:
            if all(child.has_ended() for child in self.children):
                return
            time.sleep(0.05)
