"""Store the rows of a provider's stream as durable parts of one result set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from queries import quota
from queries.connections.services import default_policy
from queries.models import ResultPart, ResultSet, Status
from queries.providers.base import Row, RowStream
from queries.providers.client import Policy
from queries.providers.errors import (
    CallStoppedError,
    LimitExceededError,
    ProviderError,
)
from queries.results import (
    FORMAT_VERSION,
    Part,
    PartWriter,
    ResultError,
    StorageError,
    compact,
)
from queries.runs.engine import error_texts
from queries.runs.engine.job_statistics import stream_statistics
from queries.runs.engine.lease_keeper import LeasedRun, StopReason
from queries.runs.engine.leases import LeaseLostError, leased_row, renewal_values
from queries.runs.engine.row_documents import row_document_layout
from queries.runs.engine.run_updates import (
    delete_unpublished_attempt,
    json_safe,
    merged_warnings,
    warning_dicts,
)
from queries.stored_results import result_dir, stored_columns

log = structlog.get_logger(__name__)


def stream_policy() -> Policy:
    """Return the limits of a call that streams rows."""
    return replace(default_policy(), max_stream_bytes=settings.MAX_BYTES)


@dataclass
class ReceiveResult:
    """The outcome of a stream: its rows are durable, ``error`` is why it ended early."""

    result_set: ResultSet | None = None
    error: ProviderError | None = None

    @property
    def row_count(self) -> int:
        """Number of stored rows."""
        return self.result_set.row_count if self.result_set else 0


class Receiver:
    """Stores one stream for one run. Raises LeaseLostError when the lease is lost."""

    def __init__(self, one: LeasedRun, stream: RowStream, hints: Any) -> None:
        self.leased = one
        self.stream = stream
        self.error: ProviderError | None = None
        self.storage_full_reason = ""
        with transaction.atomic():
            self._renew()
            self.result_set = ResultSet.objects.create(
                run=one.run, format_version=FORMAT_VERSION
            )
        self.writer = PartWriter(result_dir(self.result_set), hints=hints)

    def receive(self) -> ReceiveResult:
        """Read the stream to its end or to its error; the rows until then are stored."""
        try:
            self._store()
            self._close()
        except LeaseLostError:
            delete_unpublished_attempt(self.result_set)
            raise
        self.result_set.refresh_from_db()
        return ReceiveResult(self.result_set, self.error)

    def _store(self) -> None:
        try:
            for part in self.writer.write(self._limited()):
                self._record(part)
        except ProviderError as failure:
            self.error = failure
        except StorageError as failure:
            self.error = error_texts.storage_failed(str(failure))
        if self.leased.stop_reason is StopReason.LEASE_LOST:
            raise LeaseLostError
        self.error = self.leased.stop_error(self.error)

    def _limited(self) -> Iterator[Row]:
        """Yield the stream's rows up to our limits; end at once when the run has to stop."""
        for number, row in enumerate(self.stream):
            if number >= settings.MAX_ROWS:
                raise LimitExceededError(
                    f"We keep at most {settings.MAX_ROWS:,} rows of one result.",
                    code="our_row_limit",
                )
            if self.storage_full_reason:
                raise LimitExceededError(
                    f"{self.storage_full_reason} The rest was not kept.",
                    code="our_store_limit",
                    remedy="Delete rows you no longer need on the pages of their runs, then run it again.",
                )
            if self.leased.stop_reason:
                raise CallStoppedError("We stopped reading.")
            yield row

    def _record(self, part: Part) -> None:
        """Insert the part's row and renew lease and counters in one transaction."""
        with transaction.atomic():
            self._renew(
                status=Status.FETCHING,
                rows_received=self.writer.rows,
                bytes_received=self.stream.bytes_received,
                **stream_values(self.stream),
            )
            ResultPart.objects.create(
                result_set=self.result_set, seq=part.first_row, **asdict(part)
            )
            self._describe(row_count=self.writer.rows, size=self.writer.size)
        # Raised where rows are read: the rows held in memory are stored first.
        self.storage_full_reason = quota.storage_full_reason()

    def _renew(self, **changes: Any) -> None:
        if not leased_row(self.leased.run).update(
            **renewal_values(self.leased.lease_duration), **changes
        ):
            self.leased.stop(StopReason.LEASE_LOST)
            raise LeaseLostError

    def _describe(self, **changes: Any) -> None:
        ResultSet.objects.filter(pk=self.result_set.pk).update(
            columns=[asdict(column) for column in self.writer.columns],
            columns_dropped=self.writer.columns_dropped,
            **changes,
        )

    def _close(self) -> None:
        """Record whether rows are missing, and why."""
        rows = self.writer.rows
        warnings = merged_warnings(
            self.leased.run.warnings, warning_dicts(self.stream.warnings)
        )
        cuts = [error_texts.cut_from_warning(w) for w in warnings if w["cuts_result"]]
        if self.leased.stop_reason is StopReason.CANCELLED:
            cuts.append(error_texts.cancel_cut(rows))
        elif self.error is not None:
            cuts.append(error_texts.cut_from_error(self.error, rows))
        run = self.leased.run
        with transaction.atomic():
            self._renew(
                warnings=warnings,
                statistics={**run.statistics, **stream_statistics(self.stream)},
                rows_received=rows,
                bytes_received=self.stream.bytes_received,
                **stream_values(self.stream),
            )
            self._describe(cuts=cuts, complete=not cuts)


def stream_values(stream: RowStream) -> dict[str, Any]:
    """Return what the stream has reported about the run so far, as column values."""
    facts = {
        "query_id": json_safe(stream.query_id)[:200],
        "effective_start": stream.effective_start,
        "effective_end": stream.effective_end,
    }
    return {name: value for name, value in facts.items() if value}


def compact_parts(one: LeasedRun, result_set: ResultSet) -> None:
    """Merge the parts into one file. Old files are removed later, because they may be being read.

    If merging fails the parts stay as they are: they hold the same rows.
    """
    names = list(result_set.parts.values_list("name", flat=True))
    if len(names) <= 1:
        return
    result_set.refresh_from_db(fields=["columns"])
    try:
        columns = stored_columns(result_set)
        whole = compact(
            result_dir(result_set),
            names,
            columns,
            row_document_layout(one.run, columns),
        )
    except ResultError as error:
        log.warning("not_compacted", result=str(result_set.pk), why=str(error))
        return
    with transaction.atomic():
        if not leased_row(one.run).update(**renewal_values(one.lease_duration)):
            raise LeaseLostError
        result_set.parts.all().delete()
        ResultPart.objects.create(result_set=result_set, seq=0, **asdict(whole))
        ResultSet.objects.filter(pk=result_set.pk).update(size=whole.size)
