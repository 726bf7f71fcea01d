"""Execute a refine: a statement on the stored rows of another run, its origin. Makes no HTTP call.

DataPrime is compiled here, with bound values. SQL goes unchanged to the child process that executes
it (`results.refine.process`). The rows are stored as those of a provider are.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pyarrow as pa
from django.conf import settings
from django.utils import timezone

from dataprime import Compiled, Kind, compile_dataprime
from queries import stored_results
from queries.models import ResultSet, Run
from queries.providers.base import Row, RowStream
from queries.providers.errors import LimitExceededError, ProviderError, QueryError
from queries.providers.registry import provider_class
from queries.results import ResultError, ResultsMissingError, UnknownFormatError
from queries.results.errors import MemoryLimitError, QueryTimeoutError
from queries.results.keypaths import keypath
from queries.results.refine.process import (
    RefineBounds,
    RefineProcess,
    RefineRequest,
    StatementError,
)
from queries.results.refine.tables import DATASETS, ROOTS, dataprime_table, views
from queries.runs.engine import error_texts
from queries.runs.engine.lease_keeper import LeasedRun
from queries.runs.engine.receiver import Receiver, ReceiveResult
from queries.runs.engine.row_documents import row_document_layout

SQL, DATAPRIME = "sql", "dataprime"
LANGUAGES = {DATAPRIME: "DataPrime", SQL: "SQL"}
COLUMN_HINTS = {Kind.TIMESTAMP: "timestamp", Kind.SEVERITY: "severity"}
RowDecoder = Callable[[pa.RecordBatch], Iterator[Row]]


def compile_statement(statement: str, result_set: ResultSet) -> Compiled:
    """Compile a DataPrime statement over the rows of a result set. Raises DataPrimeError, with its position."""
    columns = stored_results.stored_columns(result_set)
    table = dataprime_table(
        columns,
        row_document_layout(result_set.run, columns),
        all_known=not result_set.columns_dropped,
    )
    return compile_dataprime(
        statement,
        tables=dict.fromkeys(DATASETS, table),
        default_source=DATASETS[0],
        now=timezone.now(),
        max_rows=settings.MAX_ROWS + 1,
    )


def execute_refine(leased: LeasedRun) -> ReceiveResult:
    """Execute a leased refine. Raises LeaseLostError."""
    place = Path(settings.DATA_DIR) / "results" / str(leased.run.pk) / ".refine"
    try:
        asked, rows, hints = _asked(leased.run, _origin(leased.run))
        with (
            RefineProcess(asked, place, _bounds()) as process,
            leased.abort_on_stop(process),
        ):
            return _received(leased, process, rows, hints)
    except ResultError as error:
        return ReceiveResult(error=refine_error(error))
    except ProviderError as error:
        return ReceiveResult(error=error)
    finally:
        with suppress(
            OSError
        ):  # empty if the run was deleted while the process started
            place.parent.rmdir()


def refine_error(error: ResultError) -> ProviderError:
    """Return the error to store on a failed refine."""
    if isinstance(error, StatementError):
        place = f" in line {error.line} at column {error.column}" if error.line else ""
        return QueryError(
            f"{error}{place}",
            code="statement",
            title="Query error",
            remedy="Change it and refine again.",
        )
    if isinstance(error, QueryTimeoutError):
        return error_texts.run_timed_out(settings.REFINE_SECONDS, is_refine=True)
    if isinstance(error, MemoryLimitError):
        return error_texts.memory_limit_exceeded()
    if isinstance(error, UnknownFormatError):
        return error_texts.refine_failed(error.reason, remedy=error.remedy)
    return error_texts.refine_failed(str(error))


def _bounds() -> RefineBounds:
    return RefineBounds(
        memory_bytes=settings.REFINE_BYTES, seconds=float(settings.REFINE_SECONDS)
    )


def _origin(run: Run) -> ResultSet:
    """Return the result set to read. Checked again now: sharing may have ended, rows may be deleted."""
    readable = Run.objects.visible_to(run.owner).select_related("result")
    origin = readable.filter(pk=run.origin_id).first() if run.origin_id else None
    if origin is None or not run.owner.is_active:
        raise error_texts.origin_unavailable()
    try:
        return stored_results.available_result(origin)
    except stored_results.ResultUnavailableError as error:
        raise error_texts.refine_failed(str(error)) from None


def _asked(
    run: Run, origin: ResultSet
) -> tuple[RefineRequest, RowDecoder, dict[str, str]]:
    """Return the request, how its batches become rows, and what is known of their columns."""
    directory = stored_results.result_dir(origin)
    names = origin.parts.order_by("seq").values_list("name", flat=True)
    files = [str(directory / name) for name in names]
    if not files or not all(Path(file).is_file() for file in files):
        raise ResultsMissingError
    columns = stored_results.stored_columns(origin)
    relations = views(files, columns)
    if run.settings.get("language") == SQL:
        return RefineRequest(files, relations, text=run.statement), _sql_rows, {}
    found = compile_statement(run.statement, origin)
    # The views for SQL are not needed here, and no user text remains.
    asked = RefineRequest(files, relations[:1], sql=found.sql, params=found.params)
    is_flat = found.is_aggregate or len(row_document_layout(origin.run, columns)) == 1
    rows = _flat_rows if is_flat else _log_rows
    kind = provider_class(run.provider)
    hints = {} if is_flat else dict(kind.column_hints)
    return asked, rows, hints | _hints(found, is_flat=is_flat)


def _hints(found: Compiled, *, is_flat: bool) -> dict[str, str]:
    hints = {}
    for path, kind in found.kinds.items():
        name: str | None = None
        for key in path[1:] if is_flat else path:
            name = keypath(name, key)
        if name and kind in COLUMN_HINTS:
            hints[name] = COLUMN_HINTS[kind]
    return hints


def _received(
    leased: LeasedRun, process: RefineProcess, rows: RowDecoder, hints: dict[str, str]
) -> ReceiveResult:
    batches = process.batches()
    # The first batch carries what is known of the columns.
    first = next(batches, None)
    every = itertools.chain([] if first is None else [first], batches)

    def flow(stream: RowStream) -> Iterator[Row]:
        try:
            for batch in every:
                stream.bytes_received += batch.nbytes
                _check_size(stream.bytes_received)
                yield from rows(batch)
        except ResultError as error:
            raise refine_error(error) from error

    with RowStream(flow, process.abort) as stream:
        return Receiver(leased, stream, {**hints, **process.hints}).receive()


def _check_size(received: int) -> None:
    if received > settings.MAX_BYTES:
        raise LimitExceededError(
            f"The answer is larger than {settings.MAX_BYTES:,} bytes, the most we keep.",
            remedy="Ask for less: a narrower filter, fewer columns or a limit.",
        )


def _sql_rows(batch: pa.RecordBatch) -> Iterator[Row]:
    for text in batch.column(0).to_pylist():
        yield _object_row(text)


def _flat_rows(batch: pa.RecordBatch) -> Iterator[Row]:
    """Yield rows that have data only: aggregates, and rows of providers without documents."""
    for text in batch.column(2).to_pylist():
        yield _object_row(text)


def _log_rows(batch: pa.RecordBatch) -> Iterator[Row]:
    for texts in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        # Computed rows have no metadata and no labels, so they get no empty columns for them.
        found = dict(zip(ROOTS, texts, strict=True))
        documents = {k: v for k, v in found.items() if k == "$d" or v != "{}"}
        members = ",".join(f'"{root}":{text}' for root, text in documents.items())
        yield _object_row(f"{{{members}}}")


def _object_row(text: str) -> Row:
    try:
        value, original = msgspec.json.decode(text), text.encode()
    except ValueError:
        # DuckDB writes NaN and infinities inside lists, which is not JSON: they become texts.
        value = json.loads(text, parse_constant=str)
        original = msgspec.json.encode(value)
    return Row(value if isinstance(value, dict) else {"$d": value}, original)
