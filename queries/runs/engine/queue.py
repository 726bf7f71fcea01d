"""Enqueue tasks. A lost task loses no work: recovery enqueues it again.

With the ORM broker a task is a row in our transaction, and its ``lock`` is the time from which
it is visible, so a task can be delayed (django-q2 has no public way to do that). With Redis a
task is sent after the commit, and delayed ones are left to recovery.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from redis.exceptions import RedisError

from queries.models import SchedulerLock

RUN_SCHEDULER = "queries.tasks.run_scheduler"
FETCH = "queries.tasks.fetch"
BEAT = "queries.tasks.beat"
BUILD_EXPORT = "queries.tasks.build_export"

log = structlog.get_logger(__name__)

# Tasks that read or write a whole result take longer than the queue's own limit. That the
# queue hands them out again meanwhile is harmless: the lease turns the second one away.
TASK_TIMEOUTS: dict[str, int] = {FETCH: 3600, BUILD_EXPORT: 3600}

ENQUEUE_NOW_WITHIN = timedelta(seconds=0.5)
# A wake-up that is overdue by this long was lost.
LOST_AFTER = timedelta(seconds=5)


def enqueue(task: str, *args: str, at: datetime | None = None) -> None:
    """Enqueue ``task`` with ids only, now or at ``at``, as part of the transaction."""
    package = _package(task, args)
    now = timezone.now()
    if Conf.ORM:
        OrmQ.objects.using(Conf.ORM).create(
            key=Conf.CLUSTER_NAME, payload=package, lock=at or now
        )
    elif at is None or at <= now + ENQUEUE_NOW_WITHIN:
        transaction.on_commit(partial(_enqueue, package))


def enqueue_scheduler(at: datetime | None = None) -> None:
    """Enqueue the scheduler, unless an earlier or equal wake-up is already enqueued."""
    now = timezone.now()
    when = at or now
    pending = Q(wake_at__gt=now - LOST_AFTER, wake_at__lte=when)
    SchedulerLock.objects.get_or_create(number=0)
    if SchedulerLock.objects.filter(~pending | Q(wake_at=None), number=0).update(
        wake_at=when
    ):
        enqueue(RUN_SCHEDULER, at=at)


def clear_scheduler_wake_up() -> None:
    """Record that a wake-up arrived: the next one has to be enqueued."""
    SchedulerLock.objects.filter(number=0, wake_at__lte=timezone.now()).update(
        wake_at=None
    )


def _enqueue(package: str) -> None:
    try:
        get_broker().enqueue(package)
    except RedisError as error:
        # The database row is written: recovery enqueues again when Redis is back.
        log.warning("bell_lost", why=type(error).__name__)


def _package(task: str, args: tuple[str, ...]) -> str:
    mark = uuid.uuid4().hex
    body: dict[str, Any] = {
        "id": mark,
        "name": f"{task.rpartition('.')[2]}-{mark[:8]}",
        "func": task,
        "args": args,
        "kwargs": {},
        "started": timezone.now(),
        "ack_failure": True,
        "save": False,
    }
    if task in TASK_TIMEOUTS:
        body["timeout"] = TASK_TIMEOUTS[task]
    signed: str = SignedPackage.dumps(body)
    return signed
