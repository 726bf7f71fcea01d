"""Build export files: one lease holder, a directory of its own, and the file in place only when complete."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from queries import quota, stored_results
from queries.exports import manifest as manifests
from queries.exports import provider_files
from queries.exports.formats import FormatError, Report, write
from queries.exports.manifest import Manifest
from queries.exports.selection import ExportRequest, open_rows
from queries.models import Export, Run, Status
from queries.providers.errors import ProviderError
from queries.results import ResultError, UnknownFormatError
from queries.runs.engine import queue, worker_limits
from queries.runs.engine.leases import RELEASED_VALUES, claim

LEASE_DURATION = timedelta(seconds=30)
PROGRESS_INTERVAL = timedelta(seconds=2)
RENEW_INTERVAL = 5.0
CAPACITY_RETRY_DELAY = timedelta(seconds=5)
MAX_ATTEMPTS = 5
MADE_BY_PROVIDER = "provider"
FEWER_ROWS_REMEDY = "Try again, with fewer rows or columns if it happens again."
#: Errors with the same remedy: no space, no quota, file too large.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
log = structlog.get_logger(__name__)


class StoppedError(Exception):
    """The build ended early: cancelled, or the lease was lost."""


def file_path(export: Export) -> Path:
    """Return where the file is, or will be. The directory is named by id, the file by a safe name."""
    return export_dir(export) / export.file_name


def export_dir(export: Export) -> Path:
    """Return the export's own directory."""
    return Path(settings.DATA_DIR) / "exports" / str(export.pk)


def temp_dir(export: Export) -> Path:
    """Return the directory in which the lease holder builds; it is removed with the lease."""
    return export_dir(export) / f".{export.lease_token}"


def build_export(pk: str, *, by_worker: bool = True) -> None:
    """Build one export unless another process does, and store its final status.

    A worker postpones it while long tasks hold too many workers: the scheduler needs one.
    """
    if by_worker and worker_limits.at_capacity():
        queue.enqueue(queue.BUILD_EXPORT, pk, at=timezone.now() + CAPACITY_RETRY_DELAY)
        return
    for export in claim(Export.objects.active().filter(pk=pk), lease=LEASE_DURATION):
        if export.cancel_asked_at:
            _finish(export, Status.CANCELLED)
        elif export.claims > MAX_ATTEMPTS:
            _finish(
                export,
                Status.FAILED,
                error=_failure(
                    f"The export was started {MAX_ATTEMPTS} times without finishing."
                ),
            )
        else:
            _build(export)


def _build(export: Export) -> None:
    _leased_export(export).update(status=Status.RUNNING)
    _clear(export_dir(export))
    try:
        with _lease_renewed_in_thread(export):
            report, manifest = _write(export)
    except StoppedError:
        if export.cancel_asked_at:
            _finish(export, Status.CANCELLED)
    except UnknownFormatError as error:
        failure = _failure(error.reason, remedy=error.remedy)
        _finish(export, Status.FAILED, error=failure)
    except (
        ProviderError,
        ResultError,
        FormatError,
        stored_results.ResultUnavailableError,
    ) as error:
        _finish(export, Status.FAILED, error=_failure(str(error)))
    except quota.StorageLimitError as error:
        _finish(export, Status.FAILED, error=_storage_failure(str(error)))
    except OSError as error:
        log.warning("export_failed", export=str(export.pk), why=type(error).__name__)
        _finish(export, Status.FAILED, error=_disk_failure(error))
    else:
        _finish(
            export,
            Status.SUCCEEDED,
            rows_done=report.rows,
            size=report.size,
            sha256=report.sha256,
            report=asdict(report) | {"manifest": manifest},
            expires_at=timezone.now() + timedelta(hours=settings.EXPORT_HOURS),
        )


