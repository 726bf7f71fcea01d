"""Column values and updates of runs: notes, warnings, statistics, and the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from queries.models import ACTIVE_STATUSES, Connection, Mode, ResultSet, Run, Status
from queries.providers.base import JobStatus, ProviderWarning, QuerySpec
from queries.providers.errors import AuthenticationError, ProviderError
from queries.results import StorageError, remove_result
from queries.runs.engine import error_texts
from queries.runs.engine.leases import RELEASED_VALUES, leased_row
from queries.stored_results import result_dir

MAX_NOTES = 50
MAX_WARNINGS = 100
NOT_WAITING: dict[str, Any] = {"waiting_until": None, "waiting_for": ""}

log = structlog.get_logger(__name__)


def query_spec(run: Run) -> QuerySpec:
    """Return the run's query as the provider takes it."""
    return QuerySpec(run.statement, run.settings, run.starts_at, run.ends_at)


def time_limit(run: Run) -> float:
    """Return the seconds that a run may take in all."""
    if run.mode == Mode.REFINE:
        return float(settings.REFINE_SECONDS)
    if run.mode == Mode.DIRECT:
        return float(settings.DIRECT_SECONDS)
    return float(settings.BACKGROUND_SECONDS)


def json_safe(value: Any) -> Any:
    """Convert foreign values to JSON that every database stores: PostgreSQL refuses NUL and lone surrogates."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode(errors="replace").decode()
    if isinstance(value, Mapping):
        return {json_safe(str(name)): json_safe(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_safe(item) for item in value]
    return value if isinstance(value, int | float | None) else str(value)


def notes_with(run: Run, *texts: str) -> list[str]:
    """Return the run's notes with new ones, without duplicates and at most MAX_NOTES."""
    return list(dict.fromkeys([*run.notes, *(t for t in texts if t)]))[:MAX_NOTES]


def warning_dicts(warnings: Iterable[ProviderWarning]) -> list[dict[str, Any]]:
    """Return warnings as they are stored on a run."""
    return [
        json_safe(
            {
                "code": w.code,
                "message": w.message,
                "remedy": w.remedy,
                "cuts_result": w.cuts_result,
                "details": w.details,
            }
        )
        for w in warnings
    ]


def merged_warnings(
    known: list[dict[str, Any]], more: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return warnings without duplicates: submit, each status and the rows tend to repeat them."""
    result = list(known)
    for warning in more:
        if warning not in result:
            result.append(dict(warning))
    return result[:MAX_WARNINGS]


def status_values(run: Run, status: JobStatus) -> dict[str, Any]:
    """Return what a status reports about the job, as column values."""
    facts: dict[str, Any] = {
        "native_status": json_safe(status.native)[:80],
        "warnings": merged_warnings(run.warnings, warning_dicts(status.warnings)),
        "statistics": {**run.statistics, **json_safe(status.statistics)},
    }
    if status.started_at:
        facts["started_at"] = status.started_at
    return facts


def end_values(status: Status, error: ProviderError | None = None) -> dict[str, Any]:
    """Return the column values that end any run; its notes stay as they are."""
    now = timezone.now()
    return {
        **RELEASED_VALUES,
        **NOT_WAITING,
        "status": status,
        "error": json_safe(error.as_dict()) if error else None,
        "finished_at": now,
        "expires_at": now + timedelta(days=settings.RESULT_DAYS),
        "next_at": None,
    }


def final_values(
    run: Run, status: Status, error: ProviderError | None = None, note: str = ""
) -> dict[str, Any]:
    """Return the column values that end ``run``, with its notes."""
    return {**end_values(status, error), "notes": notes_with(run, note)}


def finish_run(
    run: Run, changes: dict[str, Any], result_set: ResultSet | None = None
) -> bool:
    """End a leased run with one UPDATE; return False if the lease was lost or the run has ended.

    Publishes ``result_set``, or else the attempt with the most rows, and deletes the others.
    """
    best = result_set or best_attempt(run)
    with transaction.atomic():
        if not leased_row(run).update(result=best, **changes):
            return False
        transaction.on_commit(lambda: delete_attempts(run, keep=best))
    log.info("run_ended", run=str(run.pk), status=str(changes["status"]))
    return True


def finish_incomplete_run(run: Run, error: ProviderError) -> bool:
    """End a run in the middle of its rows; those that arrived stay, marked as partial."""
    for attempt in run.result_sets.all():
        cut = error_texts.cut_from_error(error, attempt.row_count)
        attempt.cuts, attempt.complete = [*attempt.cuts, cut], False
        attempt.save(update_fields=["cuts", "complete"])
    cancelled = final_values(run, Status.CANCELLED)
    failed = final_values(run, Status.FAILED, error)
    return finish_run(run, cancelled if run.cancel_asked_at else failed)


def best_attempt(run: Run) -> ResultSet | None:
    """Return the attempt with the most rows; None if none has any."""
    attempts = run.result_sets.filter(row_count__gt=0)
    return attempts.order_by("-row_count", "-created_at").first()


def delete_attempts(run: Run, *, keep: ResultSet | None) -> None:
    """Delete the rows of attempts other than ``keep``, from the database and from disk."""
    others = run.result_sets.exclude(pk=keep.pk) if keep else run.result_sets.all()
    for attempt in others:
        delete_attempt(attempt)


def delete_attempt(attempt: ResultSet) -> None:
    """Delete one attempt. Database rows first: a file that no row names does not exist."""
    directory = result_dir(attempt)
    attempt.delete()
    try:
        remove_result(directory)
    except StorageError as error:
        # Recovery finds files without a row.
        log.warning("files_left", directory=str(directory), why=str(error))


def remove_rows(run: Run, *, reason: str) -> None:
    """Remove the rows of an ended run; the run stays and shows ``reason``: expired or deleted."""
    Run.objects.filter(pk=run.pk).exclude(status__in=ACTIVE_STATUSES).update(
        result=None, result_removed_at=timezone.now(), result_removed_why=reason
    )
    for attempt in run.result_sets.all():
        delete_attempt(attempt)


def delete_unpublished_attempt(attempt: ResultSet) -> None:
    """Delete an attempt whose lease was lost, unless the new holder published it."""
    published = ResultSet.objects.filter(pk=attempt.pk, published_for__isnull=False)
    if not published.exists():
        delete_attempt(attempt)


def mark_connection_failing(
    connection: Connection | None, error: ProviderError | None
) -> None:
    """Mark a connection as failing after its key was refused."""
    if connection is None or not isinstance(error, AuthenticationError):
        return
    same = Connection.objects.filter(
        pk=connection.pk, key_fingerprint=connection.key_fingerprint
    )
    same.update(
        tested_at=timezone.now(), test_ok=False, test_message=error.full_message()
    )
