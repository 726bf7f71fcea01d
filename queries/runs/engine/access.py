"""Whether a run may still use its connection: asked again each time work goes on."""

from __future__ import annotations

from queries.models import Connection, Run
from queries.runs.engine import error_texts


def connection_for(run: Run) -> Connection:
    """The connection to use now. Raises ProviderError (access_lost, connection_gone).

    Membership may have ended, the account may have been closed and the connection may have
    been deleted since the run was started.
    """
    if run.connection is None:
        raise error_texts.connection_deleted()
    usable = Connection.objects.visible_to(run.owner).filter(pk=run.connection.pk)
    if not run.owner.is_active or not usable.exists():
        raise error_texts.access_lost()
    return run.connection