def _write(export: Export) -> tuple[Report, Manifest]:
    request = ExportRequest.from_export(export)
    temp_dir(export).mkdir(parents=True, exist_ok=True)
    path = temp_dir(export) / export.file_name
    if export.options.get("made_by") == MADE_BY_PROVIDER:
        report = _download(export, path)
        manifest = manifests.provider_file_manifest(request, export.result_set, report)
        return report, manifest
    result_set = export.result_set
    if result_set is None:
        raise stored_results.ResultUnavailableError(
            "The stored rows of this run no longer exist."
        )
    with open_rows(request, result_set) as rows:
        report = write(
            export.format,
            path,
            rows.columns,
            rows.batches,
            options=manifests.options_with_manifest(request, result_set),
            progress=_progress(export),
        )
    return report, manifests.export_manifest(request, result_set, report)


def _download(export: Export, path: Path) -> Report:
    options = provider_files.file_options(
        export.options, export.format, export.file_name
    )
    run = Run.objects.select_related("connection", "owner").get(pk=export.run_id)
    return provider_files.download_file(run, options, path, _progress(export))


def _progress(export: Export) -> Callable[[int, int], None]:
    """Return a callback that checks the storage limit, reports progress every two seconds and stops a cancelled build."""
    last = timezone.now()
    bytes_left = quota.bytes_left(export)

    def report_progress(rows: int, size: int) -> None:
        nonlocal last, bytes_left
        if size > bytes_left:
            quota.check_export_fits(export.owner, size, without=export)
        now = timezone.now()
        if now - last < PROGRESS_INTERVAL:
            return
        last = now
        bytes_left = quota.bytes_left(export)
        _renew(export, rows_done=rows, size=max(size, export.size))
        export.refresh_from_db(fields=["cancel_asked_at"])
        if export.cancel_asked_at:
            raise StoppedError

    return report_progress


@contextmanager
def _lease_renewed_in_thread(export: Export) -> Iterator[None]:
    """Renew the lease in a thread: sorting a large result takes long before the first row is written."""
    is_over = threading.Event()

    def renew_lease() -> None:
        try:
            while not is_over.wait(RENEW_INTERVAL):
                _leased_export(export).update(
                    lease_until=timezone.now() + LEASE_DURATION
                )
        except DatabaseError as error:
            # The next renewal, or the next holder, decides.
            log.warning("lease_renewal_failed", why=type(error).__name__)
        finally:
            connection.close()

    thread = threading.Thread(target=renew_lease, name="export-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _renew(export: Export, **changes: Any) -> None:
    _update(export, lease_until=timezone.now() + LEASE_DURATION, **changes)


def _update(export: Export, **changes: Any) -> None:
    if not _leased_export(export).update(**changes):
        raise StoppedError


def _leased_export(export: Export) -> Any:
    return Export.objects.active().filter(pk=export.pk, lease_token=export.lease_token)


def _finish(export: Export, status: Status, **changes: Any) -> None:
    """End the export if its lease is still held, with its file in place; otherwise remove our files."""
    try:
        _renew(export)
        if status == Status.SUCCEEDED:
            (temp_dir(export) / export.file_name).replace(file_path(export))
        values = {"status": status, "finished_at": timezone.now(), "next_at": None}
        if status != Status.SUCCEEDED:
            values["size"] = 0
        _update(export, **values, **RELEASED_VALUES, **changes)
    except StoppedError:
        shutil.rmtree(temp_dir(export), ignore_errors=True)
    else:
        unneeded = (
            export_dir(export) if status != Status.SUCCEEDED else temp_dir(export)
        )
        shutil.rmtree(unneeded, ignore_errors=True)


def _clear(folder: Path) -> None:
    """Remove what earlier builders left: the lease is ours, so no other process uses it."""
    shutil.rmtree(folder, ignore_errors=True)


def _failure(message: str, *, remedy: str = FEWER_ROWS_REMEDY) -> dict[str, str]:
    return {
        "title": "Export failed",
        "message": message,
        "remedy": remedy,
    }


def _storage_failure(message: str) -> dict[str, str]:
    return {
        "title": "Not enough storage for the file",
        "message": message,
        "remedy": "Then export again.",
    }


def _disk_failure(error: OSError) -> dict[str, str]:
    if error.errno in _FULL:
        return _storage_failure(
            "The server's disk is full. The unfinished file was removed. Delete exports you no longer need, or "
            "contact the administrator of this site."
        )
    return _failure("The file could not be written to disk.")
