"""Start, cancel, re-run, share and delete runs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.conf import settings as conf
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from queries import quota, time_ranges
from queries.models import (
    INLINE_MODES,
    Connection,
    Mode,
    Run,
    SavedQuery,
    Status,
    Team,
    User,
    unleased,
)
from queries.models.runs import RunQuerySet
from queries.providers.base import Problem, QuerySpec
from queries.providers.registry import provider_class
from queries.providers.values import Mode as ProviderMode
from queries.runs.engine import executor, queue
from queries.runs.engine.orphan_jobs import cancel_job_in_background
from queries.runs.engine.run_updates import (
    best_attempt,
    end_values,
    final_values,
    query_spec,
    remove_rows,
    warning_dicts,
)

log = structlog.get_logger(__name__)


class InvalidRunError(ValueError):
    """The request cannot be sent; ``problems`` says why, field by field."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """A request for a run. ``form_key`` makes a repeated start harmless."""

    owner: User
    connection: Connection
    statement: str
    mode: str
    settings: dict[str, Any] = field(default_factory=dict)
    time_range: str = time_ranges.DEFAULT
    range_start: datetime | None = None
    range_end: datetime | None = None
    zone: tzinfo = UTC
    saved_query: SavedQuery | None = None
    form_key: UUID = field(default_factory=uuid4)
    team: Team | None = None


def problems(request: RunRequest) -> list[Problem]:
    """Return what is wrong with a request, without any HTTP call. Empty if it can be sent."""
    can = provider_class(request.connection.provider).capabilities
    offered = {str(Mode.DIRECT): can.direct, str(Mode.BACKGROUND): can.background}
    if not offered.get(str(request.mode), False):
        return [Problem("mode", "The provider does not offer this mode.")]
    try:
        spec = _spec(request)
    except ValueError:
        return [Problem("start", "Choose a time range with a start and an end.")]
    kind = provider_class(request.connection.provider)
    return kind.validate(spec, _provider_mode(request.mode))


def resolved_spec(request: RunRequest) -> QuerySpec:
    """Return the query of a request without problems, with its time range resolved now."""
    return provider_class(request.connection.provider).resolve(_spec(request))


def start_run(request: RunRequest) -> Run:
    """Insert the run and start it; the same ``form_key`` again returns the first run.

    The row and its task are one transaction. Raises PermissionDenied if the owner may not use the
    connection, the saved query or the team, and InvalidRunError.
    """
    known = _existing_run(request)
    if known is not None:
        return known
    _check_access(request)
    if found := problems(request) or _storage_problems(request.owner):
        raise InvalidRunError(found)
    run = _build_run(request)
    if run.mode == Mode.DIRECT:
        executor.assign_lease(run)
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            _enqueue_or_submit(run)
    except IntegrityError:
        # The form was submitted twice at the same moment: the other request was first.
        known = _existing_run(request)
        if known is None:
            raise
        return known
    log.info("run_started", run=str(run.pk), mode=run.mode)
    return run


def wait_for(run: Run, seconds: float) -> Run:
    """Wait up to ``seconds`` for a run that executes in this process; return it reloaded."""
    if run.mode in INLINE_MODES:
        executor.executor_for(run).wait(run.pk, seconds)
    run.refresh_from_db()
    return run


def cancel_run(run: Run) -> None:
    """Request the end of a run. A run that has not started ends at once."""
    _cancel(Run.objects.filter(pk=run.pk))
    run.refresh_from_db()


def cancel_all_runs(user: User) -> int:
    """Cancel every active run of ``user``; return how many there were."""
    return _cancel(Run.objects.owned_by(user))


def rerun(
    run: Run,
    *,
    owner: User,
    from_now: bool,
    form_key: UUID,
    zone: tzinfo = UTC,
    connection: Connection | None = None,
) -> Run:
    """Start the same run again, over the same time range or over its preset as of now.

    Raises what `start_run` raises; PermissionDenied also if the connection was deleted.
    """
    connection = connection or run.connection
    if connection is None:
        raise PermissionDenied("The connection of this run is gone.")
    preset = from_now and run.time_range not in (time_ranges.ABSOLUTE, time_ranges.NONE)
    choice = run.time_range if preset or run.starts_at is None else time_ranges.ABSOLUTE
    saved = run.saved_query
    if saved and not SavedQuery.objects.visible_to(owner).filter(pk=saved.pk).exists():
        saved = None
    return start_run(
        RunRequest(
            owner=owner,
            connection=connection,
            statement=run.statement,
            mode=run.mode,
            settings=run.settings,
            time_range=choice,
            range_start=run.starts_at,
            range_end=run.ends_at,
            zone=zone,
            saved_query=saved,
            form_key=form_key,
        )
    )


def share_run(run: Run, team: Team | None) -> None:
    """Share the run and its rows with a team of the owner; None makes it private again."""
    if team and not Team.objects.visible_to(run.owner).filter(pk=team.pk).exists():
        raise PermissionDenied("You are not in this team.")
    Run.objects.filter(pk=run.pk).update(team=team)
    run.team = team


def delete_run(run: Run) -> None:
    """Delete the run, its rows and exports, and their files; an active run is cancelled first.

    The cancel is sent to the provider once, in the background, without a check of its outcome.
    """
    # Ended first, so that its holder loses the lease and adds no more rows.
    active = Run.objects.active().filter(pk=run.pk)
    if active.update(**final_values(run, Status.CANCELLED)):
        executor.direct_executor.cancel(run.pk)
        if run.job_id and run.connection:
            cancel_job_in_background(run.connection, run.job_id)
    base = Path(conf.DATA_DIR)
    places = [
        base / "exports" / str(pk) for pk in run.exports.values_list("pk", flat=True)
    ]
    places.append(base / "results" / str(run.pk))
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).delete()
        # Database rows first: recovery removes files that no row names.
        transaction.on_commit(lambda: _delete_directories(places))


def delete_rows(run: Run) -> None:
    """Delete the stored rows of an ended run at once; the run stays and says so."""
    if Run.objects.active().filter(pk=run.pk).exists():
        return
    remove_rows(run, reason="deleted")


def curl_command(run: Run) -> str:
    """Return the equivalent curl command with a placeholder for the key; "" for a refine."""
    if run.mode == Mode.REFINE:
        return ""
    kind = provider_class(run.provider)
    options = run.connection.options if run.connection else {}
    endpoint = kind.endpoint(options) if run.connection else "https://ENDPOINT"
    return kind.curl(query_spec(run), _provider_mode(run.mode), endpoint)


def _storage_problems(owner: User) -> list[Problem]:
    try:
        quota.check_rows_fit(owner)
    except quota.StorageLimitError as error:
        return [Problem("", str(error))]
    return []


def _existing_run(request: RunRequest) -> Run | None:
    return Run.objects.filter(owner=request.owner, form_key=request.form_key).first()


def _check_access(request: RunRequest) -> None:
    owner = request.owner
    checks = (
        (Connection.objects.visible_to(owner), request.connection, "connection"),
        (SavedQuery.objects.visible_to(owner), request.saved_query, "saved query"),
        (Team.objects.visible_to(owner), request.team, "team"),
    )
    for visible, chosen, what in checks:
        if chosen is not None and not visible.filter(pk=chosen.pk).exists():
            raise PermissionDenied(f"You may not use this {what}.")


def _range(request: RunRequest) -> time_ranges.TimeRange:
    return time_ranges.resolve(
        request.time_range,
        now=timezone.now(),
        zone=request.zone,
        start=request.range_start,
        end=request.range_end,
    )


def _spec(request: RunRequest) -> QuerySpec:
    resolved = _range(request)
    return QuerySpec(request.statement, request.settings, resolved.start, resolved.end)


def _build_run(request: RunRequest) -> Run:
    """Return the unsaved run of a request, with everything resolved."""
    resolved, now = _range(request), timezone.now()
    kind = provider_class(request.connection.provider)
    # What is stored is what is sent: settings may spell the statement.
    spec = kind.resolve(
        QuerySpec(request.statement, request.settings, resolved.start, resolved.end)
    )
    absolute = request.time_range == time_ranges.ABSOLUTE
    background = request.mode == Mode.BACKGROUND
    limit = timedelta(seconds=conf.BACKGROUND_SECONDS)
    return Run(
        owner=request.owner,
        team=request.team,
        connection=request.connection,
        connection_name=request.connection.name,
        provider=request.connection.provider,
        saved_query=request.saved_query,
        form_key=request.form_key,
        statement=spec.statement,
        mode=request.mode,
        settings=dict(spec.settings),
        time_range=request.time_range,
        range_start=request.range_start if absolute else None,
        range_end=request.range_end if absolute else None,
        starts_at=resolved.start,
        ends_at=resolved.end,
        warnings=warning_dicts(kind.advisories(spec, _provider_mode(request.mode))),
        next_at=now,
        gives_up_at=now + limit if background else None,
    )


def _enqueue_or_submit(run: Run) -> None:
    """Enqueue the scheduler in the same transaction, or submit to this process's pool after it."""
    if run.mode == Mode.BACKGROUND:
        queue.enqueue_scheduler()
    else:
        transaction.on_commit(lambda: executor.direct_executor.submit(run))


