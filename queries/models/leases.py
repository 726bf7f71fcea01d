"""Leases: how work is held by one worker at a time, and the rows the engine keeps itself by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from datetime import datetime


class LeasedModel(models.Model):
    """Work that one holder does at a time.

    A claim is one conditional UPDATE that writes ``lease_token``; whoever commits checks the
    token, so a holder that lost its lease throws its outcome away. ``claims`` counts the
    times it was taken since it last moved on (the crash-loop guard), ``failures`` counts
    consecutive upstream errors.
    """

    next_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    claims = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


def unleased(now: datetime) -> Q:
    """Nobody holds it, or whoever held it is gone."""
    return Q(lease_until=None) | Q(lease_until__lt=now)


class SchedulerLock(models.Model):
    """The right to run one pump, and the memory of its bell.

    ``wake_at`` is when the next wake-up is due that somebody has already left, so that
    wake-ups do not multiply; ``nudged_at`` limits how often the sweep rings.
    """

    number = models.PositiveSmallIntegerField(primary_key=True)
    token = models.UUIDField(null=True)
    until = models.DateTimeField(null=True)
    wake_at = models.DateTimeField(null=True)
    nudged_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"scheduler lock {self.number}"


class Heartbeat(models.Model):
    """When something last proved that it works: ``worker`` is written by a task."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()
    detail: models.JSONField[Any, Any] = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%H:%M:%S}"


class RateBucket(models.Model):
    """A token bucket shared by all processes: one per provider and key fingerprint.

    ``taken`` lists when each token that is out comes back (seconds since 1970), oldest first.
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
