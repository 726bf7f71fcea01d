"""Child processes: how long one took, how much memory it had at most, and servers to ask."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

from tests.paths import ROOT

SECONDS_TO_START = 60


@dataclass(frozen=True)
class ProcessResult:
    """What a child printed as its last line (JSON), and its peak resident memory in bytes."""

    output: Any
    peak: int


def measure(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> ProcessResult:
    """Run a command to its end. Raises RuntimeError with what it printed when it fails."""
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    text = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}: {text}")
    return ProcessResult(
        json.loads(text.strip().splitlines()[-1]), usage.ru_maxrss * 1024
    )


@contextmanager
def server(
    command: Sequence[str], url: str, environment: Mapping[str, str]
) -> Iterator[int]:
    """A server that answers at `url`, for as long as the block lasts; gives its process id."""
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(url, child)
        yield child.pid
    finally:
        os.killpg(child.pid, signal.SIGTERM)
        child.wait(20)


def _wait_for(url: str, child: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and child.poll() is None:
        try:
            httpx.get(url, timeout=30)
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"Nothing answers at {url}")


def max_rss(pid: int) -> int:
    """Resident memory of the largest process of a server, in bytes: each has its own limit."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return max(int(process.memory_info().rss) for process in family)
