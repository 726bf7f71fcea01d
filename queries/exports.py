"""Exports: files made from a run's stored rows, or by the provider from its result. No query runs again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from django.db import transaction
from django.utils import timezone

from queries import reading
from queries.building import (
    LEASE,
    MADE_BY_PROVIDER,
    build_export,
    directory_of,
)
from queries.engine import bell
from queries.formats import (
    FORMATS,
    extension,
    media_type,
    safe_file_name,
)
from queries.models import Connection, Export, ResultSet, Run, Status, User
from queries.providers.registry import provider_class

# A file of this many cells is made while the person waits: under a second on a small machine.
CELLS_AT_ONCE = {
    "json": 1_000_000,
    "ndjson": 1_000_000,
    "csv": 1_000_000,
    "tsv": 1_000_000,
    "parquet": 1_000_000,
    "xlsx": 150_000,
}


class ExportRefusedError(Exception):
    """This export cannot be made; ``str()`` says why, safe to show."""


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """What somebody chose. ``columns`` empty means all, ``limit`` None means every row."""

    owner: User
    run: Run
    format: str
    file_name: str = ""
    columns: tuple[str, ...] = ()
    original: bool = False
    limit: int | None = None
    sort: str = ""
    q: str = ""
    column: str = ""
    zip: bool = False
    zone: tzinfo = UTC

    def options(self) -> dict[str, Any]:
        """The choices as stored with the export."""
        return {
            "columns": list(self.columns),
            "original": self.original,
            "limit": self.limit,
            "sort": self.sort,
            "q": self.q,
            "column": self.column,
            "zip": self.zip,
            "zone": str(self.zone),
        }


def start_export(request: ExportRequest) -> Export:
    """Record the export; a small one is built at once, a large one by a worker.

    Raises ExportRefusedError, and reading.ResultUnavailableError when there are no rows.
    """
    form = FORMATS.get(request.format)
    if form is None:
        raise ExportRefusedError("There is no such format.")
    if request.original and not form.originals:
        raise ExportRefusedError(
            f"{form.label} holds columns; the provider's own rows go into JSON or NDJSON."
        )
    if request.run.is_active:
        raise ExportRefusedError("The run has not ended yet.")
    result_set = reading.available_result(request.run)
    rows = result_set.row_count
    with transaction.atomic():
        export = Export.objects.create(
            owner=request.owner,
            run=request.run,
            result_set=result_set,
            format=request.format,
            options=request.options() | {"rows_there": rows},
            file_name=_file_name(request),
            rows_total=rows if request.limit is None else min(rows, request.limit),
            complete=result_set.complete,
            next_at=timezone.now(),
        )
        if not _is_small(export, result_set):
            bell.ring(bell.BUILD_EXPORT, str(export.pk))
    if _is_small(export, result_set):
        build_export(str(export.pk), by_worker=False)
        export.refresh_from_db()
    return export


@dataclass(frozen=True, kw_only=True)
class ProviderFileRequest:
    """A file to be made by the provider. ``limit`` None means every row."""

    owner: User
    run: Run
    format: str
    file_name: str = ""
    limit: int | None = None
def provider_formats(run: Run, user: User) -> tuple[str, ...]:
    """The formats of which ``user`` can have the provider make a file of the run's result now."""
    formats = provider_class(run.provider).capabilities.export_formats
    return () if not formats or _why_no_file(run, user) else formats


    zip: bool = False


def start_provider_export(request: ProviderFileRequest) -> Export:
    return _why_no_file(request.run, request.owner)


def _why_no_file(run: Run, user: User) -> str:
    """Record the export; a worker has the file made and takes it in. Raises ExportRefusedError."""
    run = request.run
    if why := _why_no_provider_file(request):
        raise ExportRefusedError(why)
    result_set = reading.result_of(run)
    chosen = ExportRequest(
        owner=request.owner,
        run=run,
        format=request.format,
        file_name=request.file_name,
        limit=request.limit,
        zip=request.zip,
    )
    with transaction.atomic():
        export = Export.objects.create(
            owner=request.owner,
            run=run,
            result_set=result_set,
            format=request.format,
            options=chosen.options() | {"made_by": MADE_BY_PROVIDER},
            file_name=_file_name(chosen),
            complete=request.limit is None,
            next_at=timezone.now(),
        )
        bell.ring(bell.BUILD_EXPORT, str(export.pk))
    return export


