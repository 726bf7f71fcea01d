"""Start, cancel and delete exports: files made from a run's stored rows, or by the provider. No query runs again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from queries import quota, stored_results
from queries.exports.builder import (
    LEASE_DURATION,
    MADE_BY_PROVIDER,
    build_export,
    export_dir,
)
from queries.exports.formats import FORMATS, media_type
from queries.exports.selection import (
    ALL,
    Estimate,
    ExportRefusedError,
    ExportRequest,
    estimate,
    readable_result,
)
from queries.models import (
    ACTIVE_STATUSES,
    Connection,
    Export,
    ResultSet,
    Run,
    Status,
    User,
)
from queries.providers.registry import provider_class
from queries.results import orphan_directories
from queries.runs.engine import error_texts, queue

# The same file requested this soon after it was built is a second click; later it is a new request.
DUPLICATE_WINDOW = timedelta(minutes=1)

DUPLICATE_NOTE = "This file was requested a moment ago. Showing that export."

# Notes for what the writers count.
NOTES = {
    "cells_cut": "{:,} cells were truncated: Excel holds at most 32,767 characters per cell.",
    "cells_neutralised": "{:,} cells look like formulas and were prefixed with ' so that they are read as text.",
    "cells_as_text": "{:,} numbers and dates that Excel cannot hold exactly were written as text.",
    "values_quoted": "{:,} values were not valid JSON and were written as text.",
    "integers_as_text": "{:,} integers beyond 2^53 were written as text, as you chose.",
}


def start_export(request: ExportRequest) -> Export:
    """Insert the export; a small one is built at once, a large one by a worker.

    If the same file was requested a moment ago, that export is returned (``asked_before``). Raises
    ExportRefusedError, ResultUnavailableError when there are no rows, and ResultError or FormatError when
    they cannot be read or held.
    """
    result_set = readable_result(request)
    expected = estimate(request, result_set)
    small = _is_small(request, result_set, expected)
    export = _insert_export(
        request,
        request.as_dict() | {"rows_there": result_set.row_count},
        enqueue=not small,
        result_set=result_set,
        rows_total=expected.rows,
        size=expected.size,
        complete=result_set.complete,
    )
    if small and not export.asked_before:
        build_export(str(export.pk), by_worker=False)
        export.refresh_from_db()
    return export


def _insert_export(
    request: ExportRequest, options: dict[str, Any], *, enqueue: bool, **values: Any
) -> Export:
    """Insert a new export, or return the same one requested a moment ago."""
    with transaction.atomic():
        # One request of a user at a time: two at once would both fit and both be new.
        owners = User.objects.select_for_update(no_key=True)
        owners.filter(pk=request.owner.pk).first()
        if duplicate := _recent_duplicate(request, options, values["result_set"]):
            return duplicate
        _check_storage(request.owner, values.get("size", 0))
        export = Export.objects.create(
            owner=request.owner,
            run=request.run,
            format=request.format,
            options=options,
            file_name=request.safe_name,
            next_at=timezone.now(),
            **values,
        )
        if enqueue:
            queue.enqueue(queue.BUILD_EXPORT, str(export.pk))
    return export


def _recent_duplicate(
    request: ExportRequest, options: dict[str, Any], result_set: ResultSet | None
) -> Export | None:
    """Return the export of the same choices that is being built, or was built a moment ago."""
    under_way = Q(status__in=ACTIVE_STATUSES, cancel_asked_at=None)
    since = timezone.now() - DUPLICATE_WINDOW
    just_built = Q(status=Status.SUCCEEDED, finished_at__gt=since, file_removed_at=None)
    same = Export.objects.filter(
        under_way | just_built,
        owner=request.owner,
        run=request.run,
        result_set=result_set,
        format=request.format,
        file_name=request.safe_name,
    )
    as_stored = json.loads(json.dumps(options))
    for export in same:
        if export.options == as_stored:
            export.asked_before = True
            return export
    return None


def _check_storage(owner: User, size: int) -> None:
    try:
        quota.check_export_fits(owner, size)
    except quota.StorageLimitError as error:
        raise ExportRefusedError(str(error)) from error


@dataclass(frozen=True, kw_only=True)
class ProviderFileRequest:
    """A file to be made by the provider. ``limit`` None means every row."""

    owner: User
    run: Run
    format: str
    file_name: str = ""
    limit: int | None = None
    zip: bool = False


def start_provider_export(request: ProviderFileRequest) -> Export:
    """Insert the export, as `start_export` does; a worker downloads the file. Raises ExportRefusedError."""
    run = request.run
    if reason := _provider_file_refusal(request):
        raise ExportRefusedError(reason)
    result_set = stored_results.current_result(run)
    stored_request = ExportRequest(
        owner=request.owner,
        run=run,
        format=request.format,
        file_name=request.file_name,
        limit=request.limit,
        compression="zip" if request.zip else "",
    )
    return _insert_export(
        stored_request,
        stored_request.as_dict() | {"made_by": MADE_BY_PROVIDER},
        enqueue=True,
        result_set=result_set,
        complete=request.limit is None,
    )


def provider_formats(run: Run, user: User) -> tuple[str, ...]:
    """Return the formats in which the provider can now make a file of the run's result for ``user``."""
    formats = provider_class(run.provider).capabilities.export_formats
    return () if not formats or _run_refusal(run, user) else formats


