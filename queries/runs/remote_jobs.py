"""What a provider offers beyond running a query: preview, log, list of jobs, deletion, cancel all.

Every function raises ProviderError (UnsupportedOperationError where the provider cannot do it), whose
text is safe to show. None is retried: a user waits for the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid5

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from queries import quota, time_ranges
from queries.connections import rate_limit
from queries.connections.services import open_provider, test_policy
from queries.models import Connection, Mode, Run, Status, User
from queries.providers.base import LogLine, Preview, Provider, QuerySpec, RemoteJob
from queries.providers.errors import (
    AuthenticationError,
    ConflictError,
    LimitExceededError,
    NotFoundError,
    RateLimitError,
)
from queries.providers.registry import provider_class
from queries.runs.engine import access, queue
from queries.runs.engine.run_updates import (
    json_safe,
    mark_connection_failing,
    notes_with,
)

IMPORTED_NOTE = "Imported: this query was not started here."
UNKNOWN_STATEMENT = "(The provider does not tell the statement.)"
RESULT_DELETED_NOTE = "The result was deleted at the provider; the rows kept here stay."

log = structlog.get_logger(__name__)


def fetch_logs(run: Run) -> list[LogLine]:
    """Return the log of the run's job at the provider, oldest line first."""
    if not provider_class(run.provider).capabilities.logs:
        raise provider_class(run.provider).unsupported("show logs")
    with _open_for_call(access.connection_for(run)) as provider:
        return provider.logs(_job_of(run))


def delete_remote_result(run: Run) -> None:
    """Delete the run's result at the provider and note it on the run. Our rows stay."""
    if not provider_class(run.provider).capabilities.delete:
        raise provider_class(run.provider).unsupported("delete results")
    if run.is_active:
        raise ConflictError("The run has not ended yet; cancel it first.")
    with _open_for_call(access.connection_for(run)) as provider:
        provider.delete(_job_of(run))
    gone = {**run.statistics, "deleted_at_provider": timezone.now().isoformat()}
    Run.objects.filter(pk=run.pk).update(
        statistics=gone, notes=notes_with(run, RESULT_DELETED_NOTE)
    )
    log.info("result_deleted_at_provider", run=str(run.pk))


def preview_query(connection: Connection, spec: QuerySpec) -> Preview:
    """Return the provider's preview of a valid query; nothing is stored or run."""
    kind = provider_class(connection.provider)
    if not kind.capabilities.preview:
        raise kind.unsupported("check queries before they run")
    with _open_for_call(connection) as provider:
        return provider.preview(spec)


def cancel_all_jobs(connection: Connection) -> None:
    """Cancel every active job of the key's user at the provider, wherever it was started.

    Runs that were started here notice it at their next poll.
    """
    kind = provider_class(connection.provider)
    if not kind.capabilities.cancel_all:
        raise kind.unsupported("cancel all queries at once")
    with _open_for_call(connection) as provider:
        provider.cancel_all()
    log.info("all_jobs_cancelled", connection=str(connection.pk))


def list_jobs(connection: Connection, user: User) -> list[tuple[RemoteJob, Run | None]]:
    """Return the provider's jobs, newest first, each with ``user``'s run of it, if any."""
    kind = provider_class(connection.provider)
    if not kind.capabilities.list_jobs:
        raise kind.unsupported("list queries")
    with _open_for_call(connection) as provider:
        found = provider.list_jobs()
    known = _runs_of(connection, user, [job.job_id for job in found])
    return [(job, known.get(job.job_id)) for job in found]


def import_job(connection: Connection, owner: User, job_id: str) -> Run:
    """Return a background run for a job that was started elsewhere; an existing one if there is one.

    The scheduler continues it like any other. Raises NotFoundError for a job not in the list.
    """
    jobs = list_jobs(connection, owner)
    job, run = next((pair for pair in jobs if pair[0].job_id == job_id), (None, None))
    if job is None:
        raise NotFoundError("The provider's list does not have this query any more.")
    if run is not None:
        return run
    try:
        quota.check_rows_fit(owner)
    except quota.StorageLimitError as error:
        raise LimitExceededError(str(error), remedy="") from None
    return _adopted(connection, owner, job)


def _adopted(connection: Connection, owner: User, job: RemoteJob) -> Run:
    now = timezone.now()
    run = Run(
        owner=owner,
        connection=connection,
        connection_name=connection.name,
        provider=connection.provider,
        # The same key for the same job: a second click returns the same run.
        form_key=uuid5(connection.pk, job.job_id),
        statement=json_safe(job.statement) or UNKNOWN_STATEMENT,
        mode=Mode.BACKGROUND,
        time_range=time_ranges.NONE,
        status=Status.RUNNING,
        native_status=json_safe(job.status.native)[:80],
        job_id=job.job_id,
        submitted_at=job.status.submitted_at or now,
        started_at=_watched_since(job, now),
        next_at=now,
        gives_up_at=now + timedelta(seconds=settings.BACKGROUND_SECONDS),
        notes=[IMPORTED_NOTE],
    )
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            queue.enqueue_scheduler()
    except IntegrityError:
        return Run.objects.get(owner=owner, form_key=run.form_key)
    log.info("job_adopted", run=str(run.pk))
    return run


def _watched_since(job: RemoteJob, now: datetime) -> datetime:
    """Return since when the run takes time: of a job that ended long ago only the fetch counts."""
    if job.status.state.is_final:
        return now
    return job.status.started_at or job.status.submitted_at or now


def _runs_of(connection: Connection, user: User, job_ids: list[str]) -> dict[str, Run]:
    mine = Run.objects.owned_by(user).filter(connection=connection, job_id__in=job_ids)
    return {run.job_id: run for run in mine.order_by("created_at")}


def _job_of(run: Run) -> str:
    # An empty id must never reach the wire: to some providers it means "all of them".
    if not run.job_id:
        raise NotFoundError("This run has no job at the provider.")
    return run.job_id


@contextmanager
def _open_for_call(connection: Connection) -> Iterator[Provider]:
    """Open the provider for one call, within the key's rate limit and with short timeouts."""
    limit = provider_class(connection.provider).rate_limit
    if wait := rate_limit.acquire(connection, limit):
        raise RateLimitError(
            f"This key is at its provider's limit of requests. Try again in {math.ceil(wait)} s.",
            retry_after=wait,
            remedy="",
        )
    try:
        with open_provider(connection, test_policy()) as provider:
            yield provider
    except RateLimitError as refused:
        if refused.retry_after:
            rate_limit.block(connection, refused.retry_after)
        raise
    except AuthenticationError as refused:
        mark_connection_failing(connection, refused)
        raise
