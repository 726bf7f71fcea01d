"""Whether a run may still use its connection: asked again each time work goes on."""

from __future__ import annotations

from queries.engine import failures
from queries.models import Connection, Run
from queries.providers.errors import ProviderError


def refusal(run: Run) -> ProviderError | None:
    """Why the run may not go on; None if it may.

    Membership may have ended, the account may have been closed and the connection may have
    been deleted since the run was started.
    """
    if run.connection_id is None:
        return failures.connection_gone()
    usable = Connection.objects.visible_to(run.owner).filter(pk=run.connection_id)
    if not run.owner.is_active or not usable.exists():
        return failures.access_lost()
    return None
