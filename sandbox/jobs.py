"""Background queries: what was asked, how far the clock says it is, how it ended. They outlive the process."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from sandbox.config import Pace

Outcome = Literal["success", "failed", "timedOut", "cancelled"]
Phase = Literal["waiting", "running", "success", "failed", "timedOut", "cancelled"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS job (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, wire TEXT NOT NULL, request TEXT NOT NULL, warnings TEXT NOT NULL,
    submitted_at TEXT NOT NULL, waiting REAL NOT NULL, running REAL NOT NULL, cancelling REAL NOT NULL,
    executed_at TEXT, outcome TEXT, reason TEXT, rows INTEGER, bytes_scanned INTEGER, cancel_asked_at TEXT
)
"""


@dataclass(frozen=True)
class Job:
    """One background query. ``request`` is the wire's own (JSON), ``warnings`` what was said at submit (JSON)."""

    id: str
    tenant: str
    wire: str
    request: bytes
    warnings: bytes
    submitted_at: datetime
    pace: Pace
    executed_at: datetime | None = None
    outcome: Outcome | None = None
    reason: str = ""
    rows: int = 0
    bytes_scanned: int = 0
    cancel_asked_at: datetime | None = None

    @property
    def starts_at(self) -> datetime:
        """When it stops waiting."""
        return self.submitted_at + timedelta(seconds=self.pace.waiting)

    @property
    def due_at(self) -> datetime:
        """When it is over at the earliest, unless it is cancelled."""
        return self.starts_at + timedelta(seconds=self.pace.running)

    @property
    def ends_at(self) -> datetime | None:
        """When it is over as far as is known now: not before its rows are there, nor before its pace allows."""
        if self.cancel_asked_at is not None:
            return self.cancel_asked_at + timedelta(seconds=self.pace.cancelling)
        if self.executed_at is None:
            return None
        return max(self.executed_at, self.due_at)

    def phase(self, now: datetime) -> Phase:
        """How far it is at ``now``. An accepted cancel wins over a result that comes later."""
        if self.ends_at is not None and now >= self.ends_at:
            return (
                "cancelled"
                if self.cancel_asked_at is not None
                else self.outcome or "running"
            )
        return "waiting" if now < self.starts_at else "running"


class JobStore:
    """Jobs in a small SQLite file; every call is one statement in a transaction of its own, safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        with self._lock:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(_SCHEMA)

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()

    def add(self, job: Job) -> None:
        """Keep a new job."""
        values = (
            job.id, job.tenant, job.wire, job.request.decode(), job.warnings.decode(), job.submitted_at.isoformat(),
            job.pace.waiting, job.pace.running, job.pace.cancelling,
        )  # fmt: skip
        self._run(
            "INSERT INTO job (id, tenant, wire, request, warnings, submitted_at, waiting, running, cancelling) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *values,
        )

    def get(self, job_id: str) -> Job | None:
        """The job of that id."""
        found = self._jobs("WHERE id = ?", job_id)
        return found[0] if found else None

    def all(self) -> list[Job]:
        """Every job, oldest first."""
        return self._jobs("ORDER BY submitted_at, id")

    def unfinished(self) -> list[Job]:
        """Jobs whose rows were still being made when the process ended."""
        return self._jobs(
            "WHERE executed_at IS NULL AND cancel_asked_at IS NULL ORDER BY submitted_at"
        )

    def finish(self, job_id: str, outcome: Outcome, at: datetime, **facts: Any) -> None:
        """Note how the execution ended (once); ``facts``: ``reason``, ``rows``, ``bytes_scanned``."""
        values = (
            outcome,
            at.isoformat(),
            facts.get("reason", ""),
            facts.get("rows", 0),
            facts.get("bytes_scanned", 0),
        )
        self._run(
            "UPDATE job SET outcome = ?, executed_at = ?, reason = ?, rows = ?, bytes_scanned = ? "
            "WHERE id = ? AND executed_at IS NULL",
            *values,
            job_id,
        )

    def request_cancel(self, job_id: str, at: datetime) -> None:
        """Note that it is to be cancelled (once)."""
        self._run(
            "UPDATE job SET cancel_asked_at = ? WHERE id = ? AND cancel_asked_at IS NULL",
            at.isoformat(),
            job_id,
        )

    def delete(self, job_id: str) -> None:
        """Forget one job."""
        self._run("DELETE FROM job WHERE id = ?", job_id)

    def prune(self, *, before: datetime, keep: int) -> list[str]:
        """Drop jobs submitted before ``before`` and all but the newest ``keep``; returns the ids dropped."""
        old = "DELETE FROM job WHERE submitted_at < ? OR id NOT IN (SELECT id FROM job ORDER BY submitted_at DESC LIMIT ?)"
        return [
            row["id"]
            for row in self._run(f"{old} RETURNING id", before.isoformat(), keep)
        ]

    def _jobs(self, clause: str, *values: str) -> list[Job]:
        return [_job(row) for row in self._run(f"SELECT * FROM job {clause}", *values)]  # noqa: S608 - our own clauses

    def _run(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        tenant=row["tenant"],
        wire=row["wire"],
        request=row["request"].encode(),
        warnings=row["warnings"].encode(),
        submitted_at=datetime.fromisoformat(row["submitted_at"]),
        pace=Pace(row["waiting"], row["running"], row["cancelling"]),
        executed_at=_moment(row["executed_at"]),
        outcome=row["outcome"],
        reason=row["reason"] or "",
        rows=row["rows"] or 0,
        bytes_scanned=row["bytes_scanned"] or 0,
        cancel_asked_at=_moment(row["cancel_asked_at"]),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