def _cancel(rows: RunQuerySet) -> int:
    """Request the end of the active ones of ``rows``, in a constant number of queries."""
    now = timezone.now()
    modes = dict(rows.active().values_list("pk", "mode"))
    _cancel_unstarted(rows, now)
    with transaction.atomic():
        asked = rows.active().filter(cancel_asked_at=None)
        told = asked.update(cancel_asked_at=now, next_at=now)
        if told and Mode.BACKGROUND in modes.values():
            _cancel_waiting_fetches(rows)
            queue.enqueue_scheduler()
    for pk, mode in modes.items():
        if mode in INLINE_MODES:
            executor.direct_executor.cancel(pk)
    return len(modes)


def _cancel_unstarted(rows: RunQuerySet, now: datetime) -> None:
    """End runs that have not started. Inline runs have a lease from the start."""
    free = Q(mode__in=INLINE_MODES) | unleased(now)
    unstarted = rows.filter(free, status=Status.QUEUED, submitting_since=None)
    unstarted.update(cancel_asked_at=now, **end_values(Status.CANCELLED))


def _cancel_waiting_fetches(rows: RunQuerySet) -> None:
    """End fetches that are not leased; the holder of a leased one sees the flag."""
    waiting = rows.filter(
        unleased(timezone.now()), mode=Mode.BACKGROUND, status=Status.FETCHING
    )
    for run in waiting:
        changes = final_values(run, Status.CANCELLED)
        waiting.filter(pk=run.pk).update(result=best_attempt(run), **changes)


def _delete_directories(directories: list[Path]) -> None:
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


def _provider_mode(mode: str) -> ProviderMode:
    return "background" if mode == Mode.BACKGROUND else "direct"
