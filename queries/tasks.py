"""Entry points of the queue: an id and one line each. Tasks may be repeated; the database rows decide."""

from __future__ import annotations

from queries.exports import builder
from queries.runs.engine import fetching, heartbeat, scheduler


def run_scheduler() -> str:
    """Advance every background run that is due."""
    return scheduler.run_scheduler()


# Name of the same task in queues filled by release 0.1.0; remove it in 0.3.0.
pump = run_scheduler


def fetch(run_id: str) -> str:
    """Fetch the rows of one run whose job has succeeded."""
    with heartbeat.beat_in_background():
        return fetching.fetch(run_id)


def build_export(export_id: str) -> None:
    """Build the file of one export."""
    with heartbeat.beat_in_background():
        builder.build_export(export_id)


def beat() -> None:
    """Record a heartbeat."""
    heartbeat.force_beat()
