"""Heartbeats: proof that tasks run. Written by tasks only, because a stuck queue has living processes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, connection
from django.utils import timezone

from queries.models import Heartbeat

log = structlog.get_logger(__name__)

WORKER = "worker"
# Long tasks write heartbeats too; a shorter interval has no use.
BEAT_INTERVAL = timedelta(seconds=3)
STALE_AFTER = timedelta(seconds=60)


def beat(name: str = WORKER) -> None:
    """Record that tasks run, at most every few seconds."""
    _write(name, not_since=timezone.now() - BEAT_INTERVAL)


def force_beat(name: str = WORKER) -> None:
    """Record that tasks run, regardless of the last time."""
    _write(name, not_since=timezone.now())


def _write(name: str, *, not_since: datetime) -> None:
    now = timezone.now()
    Heartbeat.objects.get_or_create(name=name, defaults={"at": now})
    Heartbeat.objects.filter(name=name, at__lt=not_since).update(at=now)


@contextmanager
def beat_in_background() -> Iterator[None]:
    """Record heartbeats while a long task runs, so that busy workers do not look stuck."""
    over = threading.Event()
    thread = threading.Thread(
        target=_beat_until, args=(over,), name="beat", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def last_beat(name: str = WORKER) -> datetime | None:
    """Return when tasks last ran; None if never."""
    return Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()


def is_alive(name: str = WORKER) -> bool:
    """Return whether tasks have run recently."""
    at = last_beat(name)
    return at is not None and timezone.now() - at <= STALE_AFTER


def _beat_until(over: threading.Event) -> None:
    try:
        while not over.is_set():
            _beat_safely()
            over.wait(BEAT_INTERVAL.total_seconds())
    finally:
        connection.close()


def _beat_safely() -> None:
    try:
        beat()
    except DatabaseError as error:
        log.warning("beat_missed", why=type(error).__name__)
