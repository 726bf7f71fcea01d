"""Queries as they were asked, how far the clock says they are, how they ended. They outlive the process, as files."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

State = Literal["created", "running", "done", "failed", "unknown"]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One query. ``outcome`` is set once it has been executed; all times in UTC."""

    id: str
    owner: str
    organisation: str
    connection: str
    query: str
    created_at: datetime
    waiting: float
    running: float
    key: str = ""  # the Idempotency-Key it came with
    outcome: Literal["", "done", "failed", "unknown"] = ""
    executed_at: datetime | None = None
    error: str = ""
    fields: tuple[str, ...] = ()
    count: int = 0
    pages: int = 0

    @property
    def due_at(self) -> datetime:
        """When it is over at the earliest."""
        return self.created_at + timedelta(seconds=self.waiting + self.running)

    @property
    def ended_at(self) -> datetime | None:
        """When it is over: not before it was executed, nor before its pace allows."""
        return None if self.executed_at is None else max(self.executed_at, self.due_at)

    def state(self, now: datetime) -> State:
        """How far it is at ``now``."""
        if self.outcome and self.ended_at is not None and now >= self.ended_at:
            return self.outcome
        started = self.created_at + timedelta(seconds=self.waiting)
        return "created" if now < started else "running"


class TaskStore:
    """A directory for each query: ``task.json`` and the pages of its result. Safe to use from several threads."""

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder = folder
        self._keep = keep
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._tasks = {
            task.id: task for task in sorted(_found(folder), key=lambda t: t.created_at)
        }

    def get(self, task_id: str) -> Task | None:
        """The query of that id."""
        with self._lock:
            return self._tasks.get(task_id)

    def all(self) -> list[Task]:
        """Every query, oldest first."""
        with self._lock:
            return list(self._tasks.values())

    def save(self, task: Task) -> None:
        """Keep a query, or what has become of it; the oldest ones go when there are too many."""
        folder = self._folder / task.id
        folder.mkdir(exist_ok=True)
        temporary = folder / "task.tmp"
        temporary.write_bytes(msgspec.json.encode(task))
        temporary.replace(folder / "task.json")
        with self._lock:
            self._tasks[task.id] = task
            old = list(self._tasks)[: -self._keep]
            for task_id in old:
                del self._tasks[task_id]
        for task_id in old:
            shutil.rmtree(self._folder / task_id, ignore_errors=True)

    def write_page(self, task_id: str, number: int, rows: bytes) -> None:
        """Keep one page of a result."""
        (self._folder / task_id / f"{number}.json").write_bytes(rows)

    def page(self, task_id: str, number: int) -> bytes:
        """One page of a result, a JSON array. Raises ``FileNotFoundError`` when it is gone."""
        return (self._folder / task_id / f"{number}.json").read_bytes()


def _found(folder: Path) -> Iterator[Task]:
    for path in folder.glob("*/task.json"):
        try:
            yield msgspec.json.decode(path.read_bytes(), type=Task)
        except (OSError, ValueError):
            shutil.rmtree(
                path.parent, ignore_errors=True
            )  # of another version, or cut by a crash
