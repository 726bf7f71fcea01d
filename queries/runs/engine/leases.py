"""Claims: taking work by one conditional UPDATE, and committing only while it is still ours."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, TypeVar

from django.db.models import F, QuerySet
from django.utils import timezone

from queries.models import Run, unleased
from queries.models.leases import LeasedModel

# Renewed every few seconds by its holder; after a kill -9 this is how long the work lies still.
LEASE_DURATION = timedelta(seconds=10)

L = TypeVar("L", bound=LeasedModel)


class LeaseLostError(Exception):
    """Somebody else holds the work now: stop, and throw the outcome away."""


def claim(
    rows: QuerySet[L], *, limit: int = 1, lease: timedelta = LEASE_DURATION
) -> list[L]:
    """Take up to ``most`` of ``rows`` that nobody holds, those due first, under one new token."""
    now, token = timezone.now(), uuid.uuid4()
    free = rows.filter(unleased(now))
    pks = list(free.order_by("next_at").values_list("pk", flat=True)[:limit])
    if not pks:
        return []
    mine = {"lease_token": token, "lease_until": now + lease}
    # The two conditions are in one statement: of two claimers, one gets each row.
    if not free.filter(pk__in=pks).update(claims=F("claims") + 1, **mine):
        return []
    # Not through ``rows``: what it asks for may not hold of a row that has a lease.
    return list(QuerySet(rows.model).filter(pk__in=pks, lease_token=token))


def leased_row(run: Run) -> QuerySet[Run]:
    """The row of ``run`` as long as its lease is ours and it has not ended."""
    return Run.objects.active().filter(pk=run.pk, lease_token=run.lease_token)


def commit(run: Run, **changes: Any) -> bool:
    """Write ``changes`` if the lease is still ours; tells whether it was."""
    return bool(leased_row(run).update(**changes))


def renewal_values(lease: timedelta = LEASE_DURATION) -> dict[str, Any]:
    """The changes that keep a lease for another while."""
    return {"lease_until": timezone.now() + lease}


RELEASED_VALUES: dict[str, Any] = {"lease_token": None, "lease_until": None}
