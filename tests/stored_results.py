"""Runs that already have rows, stored as the engine stores them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from django.utils import timezone

from queries.models import ResultPart, ResultSet, Run, Status
from queries.results import PartWriter
from queries.stored_results import result_dir
from tests.factories import RunFactory


def stored_run(rows: Iterable[Mapping[str, Any]], **changes: Any) -> Run:
    """A succeeded run with these rows (top-level names to JSON values) as its published result."""
    hints = changes.pop(
        "hints", {"$m.timestamp": "timestamp", "$m.severity": "severity"}
    )
    run = changes.pop("run", None) or RunFactory(
        **{"status": Status.SUCCEEDED} | changes
    )
    result_set = ResultSet.objects.create(run=run, complete=True)
    writer = PartWriter(result_dir(result_set), hints=hints)
    pairs = ((row, json.dumps(row, ensure_ascii=False).encode()) for row in rows)
    for part in writer.write(pairs):
        ResultPart.objects.create(
            result_set=result_set, seq=part.first_row, **asdict(part)
        )
    result_set.columns = [asdict(column) for column in writer.columns]
    result_set.row_count, result_set.size = writer.rows, writer.size
    result_set.save()
    run.result, run.rows_received = result_set, writer.rows
    run.started_at = run.finished_at = timezone.now()
    run.save()
    return run


def log_rows(count: int) -> Iterable[dict[str, Any]]:
    """Rows in the shape of Coralogix logs, numbered from 0."""
    for n in range(count):
        yield {
            "$m": {
                "timestamp": f"2026-06-19T00:{n // 60 % 60:02}:{n % 60:02}.461000000",
                "severity": ("Info", "Warning", "Error")[n % 3],
            },
            "$l": {"applicationname": "shop", "subsystemname": f"service-{n % 7}"},
            "$d": {"n": n, "message": f"message {n}", "nested": {"a": [n, None]}},
        }
