"""Access checks that are repeated each time work on a run continues."""

from __future__ import annotations

from queries.models import Connection, Run
from queries.runs.engine import error_texts


def connection_for(run: Run) -> Connection:
    """Return the connection that a run may use now.

    Raises ProviderError (access_lost, connection_gone): since the start of the run a membership may
    have ended, the account may have been closed, the connection may have been deleted.
    """
    if run.connection is None:
        raise error_texts.connection_deleted()
    usable = Connection.objects.visible_to(run.owner).filter(pk=run.connection.pk)
    if not run.owner.is_active or not usable.exists():
        raise error_texts.access_lost()
    return run.connection