def _provider_file_refusal(request: ProviderFileRequest) -> str:
    kind = provider_class(request.run.provider)
    if request.format not in kind.capabilities.export_formats:
        return f"{kind.label} does not export {request.format} files."
    return _run_refusal(request.run, request.owner)


def _run_refusal(run: Run, user: User) -> str:
    if run.status != Status.SUCCEEDED or not run.job_id:
        return "The provider exports only finished background queries."
    if run.statistics.get("deleted_at_provider"):
        return "The result of this run was deleted at the provider."
    usable = Connection.objects.visible_to(user)
    if run.connection is None or not usable.filter(pk=run.connection.pk).exists():
        return "You have no access to the connection of this run."
    return ""


def _is_small(
    request: ExportRequest, result_set: ResultSet, expected: Estimate
) -> bool:
    # An original row is as large as all its columns; a sort or a filter reads every row.
    width = expected.columns or len(result_set.columns)
    narrowed = request.as_shown and (
        request.view.sorts or request.view.q or request.view.conditions
    )
    rows = result_set.row_count if narrowed else expected.rows
    return rows * max(width, 1) <= FORMATS[request.format].inline_cells


def export_media_type(export: Export) -> str:
    """Return the Content-Type of the file."""
    return media_type(export.format, export.options.get("compression", ""))


def cancel_export(export: Export) -> None:
    """Request the end of a build; the worker confirms it."""
    running = Export.objects.active().filter(pk=export.pk, cancel_asked_at=None)
    if running.update(cancel_asked_at=timezone.now()):
        queue.enqueue(queue.BUILD_EXPORT, str(export.pk))


def delete_export(export: Export) -> None:
    """Delete the row and its file; a running build loses its lease and stops."""
    folder = export_dir(export)
    export.delete()
    shutil.rmtree(folder, ignore_errors=True)


def export_notes(export: Export) -> Iterator[str]:
    """Yield what the file lacks of the result, and what was changed so that the format could hold it."""
    if export.options.get("made_by") == MADE_BY_PROVIDER:
        yield "The provider made this file. It was not checked for text that a spreadsheet could run as a formula."
    else:
        yield from _missing_notes(export)
    for name, note in NOTES.items():
        if count := export.report.get(name):
            yield note.format(count)
    if (sheets := export.report.get("sheets") or 0) > 1:
        yield f"The rows continue on {sheets} sheets: Excel holds 1,048,576 rows per sheet."


def _missing_notes(export: Export) -> Iterator[str]:
    """Yield what is missing: rows not selected or never received, values without a column.

    Does not read the result, which may be deleted by now.
    """
    total = export.options.get("rows_there", 0)
    limit = export.options.get("limit")
    if limit and limit < total and export.rows_done == limit:
        yield f"The file holds the first {limit:,} of {total:,} rows (your row limit)."
    if not export.complete:
        yield "The result is incomplete. The reason is on the run's page."
    manifest = export.report.get("manifest") or {}
    left_out = (manifest.get("result") or {}).get("columns_left_out", 0)
    if left_out and export.options.get("columns", ALL) == ALL:
        yield error_texts.dropped_columns_note(left_out)


def recover_exports() -> None:
    """Enqueue stalled builds again, and remove the files of expired exports."""
    now = timezone.now()
    stalled = Export.objects.active().filter(next_at__lt=now - LEASE_DURATION)
    for export in stalled.exclude(lease_until__gt=now)[:50]:
        # Not at every pass: recovery runs every couple of seconds.
        if stalled.filter(pk=export.pk, next_at=export.next_at).update(next_at=now):
            queue.enqueue(queue.BUILD_EXPORT, str(export.pk))
    for export in Export.objects.filter(expires_at__lt=now, file_removed_at=None)[:50]:
        shutil.rmtree(export_dir(export), ignore_errors=True)
        Export.objects.filter(pk=export.pk).update(file_removed_at=now)


def delete_orphan_files() -> None:
    """Remove directories without an export: a process may have crashed between deleting row and files."""
    named = Export.objects.with_files().values_list("pk", flat=True)
    for folder in orphan_directories(
        Path(settings.DATA_DIR) / "exports", {*map(str, named)}
    ):
        shutil.rmtree(folder, ignore_errors=True)
