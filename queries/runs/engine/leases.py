"""Claim work with one conditional UPDATE, and commit only while the lease is held."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, TypeVar

from django.db.models import F, QuerySet
from django.utils import timezone

from queries.models import Run, unleased
from queries.models.leases import LeasedModel

# Renewed every few seconds by its holder; after a kill -9 the work waits this long.
LEASE_DURATION = timedelta(seconds=10)

L = TypeVar("L", bound=LeasedModel)


class LeaseLostError(Exception):
    """Another holder has the work now: stop, and discard the outcome."""


def claim(
    rows: QuerySet[L], *, limit: int = 1, lease: timedelta = LEASE_DURATION
) -> list[L]:
    """Claim up to ``limit`` unleased rows, those due first, under one new token."""
    now, token = timezone.now(), uuid.uuid4()
    free = rows.filter(unleased(now))
    pks = list(free.order_by("next_at").values_list("pk", flat=True)[:limit])
    if not pks:
        return []
    mine = {"lease_token": token, "lease_until": now + lease}
    # Both conditions are in one statement: of two processes, one gets each row.
    if not free.filter(pk__in=pks).update(claims=F("claims") + 1, **mine):
        return []
    # Not through ``rows``: its conditions may not hold for a leased row.
    return list(QuerySet(rows.model).filter(pk__in=pks, lease_token=token))


def leased_row(run: Run) -> QuerySet[Run]:
    """Return the queryset of ``run``'s row while its lease is ours and it has not ended."""
    return Run.objects.active().filter(pk=run.pk, lease_token=run.lease_token)


def commit(run: Run, **changes: Any) -> bool:
    """Write ``changes`` if the lease is still held; return whether it was."""
    return bool(leased_row(run).update(**changes))


def renewal_values(lease: timedelta = LEASE_DURATION) -> dict[str, Any]:
    """Return the column values that renew a lease."""
    return {"lease_until": timezone.now() + lease}


RELEASED_VALUES: dict[str, Any] = {"lease_token": None, "lease_until": None}
