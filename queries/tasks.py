"""What the queue runs: an id and one line each. The rows are the truth; tasks may repeat."""

from __future__ import annotations

from queries.exports import builder
from queries.runs.engine import fetching, heartbeat
from queries.runs.engine import scheduler as pumping


def pump() -> str:
    """Move every background run that is due."""
    return pumping.pump()


def fetch(run_id: str) -> str:
    """Fetch the rows of one run whose job has succeeded."""
    with heartbeat.beating():
        return fetching.fetch(run_id)


def build_export(export_id: str) -> None:
    """Build the file of one export."""
    with heartbeat.beating():
        builder.build_export(export_id)


def beat() -> None:
    """Prove that tasks run."""
    heartbeat.answer()
