"""Start refines: statements on the stored rows of a run, each a run of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from dataprime import DataPrimeError
from queries import quota, stored_results, time_ranges
from queries.models import Mode, ResultSet, Run, User
from queries.results import UnknownFormatError
from queries.runs.engine import executor, refine
from queries.runs.engine.refine import DATAPRIME, LANGUAGES

log = structlog.get_logger(__name__)


class InvalidRefineError(ValueError):
    """The statement cannot run; ``line`` and ``column`` say where (0: no position)."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True, kw_only=True)
class RefineRequest:
    """A statement on a run's rows. ``form_key`` makes a repeated start harmless."""

    owner: User
    origin: Run
    statement: str
    language: str = DATAPRIME
    form_key: UUID = field(default_factory=uuid4)


def refinable_result(run: Run) -> ResultSet:
    """Return the rows of a run that can be refined. Raises InvalidRefineError with the reason if there are none."""
    if run.is_active:
        raise InvalidRefineError(
            "This run has not ended yet. Its rows can be refined when it has."
        )
    try:
        found = stored_results.available_result(run)
    except (stored_results.ResultUnavailableError, UnknownFormatError) as error:
        raise InvalidRefineError(str(error)) from None
    if not found.row_count:
        raise InvalidRefineError("This run has no rows to refine.")
    return found


def validate_refine(request: RefineRequest) -> ResultSet:
    """Return the rows that the request reads. Raises InvalidRefineError for known mistakes.

    SQL is not parsed here: only the child process that executes it parses it.
    """
    found = refinable_result(request.origin)
    if request.language not in LANGUAGES:
        raise InvalidRefineError("Choose DataPrime or SQL.")
    if request.language == DATAPRIME:
        try:
            refine.compile_statement(request.statement, found)
        except DataPrimeError as error:
            raise InvalidRefineError(str(error), error.line, error.column) from None
    return found


def start_refine(request: RefineRequest) -> Run:
    """Insert the run and start it; the same ``form_key`` again returns the first run.

    Raises PermissionDenied if the owner may not see the origin, and InvalidRefineError.
    """
    if known := _existing_run(request):
        return known
    readable = Run.objects.visible_to(request.owner).filter(pk=request.origin.pk)
    if not readable.exists():
        raise PermissionDenied("You may not see this run.")
    read = validate_refine(request)
    try:
        quota.check_rows_fit(request.owner)
    except quota.StorageLimitError as error:
        raise InvalidRefineError(str(error)) from None
    run = _build_run(request, read)
    executor.assign_lease(run)
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            transaction.on_commit(lambda: executor.executor_for(run).submit(run))
    except IntegrityError:
        # The form was submitted twice at the same moment: the other request was first.
        if known := _existing_run(request):
            return known
        raise
    log.info("run_started", run=str(run.pk), mode=str(run.mode))
    return run


def rerun_refine(run: Run, *, owner: User, form_key: UUID) -> Run:
    """Run the same refine again, on the rows that its origin has now."""
    if run.origin is None:
        raise InvalidRefineError("The run it was made from was deleted.")
    return start_refine(
        RefineRequest(
            owner=owner,
            origin=run.origin,
            statement=run.statement,
            language=run.settings.get("language", DATAPRIME),
            form_key=form_key,
        )
    )


def _existing_run(request: RefineRequest) -> Run | None:
    return Run.objects.filter(owner=request.owner, form_key=request.form_key).first()


def _build_run(request: RefineRequest, read: ResultSet) -> Run:
    origin = request.origin
    return Run(
        owner=request.owner,
        origin=origin,
        # For display only: a refine opens no connection and needs no key.
        connection_name=origin.connection_name,
        provider=origin.provider,
        form_key=request.form_key,
        statement=request.statement,
        mode=Mode.REFINE,
        settings={"language": request.language},
        time_range=time_ranges.NONE,
        warnings=_inherited_cuts(read),
    )


def _inherited_cuts(read: ResultSet) -> list[dict[str, Any]]:
    """Return the reasons why rows were missing in the origin: they are missing here too."""
    if read.complete:
        return []
    why = " ".join(cut.get("message", "") for cut in read.cuts)
    message = f"The rows it was made from are not complete. {why}".strip()
    remedies = (cut.get("remedy", "") for cut in read.cuts)
    return [
        {
            "code": "origin_incomplete",
            "message": message,
            "remedy": next((remedy for remedy in remedies if remedy), ""),
            "cuts_result": True,
            "details": {"rows": read.row_count},
        }
    ]