def _why_no_provider_file(request: ProviderFileRequest) -> str:
    kind = provider_class(request.run.provider)
    if request.format not in kind.capabilities.export_formats:
        return f"{kind.label} makes no such files."
    if run.status != Status.SUCCEEDED or not run.job_id:
        return "The provider makes files of finished background queries only."
    if run.statistics.get("deleted_at_provider"):
        return "The result of this run was deleted at the provider."
    usable = Connection.objects.visible_to(user)
    if run.connection is None or not usable.filter(pk=run.connection.pk).exists():
        return "The connection of this run is not yours to use."
    return ""


def _file_name(request: ExportRequest) -> str:
    ending = extension(request.format, "zip" if request.zip else "")
    name = (
        request.file_name
        or f"{request.run.connection_name} {request.run.created_at:%Y-%m-%d %H%M}"
    )
    return safe_file_name(name, ending)


def _is_small(export: Export, result_set: ResultSet) -> bool:
    chosen = export.options
    # An original row is as large as all its columns; a sort or a filter reads every row.
    width = len(chosen["columns"] or result_set.columns)
    whole = chosen["sort"] or chosen["q"]
    rows = result_set.row_count if whole else export.rows_total
    return rows * max(width, 1) <= CELLS_AT_ONCE[export.format]


def media_type_of(export: Export) -> str:
    """The Content-Type of the file."""
    return media_type(export.format, "zip" if export.options.get("zip") else "")


def cancel_export(export: Export) -> None:
    """Ask for a build to be stopped; the worker confirms it."""
    asked = Export.objects.active().filter(pk=export.pk, cancel_asked_at=None)
    if asked.update(cancel_asked_at=timezone.now()):
        bell.ring(bell.BUILD_EXPORT, str(export.pk))


def delete_export(export: Export) -> None:
    """Remove the row and its file; a build under way loses its lease and stops."""
    folder = directory_of(export)
    export.delete()
    shutil.rmtree(folder, ignore_errors=True)


def notes_of(export: Export) -> Iterator[str]:
    """What the file lacks of the result, and what was changed so that the format could hold it."""
    report = export.report
    there = export.options.get("rows_there", 0)
    limit = export.options.get("limit")
    if limit and limit < there and export.rows_done == limit:
        yield f"The file holds the first {limit:,} rows, as you chose, of {there:,} in the result."
    if export.result_set and not export.complete:
        yield "The result itself is not complete; the run's page says why."
    if cut := report.get("cells_cut"):
        yield f"{cut:,} cells were cut: Excel holds at most 32,767 characters in one cell."
    if neutral := report.get("cells_neutralised"):
        yield f"{neutral:,} cells look like formulas and were prefixed with ' so that none runs."
    if text := report.get("cells_as_text"):
        yield f"{text:,} numbers and dates that Excel cannot hold exactly were written as text."
    if (sheets := report.get("sheets") or 0) > 1:
        yield f"The rows continue on {sheets} sheets: Excel holds 1,048,576 rows in one."
    if quoted := report.get("values_quoted"):
        yield f"{quoted:,} values were no valid JSON and were written as text."


def sweep_exports() -> None:
    """Ring again for builds that stand still, and remove the files of expired exports."""
    now = timezone.now()
    still = Export.objects.active().filter(next_at__lt=now - LEASE)
    for export in still.exclude(lease_until__gt=now)[:50]:
        # Once in a while: the sweep comes by every couple of seconds.
        if still.filter(pk=export.pk, next_at=export.next_at).update(next_at=now):
            bell.ring(bell.BUILD_EXPORT, str(export.pk))
    for export in Export.objects.filter(expires_at__lt=now, file_removed_at=None)[:50]:
        shutil.rmtree(directory_of(export), ignore_errors=True)
        Export.objects.filter(pk=export.pk).update(file_removed_at=now)
