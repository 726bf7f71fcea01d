"""Cancel jobs whose run was deleted or has ended."""

from __future__ import annotations

import threading

import structlog
from django.db import connection as database
from django.db.models import Q

from queries.connections.services import open_provider
from queries.models import Connection, Run
from queries.models.runs import ACTIVE_STATUSES
from queries.providers.errors import ProviderError

log = structlog.get_logger(__name__)


def cancel_job_in_background(connection: Connection, job_id: str) -> threading.Thread:
    """Send one cancel from a thread of its own; its outcome is only logged."""
    connection.refresh_from_db()
    thread = threading.Thread(
        target=_cancel, args=(connection, job_id), name="cancel", daemon=True
    )
    thread.start()
    return thread


def cancel_orphan(run: Run, job_id: str) -> None:
    """Cancel a job that was submitted for a run that has ended or was deleted."""
    if not (job_id and run.connection_id):
        return
    wanted = Q(status__in=ACTIVE_STATUSES) | Q(job_id=job_id)
    if Run.objects.filter(wanted, pk=run.pk).exists():
        return
    connection = Connection.objects.filter(pk=run.connection_id).first()
    if connection is not None:
        cancel_job_in_background(connection, job_id)


def _cancel(connection: Connection, job_id: str) -> None:
    try:
        with open_provider(connection) as provider:
            if provider.capabilities.cancel:
                provider.cancel(job_id)
    except ProviderError as error:
        log.info("unwatched_cancel_failed", job=job_id, why=error.message)
    finally:
        # This thread may mark the connection as used, so it has a database connection to close.
        database.close()
