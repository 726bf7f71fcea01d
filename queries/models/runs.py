"""Runs and their results."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from queries.models.leases import LeasedModel
from queries.models.saved_queries import Mode, QuerySettings, SavedQuery
from queries.models.sharing import SharedQuerySet
from queries.models.teams import Team

if TYPE_CHECKING:
    pass


class Status(models.TextChoices):
    """Status of a run or an export. The first three are active."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    FETCHING = "fetching", "Fetching rows"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


ACTIVE_STATUSES = (Status.QUEUED, Status.RUNNING, Status.FETCHING)
# Executed by the process that started them, under a lease from the start.
INLINE_MODES = (Mode.DIRECT, Mode.REFINE)


class RunQuerySet(SharedQuerySet["Run"]):
    """Runs. Only the owner cancels, shares and deletes one."""

    def active(self) -> RunQuerySet:
        """Filter to runs that have not ended."""
        return self.filter(status__in=ACTIVE_STATUSES)


class Run(QuerySettings, LeasedModel):
    """One execution of a statement: a row with a URL before the provider is called.

    Everything is resolved at the start: ``starts_at``/``ends_at`` is the absolute time range
    in UTC that is sent. ``native_status`` is the provider's own word, ``job_id`` the job's id
    there, ``query_id`` the id of a direct query. ``error`` is ``ProviderError.as_dict()``,
    ``warnings`` are provider warnings as dicts, ``statistics`` e.g. ``bytes_scanned``.
    ``origin`` is the run whose stored rows a refine reads.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="runs"
    )
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs"
    )
    connection = models.ForeignKey(
        "Connection", null=True, on_delete=models.SET_NULL, related_name="runs"
    )
    connection_name = models.CharField(max_length=120, blank=True)
    saved_query = models.ForeignKey(
        SavedQuery,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="runs",
    )
    origin = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="refined"
    )
    form_key = models.UUIDField(default=uuid.uuid4)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)

    status = models.CharField(
        max_length=12, choices=Status.choices, default=Status.QUEUED
    )
    native_status = models.CharField(max_length=80, blank=True)
    job_id = models.CharField(max_length=200, blank=True)
    query_id = models.CharField(max_length=200, blank=True)
    submitting_since = models.DateTimeField(null=True)
    submits = models.PositiveSmallIntegerField(default=0)
    polls = models.PositiveIntegerField(default=0)
    waiting_until = models.DateTimeField(null=True)
    waiting_for = models.CharField(max_length=200, blank=True)
    cancel_asked_at = models.DateTimeField(null=True)
    cancel_sent_at = models.DateTimeField(null=True)
    cancel_confirmed_at = models.DateTimeField(null=True)
    gives_up_at = models.DateTimeField(null=True)

    error = models.JSONField(null=True)
    warnings = models.JSONField(default=list)
    notes = models.JSONField(default=list)
    statistics = models.JSONField(default=dict)
    effective_start = models.DateTimeField(null=True)
    effective_end = models.DateTimeField(null=True)
    rows_received = models.PositiveBigIntegerField(default=0)
    bytes_received = models.PositiveBigIntegerField(default=0)

    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    result = models.OneToOneField(
        "ResultSet", null=True, on_delete=models.SET_NULL, related_name="published_for"
    )
    expires_at = models.DateTimeField(null=True)
    result_removed_at = models.DateTimeField(null=True)
    result_removed_why = models.CharField(max_length=20, blank=True)

    objects: ClassVar[RunQuerySet] = RunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-created_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "form_key"], name="one_run_per_form"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_at"],
                name="run_due",
                condition=Q(status__in=ACTIVE_STATUSES),
            ),
            models.Index(fields=["owner", "-created_at"], name="run_by_owner"),
            models.Index(fields=["team", "-created_at"], name="run_by_team"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def is_active(self) -> bool:
        """Whether the run has not ended."""
        return self.status in ACTIVE_STATUSES


class ResultSet(models.Model):
    """The stored rows of one attempt to receive a run's answer (a generation).

    Parts live in ``<data>/results/<run id>/<this id>/``. A run publishes one result set;
    until then the newest with rows is what readers see. ``columns`` is a list of
    ``{"name", "kind"}``. ``format_version`` is the store's ``FORMAT_VERSION`` that wrote them
    (1: what 0.1.0 wrote). ``complete`` is true only if the provider said that nothing is
    missing; ``cuts`` lists what cut it: ``{"code", "message", "remedy", "details"}``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="result_sets")
    # The database's default serves a web server of 0.1.0 that still runs during an upgrade.
    format_version = models.PositiveSmallIntegerField(default=1, db_default=1)
    columns = models.JSONField(default=list)
    columns_dropped = models.PositiveIntegerField(default=0)
    row_count = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    complete = models.BooleanField(default=False)
    cuts = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.row_count} rows of {self.run_id}"


class ResultPart(models.Model):
    """One Parquet file of a result set. A file that no row names does not exist."""

    result_set = models.ForeignKey(
        ResultSet, on_delete=models.CASCADE, related_name="parts"
    )
    seq = models.PositiveIntegerField()
    name = models.CharField(max_length=80)
    first_row = models.PositiveBigIntegerField()
    rows = models.PositiveIntegerField()
    size = models.PositiveBigIntegerField()

    class Meta:
        ordering = ("seq",)
        constraints = [
            models.UniqueConstraint(
                fields=["result_set", "seq"], name="one_part_per_seq"
            )
        ]

    def __str__(self) -> str:
        return self.name
