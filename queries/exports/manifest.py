"""The manifest of an export: what the file holds, where it came from, and what is missing.

It names users and connections as the pages do. It contains no key, no provider address and no e-mail address,
because files are passed on.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from queries import stored_results
from queries.exports import selection
from queries.exports.formats import FORMATS, Options, Report
from queries.exports.selection import ExportRequest
from queries.models import Mode, ResultSet, Run
from queries.providers.registry import provider_class

Manifest = dict[str, Any]
#: Of the format of the manifest itself.
VERSION = 1
_FILE_FIELDS = ("rows", "size", "sha256", "data_size", "data_sha256")


def options_with_manifest(request: ExportRequest, result_set: ResultSet) -> Options:
    """Return the writers' options with the manifest, for formats that carry one inside."""

    def manifest_bytes(report: Report) -> bytes:
        return as_bytes(export_manifest(request, result_set, report))

    return replace(request.options, manifest=manifest_bytes)


def export_manifest(
    request: ExportRequest, result_set: ResultSet | None, report: Report
) -> Manifest:
    """Return the manifest as JSON values. What is not known yet (a hash, inside the file itself) is left out."""
    return {
        "manifest": VERSION,
        "product": {"name": "Querydeck", "version": settings.VERSION},
        "made_at": timezone.now().isoformat(timespec="seconds"),
        "made_by": request.owner.name or "unnamed",
        "run": _run(request.run),
        "result": _result(result_set),
        "chosen": _chosen(request, result_set),
        "file": _file(request, report),
        "changed": _changed(report),
    }


def provider_file_manifest(
    request: ExportRequest, result_set: ResultSet | None, report: Report
) -> Manifest:
    """Return the manifest of a file that the provider made: what was requested and received."""
    manifest = export_manifest(request, result_set, report)
    del manifest["changed"], manifest["file"]["rows"]
    manifest["file"]["made_by"] = request.run.provider_label
    manifest["file"]["checked"] = False
    return manifest


def as_bytes(manifest: Manifest) -> bytes:
    """Return the manifest as a file's bytes."""
    return json.dumps(manifest, ensure_ascii=False, indent=2).encode() + b"\n"


def _run(run: Run) -> Manifest:
    return {
        "id": str(run.pk),
        "provider": run.provider,
        "connection": run.connection_name,
        "statement": run.statement,
        "language": run.settings.get("language")
        if run.mode == Mode.REFINE
        else provider_class(run.provider).statement_language_for(run.settings),
        "mode": run.mode,
        # Of a refine: the run whose stored rows it read.
        "origin": str(run.origin_id) if run.origin_id else None,
        "time_range": {
            "from": _iso(run.effective_start or run.starts_at),
            "to": _iso(run.effective_end or run.ends_at),
        },
        "started_at": _iso(run.started_at),
        "finished_at": _iso(run.finished_at),
    }


def _result(result_set: ResultSet | None) -> Manifest | None:
    if result_set is None:
        return None
    cuts = [cut.get("message", "") for cut in result_set.cuts]
    return {
        "rows": result_set.row_count,
        "complete": result_set.complete,
        "cuts": cuts,
        "columns": len(result_set.columns),
        # Keypaths beyond the limit of columns: their values are in the raw rows only. Counted up to 10,000.
        "columns_left_out": result_set.columns_dropped,
    }


def _chosen(request: ExportRequest, result_set: ResultSet | None) -> Manifest:
    view = request.view.as_dict() if request.as_shown else {}
    columns = (
        selection.selected_columns(request, stored_results.stored_columns(result_set))
        if result_set and stored_results.is_known_format(result_set)
        else []
    )
    return {
        "rows": "all" if request.limit is None else request.limit,
        "filter": {name: view[name] for name in ("q", "column", "conditions") if view},
        "sort": view.get("sorts", []),
        "columns": request.columns,
        "column_names": [column.name for column in columns],
        "zone": str(request.zone),
        "integers_as_text": request.exact,
    }


def _file(request: ExportRequest, report: Report) -> Manifest:
    values = {name: getattr(report, name) for name in _FILE_FIELDS}
    return {
        "name": request.safe_name,
        "format": FORMATS[request.format].label,
        "compression": request.compression or "none",
        **{name: value for name, value in values.items() if value or name == "rows"},
    }


def _changed(report: Report) -> dict[str, int]:
    """Return how many cells differ from the result, by the report's own names."""
    return {
        name: value
        for name, value in asdict(report).items()
        if name not in _FILE_FIELDS
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
