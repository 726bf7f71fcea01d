"""The bell: rings with our rows or not at all, and does not multiply."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ
from redis.exceptions import ConnectionError as RedisDownError

from queries.models import SchedulerLock
from queries.runs.engine import queue
from tests.runs.engine.queued_tasks import queued_args, queued_tasks


class Broker:
    """Redis as the bell sees it: remembers what was sent, or is away."""

    def __init__(self):
        self.sent = []
        self.away = False

    def enqueue(self, package):
        if self.away:
            raise RedisDownError
        self.sent.append(package)


@pytest.fixture
def redis(monkeypatch):
    broker = Broker()
    monkeypatch.setattr(Conf, "ORM", None)
    monkeypatch.setattr(queue, "get_broker", lambda: broker)
    return broker


pytestmark = pytest.mark.django_db


def test_a_ring_is_a_row_that_is_seen_at_once():
    queue.enqueue(queue.FETCH, "id-1")
    row = OrmQ.objects.get()
    assert row.lock <= timezone.now()
    assert row.key == Conf.CLUSTER_NAME
    (package,) = queued_tasks()
    assert (package["func"], package["args"], package["kwargs"]) == (
        queue.FETCH,
        ("id-1",),
        {},
    )
    assert package["timeout"] == queue.TASK_TIMEOUTS[queue.FETCH]
    assert package["save"] is False


def test_a_later_ring_is_seen_later():
    at = timezone.now() + timedelta(minutes=5)
    queue.enqueue(queue.BEAT, at=at)
    assert OrmQ.objects.get().lock == at
    assert "timeout" not in queued_tasks()[0]


def test_every_task_that_is_rung_for_exists():
    from pydoc import locate

    assert all(
        callable(locate(task))
        for task in (queue.RUN_SCHEDULER, queue.FETCH, queue.BEAT, queue.BUILD_EXPORT)
    )


@pytest.mark.django_db(transaction=True)
def test_a_rollback_takes_the_ring_back():
    with transaction.atomic():
        queue.enqueue(queue.RUN_SCHEDULER)
        transaction.set_rollback(True)
    assert OrmQ.objects.count() == 0


def test_one_wake_up_is_enough():
    for _ in range(5):
        queue.enqueue_scheduler()
    assert len(queued_args(queue.RUN_SCHEDULER)) == 1


def test_an_earlier_wake_up_is_left_beside_a_later_one():
    later = timezone.now() + timedelta(seconds=30)
    queue.enqueue_scheduler(later)
    queue.enqueue_scheduler()
    queue.enqueue_scheduler(later)
    assert len(queued_args(queue.RUN_SCHEDULER)) == 2


def test_after_it_has_rung_it_can_be_rung_again():
    queue.enqueue_scheduler()
    queue.clear_scheduler_wake_up()
    queue.enqueue_scheduler()
    assert len(queued_args(queue.RUN_SCHEDULER)) == 2


def test_a_wake_up_that_never_came_does_not_silence_the_bell():
    queue.enqueue_scheduler()
    SchedulerLock.objects.update(wake_at=timezone.now() - timedelta(seconds=6))
    queue.enqueue_scheduler()
    assert len(queued_args(queue.RUN_SCHEDULER)) == 2


def test_with_redis_it_rings_after_the_commit(
    redis, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        queue.enqueue(queue.RUN_SCHEDULER)
        assert redis.sent == []
    assert len(redis.sent) == 1
    assert OrmQ.objects.count() == 0


def test_with_redis_a_later_ring_is_left_to_the_sweep(
    redis, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        queue.enqueue(queue.RUN_SCHEDULER, at=timezone.now() + timedelta(minutes=1))
        queue.enqueue(queue.RUN_SCHEDULER, at=timezone.now() + timedelta(seconds=0.1))
    assert len(redis.sent) == 1


def test_without_redis_nothing_is_lost_but_a_ring(
    redis, django_capture_on_commit_callbacks, caplog
):
    redis.away = True
    with django_capture_on_commit_callbacks(execute=True):
        queue.enqueue(queue.RUN_SCHEDULER)
    assert "bell_lost" in caplog.text
