"""A cancel that nobody watches: the run it belonged to has been deleted."""

from __future__ import annotations

import threading

import structlog

from queries.connections import open_provider
from queries.models import Connection
from queries.providers.errors import ProviderError

log = structlog.get_logger(__name__)


def cancel_unwatched(connection: Connection, job_id: str) -> threading.Thread:
    """Ask the provider once to cancel a job, in a thread of its own. Nobody waits for the answer."""
    # Already used for this run: marking it again would need the database in the thread.
    connection.refresh_from_db()
    thread = threading.Thread(
        target=_cancel, args=(connection, job_id), name="cancel", daemon=True
    )
    thread.start()
    return thread


def _cancel(connection: Connection, job_id: str) -> None:
    try:
        with open_provider(connection) as provider:
            if provider.capabilities.cancel:
                provider.cancel(job_id)
    except ProviderError as error:
        log.info("unwatched_cancel_failed", job=job_id, why=error.message)
