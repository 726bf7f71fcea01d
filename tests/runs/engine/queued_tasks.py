"""Which wake-ups wait in the queue."""

from __future__ import annotations

from django_q.models import OrmQ
from django_q.signing import SignedPackage


def queued_tasks() -> list[dict]:
    return [SignedPackage.loads(row.payload) for row in OrmQ.objects.order_by("pk")]


def queued_args(task: str) -> list[tuple]:
    """The arguments of each wake-up for ``task``."""
    return [package["args"] for package in queued_tasks() if package["func"] == task]
