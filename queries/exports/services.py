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

DUPLICATE_NOTE = "You have just asked for this very file. It is made once; here it is."

# Notes for what the writers count.
NOTES = {
    "cells_cut": "{:,} cells were cut: Excel holds at most 32,767 characters in one cell.",
    "cells_neutralised": "{:,} cells look like formulas and are marked as text with ' so that none runs.",
    "cells_as_text": "{:,} numbers and dates that Excel cannot hold exactly were written as text.",
    "values_quoted": "{:,} values were no valid JSON and were written as text.",
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
    chosen: ExportRequest, options: dict[str, Any], *, enqueue: bool, **facts: Any
) -> Export:
    """Insert a new export, or return the same one requested a moment ago."""
    with transaction.atomic():
        # One request of a user at a time: two at once would both fit and both be new.
        others = User.objects.select_for_update(no_key=True)
        others.filter(pk=chosen.owner.pk).first()
        if known := _recent_duplicate(chosen, options, facts["result_set"]):
            return known
        _check_storage(chosen.owner, facts.get("size", 0))
        export = Export.objects.create(
            owner=chosen.owner,
            run=chosen.run,
            format=chosen.format,
            options=options,
            file_name=chosen.safe_name,
            next_at=timezone.now(),
            **facts,
        )
        if enqueue:
            queue.enqueue(queue.BUILD_EXPORT, str(export.pk))
    return export


def _recent_duplicate(
    chosen: ExportRequest, options: dict[str, Any], result_set: ResultSet | None
) -> Export | None:
    """Return the export of the same choices that is being built, or was built a moment ago."""
    under_way = Q(status__in=ACTIVE_STATUSES, cancel_asked_at=None)
    since = timezone.now() - DUPLICATE_WINDOW
    just_made = Q(status=Status.SUCCEEDED, finished_at__gt=since, file_removed_at=None)
    same = Export.objects.filter(
        under_way | just_made,
        owner=chosen.owner,
        run=chosen.run,
        result_set=result_set,
        format=chosen.format,
        file_name=chosen.safe_name,
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
    if why := _why_no_provider_file(request):
        raise ExportRefusedError(why)
    result_set = stored_results.current_result(run)
    chosen = ExportRequest(
        owner=request.owner,
        run=run,
        format=request.format,
        file_name=request.file_name,
        limit=request.limit,
        compression="zip" if request.zip else "",
    )
    return _insert_export(
        chosen,
        chosen.as_dict() | {"made_by": MADE_BY_PROVIDER},
        enqueue=True,
        result_set=result_set,
        complete=request.limit is None,
    )


def provider_formats(run: Run, user: User) -> tuple[str, ...]:
    """Return the formats in which the provider can now make a file of the run's result for ``user``."""
    formats = provider_class(run.provider).capabilities.export_formats
    return () if not formats or _why_no_file(run, user) else formats


def _why_no_provider_file(request: ProviderFileRequest) -> str:
    kind = provider_class(request.run.provider)
    if request.format not in kind.capabilities.export_formats:
        return f"{kind.label} makes no such files."
    return _why_no_file(request.run, request.owner)


def _why_no_file(run: Run, user: User) -> str:
    if run.status != Status.SUCCEEDED or not run.job_id:
        return "The provider makes files of finished background queries only."
    if run.statistics.get("deleted_at_provider"):
        return "The result of this run was deleted at the provider."
    usable = Connection.objects.visible_to(user)
    if run.connection is None or not usable.filter(pk=run.connection.pk).exists():
        return "The connection of this run is not yours to use."
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
    asked = Export.objects.active().filter(pk=export.pk, cancel_asked_at=None)
    if asked.update(cancel_asked_at=timezone.now()):
        queue.enqueue(queue.BUILD_EXPORT, str(export.pk))


def delete_export(export: Export) -> None:
    """Delete the row and its file; a running build loses its lease and stops."""
    folder = export_dir(export)
    export.delete()
    shutil.rmtree(folder, ignore_errors=True)


def export_notes(export: Export) -> Iterator[str]:
    """Yield what the file lacks of the result, and what was changed so that the format could hold it."""
    if export.options.get("made_by") == MADE_BY_PROVIDER:
        yield "The provider made this file. We do not check it for text that a spreadsheet could run as a formula."
    else:
        yield from _missing_notes(export)
    for name, note in NOTES.items():
        if found := export.report.get(name):
            yield note.format(found)
    if (sheets := export.report.get("sheets") or 0) > 1:
        yield f"The rows continue on {sheets} sheets: Excel holds 1,048,576 rows in one."


def _missing_notes(export: Export) -> Iterator[str]:
    """Yield what is missing: rows not selected or never received, values without a column.

    Does not read the result, which may be deleted by now.
    """
    there = export.options.get("rows_there", 0)
    limit = export.options.get("limit")
    if limit and limit < there and export.rows_done == limit:
        yield f"The file holds the first {limit:,} rows, as you chose, of {there:,} in the result."
    if not export.complete:
        yield "The result itself is not complete; the run's page says why."
    told = export.report.get("manifest") or {}
    left_out = (told.get("result") or {}).get("columns_left_out", 0)
    if left_out and export.options.get("columns", ALL) == ALL:
        yield error_texts.dropped_columns_note(left_out)


def recover_exports() -> None:
    """Enqueue stalled builds again, and remove the files of expired exports."""
    now = timezone.now()
    still = Export.objects.active().filter(next_at__lt=now - LEASE_DURATION)
    for export in still.exclude(lease_until__gt=now)[:50]:
        # Not at every pass: recovery runs every couple of seconds.
        if still.filter(pk=export.pk, next_at=export.next_at).update(next_at=now):
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
