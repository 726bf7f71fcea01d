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
    """Bytes that exports use and may use: of one user, and of all."""

    mine: int
    my_limit: int
    all: int
    limit: int

    @property
    def percent(self) -> int:
        """Percentage of the user's own limit."""
        return min(100, 100 * self.mine // self.my_limit)


def export_usage(user: User, *, without: Export | None = None) -> Usage:
    """Return the present use; ``without`` leaves one export out, to see the space left for it."""
    held = Export.objects.with_files()
    if without is not None:
        held = held.exclude(pk=without.pk)
    found = held.aggregate(all=Sum("size"), mine=Sum("size", filter=Q(owner=user)))
    return Usage(
        mine=found["mine"] or 0,
        my_limit=settings.EXPORT_USER_BYTES,
        all=found["all"] or 0,
        limit=settings.EXPORT_BYTES,
    )


def check_export_fits(user: User, size: int, *, without: Export | None = None) -> None:
    """Raise StorageLimitError if a file of ``size`` bytes is too large for the user, for all, or for the disk."""
    used = export_usage(user, without=without)
    if used.mine + size > used.my_limit:
        raise StorageLimitError(_yours(user, size, used))
    if used.all + size > used.limit:
        raise StorageLimitError(
            f"All exports together may use {_words(used.limit)}, and this file needs about {_words(size)}, which is "
            f"more than is left. Delete exports you no longer need, or ask who runs this site for more room."
        )
    if without is None and size > _disk_left():
        raise StorageLimitError(
            f"The file needs about {_words(size)}, and the server's disk has not that much room. "
            "Ask for fewer rows or columns, or compress it."
        )


def bytes_left(export: Export) -> int:
    """Return the bytes that the file being built may grow to. At least 0."""
    used = export_usage(export.owner, without=export)
    return max(0, min(used.my_limit - used.mine, used.limit - used.all))


@dataclass(frozen=True)
class StoredUsage:
    """Bytes that stored results use and may use: of one user's runs, and of all."""

    mine: int
    all: int
    limit: int

    @property
    def percent(self) -> int:
        """Percentage of the limit for all."""
        return min(100, 100 * self.all // self.limit)


def result_usage(user: User) -> StoredUsage:
    """Return what the rows of all runs use. Parts that were just merged are removed a little later and not counted."""
    mine = Sum("size", filter=Q(run__owner=user))
    found = ResultSet.objects.aggregate(all=Sum("size"), mine=mine)
    return StoredUsage(found["mine"] or 0, found["all"] or 0, settings.RESULT_BYTES)


def check_rows_fit(user: User) -> None:
    """Raise StorageLimitError if a new run could store nothing, before the provider is called."""
    if not (why := storage_full_reason()):
        return
    mine = Run.objects.filter(owner=user, result__size__gt=0)
    largest = [
        f"{run.connection_name}, {run.created_at:%Y-%m-%d %H:%M} ({_words(run.result.size)})"
        for run in mine.select_related("result").order_by("-result__size")[
            :MAX_NAMED_ITEMS
        ]
        if run.result
    ]
    yours = f" Your largest: {'; '.join(largest)}." if largest else ""
    raise StorageLimitError(
        f"{why} Delete rows you no longer need on the pages of their runs, or ask who runs this site.{yours}"
    )


def storage_full_reason() -> str:
    """Return why no more rows can be stored now; "" if they can. Checked again while rows arrive."""
    used = ResultSet.objects.aggregate(all=Sum("size"))["all"] or 0
    if used >= settings.RESULT_BYTES:
        most = _words(settings.RESULT_BYTES)
        return f"All stored results together may use {most}, and they do."
    if _disk_left() <= 0:
        return "The server's disk is full, but for what it needs itself."
    return ""


def _yours(user: User, size: int, used: Usage) -> str:
    text = (
        f"Your exports may use {_words(used.my_limit)}; they use {_words(used.mine)}, "
        f"and this file needs about {_words(size)}."
    )
    mine = Export.objects.filter(
        owner=user, status=Status.SUCCEEDED, file_removed_at=None, size__gt=0
    )
    largest = [
        f"{export.file_name} ({_words(export.size)})"
        for export in mine.order_by("-size")[:MAX_NAMED_ITEMS]
    ]
    if largest:
        return f"{text} Delete exports you no longer need; the largest: {', '.join(largest)}."
    return f"{text} Ask for fewer rows or columns, or compress it."


def _disk_left() -> int:
    return shutil.disk_usage(Path(settings.DATA_DIR)).free - DISK_RESERVE


def _words(size: int) -> str:
    return filesizeformat(size).replace("\N{NO-BREAK SPACE}", " ")
