"""Disk limits of exports and stored results, and free disk space.

Exports have a limit per user and in all; results have one in all, because they are shared with teams and expire.
An export counts with its size; while it is built, with the larger of its estimate and the bytes written. So the space
stays reserved until the file exists, and no user can start more than fits.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import Q, Sum
from django.template.defaultfilters import filesizeformat

from queries.models import Export, ResultSet, Run, Status, User

#: Reserved on the disk for the database and for arriving results.
DISK_RESERVE = 100_000_000
MAX_NAMED_ITEMS = 3


class StorageLimitError(Exception):
    """A file or a result does not fit; ``str()`` says why and what to delete, safe to show."""


@dataclass(frozen=True)
class Usage:
    """Bytes used by exports and their limits: of one user, and in all."""

    user_bytes: int
    user_limit: int
    total_bytes: int
    limit: int

    @property
    def percent(self) -> int:
        """Percentage of the user's own limit."""
        return min(100, 100 * self.user_bytes // self.user_limit)


def export_usage(user: User, *, without: Export | None = None) -> Usage:
    """Return the space in use; ``without`` leaves one export out, to see the space left for it."""
    exports = Export.objects.with_files()
    if without is not None:
        exports = exports.exclude(pk=without.pk)
    sums = exports.aggregate(total=Sum("size"), user=Sum("size", filter=Q(owner=user)))
    return Usage(
        user_bytes=sums["user"] or 0,
        user_limit=settings.EXPORT_USER_BYTES,
        total_bytes=sums["total"] or 0,
        limit=settings.EXPORT_BYTES,
    )


def check_export_fits(user: User, size: int, *, without: Export | None = None) -> None:
    """Raise StorageLimitError if a file of ``size`` bytes is too large for the user, for all, or for the disk."""
    usage = export_usage(user, without=without)
    if usage.user_bytes + size > usage.user_limit:
        raise StorageLimitError(_user_limit_text(user, size, usage))
    if usage.total_bytes + size > usage.limit:
        raise StorageLimitError(
            f"Export storage is full (limit {_format_size(usage.limit)}); this file needs about {_format_size(size)}. "
            "Delete exports you no longer need, or contact the administrator of this site."
        )
    if without is None and size > _disk_left():
        raise StorageLimitError(
            f"The file needs about {_format_size(size)}, more than the server's disk has free. "
            "Choose fewer rows or columns, or compress it."
        )


def bytes_left(export: Export) -> int:
    """Return the bytes that the file being built may grow to. At least 0."""
    usage = export_usage(export.owner, without=export)
    return max(
        0,
        min(usage.user_limit - usage.user_bytes, usage.limit - usage.total_bytes),
    )


@dataclass(frozen=True)
class StoredUsage:
    """Bytes used by stored results: of one user's runs, and in all, with the limit."""

    user_bytes: int
    total_bytes: int
    limit: int

    @property
    def percent(self) -> int:
        """Percentage of the limit for all."""
        return min(100, 100 * self.total_bytes // self.limit)


def result_usage(user: User) -> StoredUsage:
    """Return what the rows of all runs use. Parts that were just merged are removed a little later and not counted."""
    sums = ResultSet.objects.aggregate(
        total=Sum("size"), user=Sum("size", filter=Q(run__owner=user))
    )
    return StoredUsage(sums["user"] or 0, sums["total"] or 0, settings.RESULT_BYTES)


def check_rows_fit(user: User) -> None:
    """Raise StorageLimitError if a new run could store nothing, before the provider is called."""
    if not (reason := storage_full_reason()):
        return
    runs = Run.objects.filter(owner=user, result__size__gt=0)
    largest = [
        f"{run.connection_name}, {run.created_at:%Y-%m-%d %H:%M} ({_format_size(run.result.size)})"
        for run in runs.select_related("result").order_by("-result__size")[
            :MAX_NAMED_ITEMS
        ]
        if run.result
    ]
    largest_text = f" Your largest: {'; '.join(largest)}." if largest else ""
    raise StorageLimitError(
        f"{reason} Delete rows you no longer need on the pages of their runs, or contact the administrator of this site."
        f"{largest_text}"
    )


def storage_full_reason() -> str:
    """Return why no more rows can be stored now; "" if they can. Checked again while rows arrive."""
    used = ResultSet.objects.aggregate(all=Sum("size"))["all"] or 0
    if used >= settings.RESULT_BYTES:
        return f"Result storage is full (limit {_format_size(settings.RESULT_BYTES)})."
    if _disk_left() <= 0:
        return "The server's disk is full."
    return ""


def _user_limit_text(user: User, size: int, usage: Usage) -> str:
    text = (
        f"Your exports use {_format_size(usage.user_bytes)} of {_format_size(usage.user_limit)}; "
        f"this file needs about {_format_size(size)}."
    )
    exports = Export.objects.filter(
        owner=user, status=Status.SUCCEEDED, file_removed_at=None, size__gt=0
    )
    largest = [
        f"{export.file_name} ({_format_size(export.size)})"
        for export in exports.order_by("-size")[:MAX_NAMED_ITEMS]
    ]
    if largest:
        return f"{text} Delete exports you no longer need; the largest: {', '.join(largest)}."
    return f"{text} Choose fewer rows or columns, or compress it."


def _disk_left() -> int:
    return shutil.disk_usage(Path(settings.DATA_DIR)).free - DISK_RESERVE


def _format_size(size: int) -> str:
    return filesizeformat(size).replace("\N{NO-BREAK SPACE}", " ")
