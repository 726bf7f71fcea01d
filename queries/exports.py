"""Exports: files made from a run's stored rows. The provider is never asked again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from queries import reading
from queries.engine import bell
from queries.engine.leases import FREED, claim
from queries.formats import (
    FORMATS,
    FormatError,
    Options,
    Report,
    extension,
    media_type,
    safe_file_name,
    write,
)
from queries.models import Export, ResultSet, Run, Status, User
from queries.results import ResultError

# A file of this many cells is made while the person waits: under a second on a small machine.
CELLS_AT_ONCE = {
    "json": 1_000_000,
    "ndjson": 1_000_000,
    "csv": 1_000_000,
    "xlsx": 150_000,
}
LEASE = timedelta(seconds=30)
RENEW_EVERY = timedelta(seconds=2)
MOST_ATTEMPTS = 5
log = structlog.get_logger(__name__)


class ExportRefusedError(Exception):
    """This export cannot be made; ``str()`` says why, safe to show."""


class StoppedError(Exception):
    """The build ended early: cancelled, or the lease went to somebody else."""


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
            options=request.options(),
            file_name=_file_name(request),
            rows_total=rows if request.limit is None else min(rows, request.limit),
            complete=result_set.complete,
            next_at=timezone.now(),
        )
        if not _is_small(export, result_set):
            bell.ring(bell.BUILD_EXPORT, str(export.pk))
    if _is_small(export, result_set):
        build_export(str(export.pk))
        export.refresh_from_db()
    return export


def _file_name(request: ExportRequest) -> str:
    ending = extension(request.format, Options(zipped=request.zip))
    name = (
        request.file_name
        or f"{request.run.connection_name} {request.run.created_at:%Y-%m-%d %H%M}"
    )
    return safe_file_name(name, ending)


def _is_small(export: Export, result_set: ResultSet) -> bool:
    width = (
        1
        if export.options["original"]
        else len(export.options["columns"] or result_set.columns)
    )
    return export.rows_total * max(width, 1) <= CELLS_AT_ONCE[export.format]


def path_of(export: Export) -> Path:
    """Where the file is, or will be. The folder is named by id, the file by a safe name."""
    return directory_of(export) / export.file_name


def directory_of(export: Export) -> Path:
    """The export's own folder."""
    return Path(settings.DATA_DIR) / "exports" / str(export.pk)


def media_type_of(export: Export) -> str:
    """The Content-Type of the file."""
    return media_type(export.format, Options(zipped=bool(export.options.get("zip"))))


def build_export(pk: str) -> None:
    """Build one export if nobody else does; ends in an honest state. The task, and inline."""
    for export in claim(Export.objects.active().filter(pk=pk), lease=LEASE):
        if export.cancel_asked_at:
            _end(export, Status.CANCELLED)
        elif export.claims > MOST_ATTEMPTS:
            _end(export, Status.FAILED, error=_failure("It was tried too often."))
        else:
            _build(export)


def _build(export: Export) -> None:
    _held(export).update(status=Status.RUNNING)
    try:
        report = _write(export)
    except StoppedError:
        if export.cancel_asked_at:
            _end(export, Status.CANCELLED)
    except (ResultError, FormatError, reading.ResultUnavailableError) as error:
        _end(export, Status.FAILED, error=_failure(str(error)))
    except OSError as error:
        log.warning("export_failed", export=str(export.pk), why=type(error).__name__)
        _end(
            export,
            Status.FAILED,
            error=_failure("The file could not be written to disk."),
        )
    else:
        _end(
            export,
            Status.SUCCEEDED,
            rows_done=report.rows,
            size=report.size,
            sha256=report.sha256,
            report=asdict(report),
            expires_at=timezone.now() + timedelta(hours=settings.EXPORT_HOURS),
        )


def _write(export: Export) -> Report:
    result_set = export.result_set
    if result_set is None:
        raise reading.ResultUnavailableError("The rows of this run are gone.")
    chosen = export.options
    known = reading.columns_of(result_set)
    view = reading.View(
        sort=chosen["sort"],
        q=chosen["q"],
        column=chosen["column"],
        columns=tuple(chosen["columns"]),
    )
    names = [] if chosen["original"] else view.shown(known)
    by_name = {column.name: column for column in known}
    directory_of(export).mkdir(parents=True, exist_ok=True)
    options = Options(
        original=chosen["original"],
        zone=ZoneInfo(chosen["zone"]),
        bom=export.format == "csv",
        zipped=chosen["zip"],
        inner_name=export.file_name.removesuffix(".zip"),
    )
    with reading.open_result(result_set) as reader:
        batches = reader.batches(
            columns=names,
            sort=view.sorts(known),
            filter=view.filter(known),
            limit=chosen["limit"],
            with_original=chosen["original"],
        )
        shown = [by_name[name] for name in names]
        path = path_of(export)
        return write(
            export.format,
            path,
            shown,
            batches,
            options=options,
            progress=_progress(export),
        )


def _progress(export: Export) -> Callable[[int], None]:
    """Tell how far the build is, keep the lease, and stop when asked to: every two seconds."""
    last = timezone.now()

    def tell(rows: int) -> None:
        nonlocal last
        now = timezone.now()
        if now - last < RENEW_EVERY:
            return
        last = now
        if not _held(export).update(rows_done=rows, lease_until=now + LEASE):
            raise StoppedError
        export.refresh_from_db(fields=["cancel_asked_at"])
        if export.cancel_asked_at:
            raise StoppedError

    return tell


def _held(export: Export) -> Any:
    return Export.objects.active().filter(pk=export.pk, lease_token=export.lease_token)


def _end(export: Export, status: Status, **changes: Any) -> None:
    """End the export if it is still ours; a file that nobody owns is removed."""
    ended = _held(export).update(
        status=status, finished_at=timezone.now(), next_at=None, **FREED, **changes
    )
    if not ended or status != Status.SUCCEEDED:
        _remove_unless_ready(export)


def _remove_unless_ready(export: Export) -> None:
    ready = Export.objects.filter(pk=export.pk, status=Status.SUCCEEDED).exists()
    if not ready:
        shutil.rmtree(directory_of(export), ignore_errors=True)


def _failure(message: str) -> dict[str, str]:
    return {
        "title": "The file could not be made",
        "message": message,
        "remedy": "Try again, with fewer rows or columns if it happens again.",
    }


def cancel_export(export: Export) -> None:
    """Ask for a build to be stopped; one that nobody has begun ends at once."""
    asked = Export.objects.active().filter(pk=export.pk, cancel_asked_at=None)
    if asked.update(cancel_asked_at=timezone.now()):
        bell.ring(bell.BUILD_EXPORT, str(export.pk))


def delete_export(export: Export) -> None:
    """Remove the row and its file; a build under way loses its lease and stops."""
    folder = directory_of(export)
    export.delete()
    shutil.rmtree(folder, ignore_errors=True)


def notes_of(export: Export) -> Iterator[str]:
    """What was changed so that the format could hold the rows, in words."""
    report = export.report
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
