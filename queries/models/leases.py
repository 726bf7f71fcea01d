"""Leases: one holder per piece of work at a time; the scheduler lock, heartbeats and rate buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from datetime import datetime


class LeasedModel(models.Model):
    """Work that is done by one holder at a time.

    A claim is one conditional UPDATE that writes ``lease_token``. A commit checks the token, so the
    outcome of a holder that lost its lease is discarded. ``claims`` counts claims since the last
    progress (the crash-loop guard), ``failures`` counts consecutive upstream errors.
    """

    next_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    claims = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


def unleased(now: datetime) -> Q:
    """Return the condition for rows without a lease, or with an expired one."""
    return Q(lease_until=None) | Q(lease_until__lt=now)


class SchedulerLock(models.Model):
    """The right to run the scheduler, and the time of its next wake-up.

    ``wake_at`` is when the next enqueued wake-up is due, so that wake-ups do not multiply.
    ``nudged_at`` limits how often recovery enqueues one.
    """

    number = models.PositiveSmallIntegerField(primary_key=True)
    token = models.UUIDField(null=True)
    until = models.DateTimeField(null=True)
    wake_at = models.DateTimeField(null=True)
    nudged_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"scheduler lock {self.number}"


class Heartbeat(models.Model):
    """The last time that tasks were seen to run; ``worker`` is written by a task."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
    detail: models.JSONField[Any, Any] = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%H:%M:%S}"


class RateBucket(models.Model):
    """A token bucket shared by all processes: one per provider and key fingerprint.

    ``taken`` lists when each used token becomes free again (seconds since 1970), oldest first.
    A refill by the second would let twice the allowed calls through in the first minute.
    ``version`` guards the conditional UPDATE.
    """

    key = models.CharField(max_length=120, primary_key=True)
    taken: models.JSONField[Any, Any] = models.JSONField(default=list)
    updated_at = models.DateTimeField(auto_now=True)
    blocked_until = models.DateTimeField(null=True)
    version = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"rate bucket {self.key[:24]}"
