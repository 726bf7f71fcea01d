"""Proof that tasks run. Written by tasks, never by the process: a wedged queue looks alive."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from queries.models import Heartbeat

WORKER = "worker"
# Long tasks beat too; more often than this is of no use.
EVERY = timedelta(seconds=3)
STALE_AFTER = timedelta(seconds=60)


def beat(name: str = WORKER) -> None:
    """Write that tasks run, at most every few seconds."""
    now = timezone.now()
    Heartbeat.objects.get_or_create(name=name, defaults={"at": now})
    Heartbeat.objects.filter(name=name, at__lt=now - EVERY).update(at=now)


def last_beat(name: str = WORKER) -> datetime | None:
    """When tasks last ran; None if never."""
    return Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()


def is_alive(name: str = WORKER) -> bool:
    """Whether tasks have run lately."""
    at = last_beat(name)
    return at is not None and timezone.now() - at <= STALE_AFTER
