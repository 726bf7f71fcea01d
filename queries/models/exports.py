"""Exports: files made from a result set."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from queries.models.leases import LeasedModel
from queries.models.runs import ACTIVE_STATUSES, ResultSet, Run, Status

if TYPE_CHECKING:
    from queries.models.users import User


class ExportQuerySet(models.QuerySet["Export"]):
    """Exports. Only the owner sees them."""

    def visible_to(self, user: User) -> ExportQuerySet:
        """Filter to the user's own exports whose run is still visible to the user."""
        return self.filter(owner=user, run__in=Run.objects.visible_to(user))

    def active(self) -> ExportQuerySet:
        """Filter to exports that are queued or being built."""
        return self.filter(status__in=ACTIVE_STATUSES)

    def with_files(self) -> ExportQuerySet:
        """Filter to exports that have a file, or will have one."""
        has_file = Q(status__in=ACTIVE_STATUSES) | Q(status=Status.SUCCEEDED)
        return self.filter(has_file, file_removed_at=None)


class Export(LeasedModel):
    """One file made from a stored result, without a call to the provider.

    ``options``: the choices, as ``ExportRequest.as_dict`` returns them, with ``rows_there`` (rows of the
    result then) and ``made_by``. The file is ``<data>/exports/<id>/<file name>``; ``report`` counts
    truncated and neutralized cells, and holds the ``manifest``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="exports"
    )
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="exports")
    result_set = models.ForeignKey(ResultSet, null=True, on_delete=models.SET_NULL)
    format = models.CharField(max_length=12)
    options = models.JSONField(default=dict)
    file_name = models.CharField(max_length=200)
    status = models.CharField(
        max_length=12, choices=Status.choices, default=Status.QUEUED
    )
    rows_total = models.PositiveBigIntegerField(default=0)
    rows_done = models.PositiveBigIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    complete = models.BooleanField(default=False)
    report = models.JSONField(default=dict)
    error = models.JSONField(null=True)
    cancel_asked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    file_removed_at = models.DateTimeField(null=True)

    #: Not stored: the export existed already when it was requested.
    asked_before = False

    objects: ClassVar[ExportQuerySet] = ExportQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-created_at",)
        indexes = [
            models.Index(
                fields=["next_at"],
                name="export_due",
                condition=Q(status__in=ACTIVE_STATUSES),
            )
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_active(self) -> bool:
        """Whether the export is queued or is being built."""
        return self.status in ACTIVE_STATUSES
