"""Run one statement on the files of one result in a child process.

The child (`refine.child`) has none of our secrets and is killed, with all it may have started, at the
time limit or when the answer is no longer needed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa

from queries.results.engine import lock_down
from queries.results.errors import (
    MemoryLimitError,
    QueryTimeoutError,
    ResultError,
    ResultsDamagedError,
    ResultsMissingError,
)

_CODE: Final = Path(__file__).resolve().parents[3]
_MAX_STDERR_BYTES: Final = 65_536  # bytes; DuckDB may quote a long statement
_OVERHEAD: Final = (
    2 * 2**30
)  # address space, not memory: Python, Arrow and DuckDB themselves
_LAST_WORDS: Final = 5.0  # seconds
_NO_ROOM: Final = (
    "The server's disk has no room for what this statement puts aside while it works. "
    "Ask for fewer rows or groups, or contact the administrator of this server."
)
_TERMINATED: Final = (-signal.SIGKILL, -signal.SIGXCPU)


@dataclass(frozen=True)
class RefineBounds:
    """Limits of one refine: memory and spilled bytes, seconds, open files."""

    memory_bytes: int = 2**30
    spill_bytes: int = 4 * 2**30
    seconds: float = 120.0
    open_files: int = 256


@dataclass(frozen=True)
class RefineRequest:
    """The request. Either `text`, a user's SQL, over the relations of `views`;
    or `sql` of our own with its bound `params`, whose columns are delivered as they are.

    `files` are the result's parts; `views` are the CREATE VIEW statements over them.
    """

    files: Sequence[str]
    views: Sequence[str]
    text: str | None = None
    sql: str = ""
    params: Sequence[Any] = ()


class StatementError(ResultError):
    """The statement is wrong or refused; the text says why. `line` and `column` count from 1."""

    default = "Query error."

    def __init__(self, message: str = "", line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


class ClosedError(StatementError):
    """The statement tried to reach something it has no access to."""

    default = (
        "A refine reads the rows of its result and nothing else: no files, no network, "
        "no settings."
    )


class RefineProcess:
    """Answers one `Refine`; use it in `with`. `scratch` is a directory, not there yet.

    `batches` gives the answer: for SQL a column `row` of JSON texts (no longer than 32 MB each),
    else the columns of `Refine.sql`. `hints` is filled with the first batch. Raises
    StatementError, QueryTimeoutError, MemoryLimitError, ResultsMissingError, ResultError.
    """

    def __init__(
        self, asked: RefineRequest, scratch: Path, bounds: RefineBounds = RefineBounds()
    ) -> None:
        self.hints: dict[str, str] = {}
        self._asked = asked
        self._scratch = scratch
        self._bounds = bounds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._late = False
        self._broken = False

    def __enter__(self) -> RefineProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def abort(self) -> None:
        """End the process and all it may have started. From any thread; may be repeated."""
        with self._lock:
            self._stopped = True
            self._kill()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the answer, batch by batch; ends early, without an error, after `abort`."""
        with self._prepared() as trouble:
            process = self._started(trouble)
            if process is None:
                return
            clock = threading.Timer(self._bounds.seconds, self._expire)
            clock.start()
            try:
                yield from self._read(process)
                # Its input stays open until it has ended: the end of that ends it.
                if not self._broken:
                    process.wait()
            finally:
                clock.cancel()
                clock.join()
                self._end(process)
            self._raise_error(process, trouble)

    def _prepared(self) -> IO[bytes]:
        """Return the file for the process's errors, in a directory of its own."""
        try:
            self._scratch.mkdir(mode=0o700, parents=True)
            return (self._scratch / "trouble").open("w+b")
        except OSError as error:
            raise ResultError(_NO_ROOM) from error

    def _started(self, trouble: IO[bytes]) -> subprocess.Popen[bytes] | None:
        """Start the process and send the request; return None when it was aborted before."""
        with self._lock:
            if self._stopped:
                return None
            self._process = process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", "queries.results.refine.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=trouble,
                cwd=self._scratch,
                env={
                    "PYTHONPATH": str(_CODE),
                    "HOME": str(self._scratch),
                    "LC_ALL": "C.UTF-8",
                },
                start_new_session=True,  # a group of its own, killed as one
            )
        # It stays open: when this process is gone, the other reads its end, and ends.
        with suppress(BrokenPipeError):  # it has ended already, and `_judge` says why
            _pipe(process.stdin).write(json.dumps(self._question()).encode() + b"\n")
            _pipe(process.stdin).flush()
        return process

    def _question(self) -> dict[str, Any]:
        bounds, asked = self._bounds, self._asked
        return {
            "text": asked.text,
            "sql": asked.sql,
            "params": [_plain(value) for value in asked.params],
            "views": list(asked.views),
            "files": list(asked.files),
            "scratch": str(self._scratch),
            "settings": lock_down(
                asked.files, self._scratch / "spill", f"{bounds.spill_bytes}B"
            ),
            "bounds": {
                "memory_bytes": bounds.memory_bytes,
                "address_space": bounds.memory_bytes + _OVERHEAD,
                "cpu_seconds": int(bounds.seconds) + 1,
                "file_bytes": bounds.spill_bytes,
                "open_files": bounds.open_files,
            },
        }

    def _read(self, process: subprocess.Popen[bytes]) -> Iterator[pa.RecordBatch]:
        try:
            stream = pa.ipc.open_stream(_pipe(process.stdout))
            self.hints = json.loads((stream.schema.metadata or {}).get(b"hints", b"{}"))
            yield from stream
        except (pa.ArrowInvalid, OSError):
            self._broken = True  # most often because it has ended, as `_judge` explains

    def _expire(self) -> None:
        self._late = True
        self.abort()

    def _kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Make sure that the process has ended, also when its answer was abandoned."""
        _pipe(process.stdout).close()
        if self._broken:
            # It may be about to say why.
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LAST_WORDS)
        with self._lock:
            self._kill()
        # What it never read of its question is written once more now, in vain.
        with suppress(BrokenPipeError):
            _pipe(process.stdin).close()
        process.wait()

    def _raise_error(
        self, process: subprocess.Popen[bytes], trouble: IO[bytes]
    ) -> None:
        """Raise the error that ended the answer, if any."""
        if self._late:
            raise QueryTimeoutError
        if self._stopped or (process.returncode == 0 and not self._broken):
            return
        trouble.seek(0)
        told = _last_json(trouble.read(_MAX_STDERR_BYTES))
        if process.returncode in _TERMINATED:
            raise QueryTimeoutError
        raise _ERRORS.get(told.get("kind", ""), _other)(told)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("The process has no such pipe.")
    return pipe


def _plain(value: Any) -> Any:
    return {"time": value.isoformat()} if isinstance(value, datetime) else value


def _last_json(text: bytes) -> dict[str, Any]:
    """Return the last JSON line of the process; libraries may have printed before."""
    try:
        told = json.loads(text.splitlines()[-1])
    except (ValueError, IndexError):
        return {}
    return told if isinstance(told, dict) else {}


def _statement(told: dict[str, Any]) -> ResultError:
    return StatementError(
        told.get("message", ""), told.get("line", 0), told.get("column", 0)
    )


def _other(_: dict[str, Any]) -> ResultError:
    return ResultError(
        "The statement could not be carried through: it may need more memory than is allowed."
    )


_ERRORS: Final[dict[str, Callable[[dict[str, Any]], ResultError]]] = {
    "statement": _statement,
    "refused": _statement,
    "closed": lambda _: ClosedError(),
    "memory": lambda _: MemoryLimitError(),
    "missing": lambda _: ResultsMissingError(),
    "damaged": lambda _: ResultsDamagedError(),
    "full": lambda _: ResultError(_NO_ROOM),
}
