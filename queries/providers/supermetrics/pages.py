"""All rows of a result, page by page: none lost, none twice, one page in memory.

Offsets are inclusive at both ends (Supermetrics docs, "Pagination"). The documents do not say whether a header row counts
among them; a window of n rows then brings n or n - 1 rows of data, and the next window begins after it either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from queries.providers.base import JobState, ProviderWarning, Row, RowStream
from queries.providers.errors import (
    ConflictError,
    LimitExceededError,
    ProviderError,
)
from queries.providers.supermetrics.envelopes import Envelope
from queries.providers.supermetrics.failures import Step, error_for_detail
from queries.providers.supermetrics.fields import MAX_ROWS
from queries.providers.supermetrics.jobs import (
    job_error,
    job_state,
    result_statistics,
    result_warnings,
    without_api_keys,
)
from queries.providers.supermetrics.requests import (
    LAST_OFFSET,
    PAGE_ROWS,
    PAGE_TOTAL_TIMEOUT,
    STATUS,
    get_call,
    page_offsets,
)
from queries.providers.supermetrics.rows import Table
from queries.providers.supermetrics.wire import ApiClient, PageTooLargeError

# Seconds before a page is asked for again, and the longest wait the provider may ask for while rows are on their way.
RETRY_DELAYS = (0.5, 2.0)
MAX_RETRY_WAIT = 60.0
_FEWER = 4
_RESOLVED = (
    "start_date",
    "end_date",
    "ds_accounts",
    "ds_segments",
    "compare_type",
    "compare_show",
    "compare_start_date",
    "compare_end_date",
    "cache_minutes",
)


class PageSource:
    """The pages of one query's result. `size` is how many rows the last page was asked for."""

    def __init__(self, wire: ApiClient, job_id: str) -> None:
        self.wire = wire
        self.job_id = job_id
        self.size = PAGE_ROWS

    def page(self, start: int) -> Envelope:
        """Ask for the page that begins at `start`; for a smaller one if its rows are too wide."""
        while True:
            parameters = {"schedule_id": self.job_id} | page_offsets(start, self.size)
            call = get_call(STATUS, parameters, total_timeout=PAGE_TOTAL_TIMEOUT)
            try:
                return require_success(self.wire.page(Step.ROWS, call), Step.ROWS)
            except PageTooLargeError:
                if self.size == 1:
                    raise LimitExceededError(
                        "A single row is larger than we accept."
                    ) from None
                self.size = max(1, self.size // _FEWER)

    def page_with_retries(self, start: int) -> Envelope:
        """Ask for a page, and again after a while if that may help."""
        for wait in RETRY_DELAYS:
            try:
                return self.page(start)
            except ProviderError as error:
                seconds = wait if error.retry_after is None else error.retry_after
                if not error.retryable or seconds > MAX_RETRY_WAIT:
                    raise
            self.wire.client.pause(seconds)
        return self.page(start)


def require_success(page: Envelope, step: Step) -> Envelope:
    """Return a page of a query that has succeeded. Raises ConflictError before its end, QueryError after a failure."""
    if page.error is not None:
        raise error_for_detail(step, page.error)
    state = job_state(page)
    if state in {JobState.FAILED, JobState.CANCELLED}:
        raise job_error(page)
    if state is not JobState.SUCCEEDED:
        raise ConflictError(
            "Supermetrics has no result yet: the query has not ended.",
            provider_code=page.state,
            remedy="Wait until the query has ended.",
        )
    return page


def row_stream(source: PageSource, first: Envelope) -> RowStream:
    """Return all rows of a result whose first page is at hand."""
    return RowStream(lambda stream: _Reader(stream, source).rows(first), _nothing_open)


def _nothing_open() -> None:
    """Between two pages no answer is under way that could be hung up."""


class _Reader:
    def __init__(self, stream: RowStream, source: PageSource) -> None:
        self._stream = stream
        self._source = source
        self._given = 0

    def rows(self, page: Envelope) -> Iterator[Row]:
        table = Table(page)
        self._describe(page, table)
        total, start = page.total_rows, 0
        while True:
            self._count(page)
            found = table.parse_rows(page)
            yield from found
            self._given += len(found)
            if self._is_last(page, len(found), total):
                break
            start += self._step(len(found), table)
            if start > LAST_OFFSET:
                break
            page = self._source.page_with_retries(start)
        self._stream.extras["columns"] = table.columns
        self._compare(total, table)

    def _step(self, found: int, table: Table) -> int:
        """Return how far the next page is. Fewer rows than asked for may be all that fit into an answer."""
        size = self._source.size
        return size if found >= size - table.has_header else max(found, 1)

    def _is_last(self, page: Envelope, found: int, total: int | None) -> bool:
        size = self._source.size
        if not found or found > size:  # nothing left; or offsets mean nothing here
            return True
        if total is not None:
            return self._given >= total
        links = page.meta_object("paginate")
        return found < size - 1 or ("next" in links and links["next"] is None)

    def _count(self, page: Envelope) -> None:
        self._stream.bytes_received += page.size
        self._source.wire.check_size(self._stream.bytes_received)

    def _describe(self, page: Envelope, table: Table) -> None:
        stream = self._stream
        stream.query_id = self._source.job_id
        stream.statistics.update(result_statistics(page))
        stream.warnings.extend((*result_warnings(page), *table.warnings))
        query = page.meta_object("query")
        resolved = {
            name: without_api_keys(query[name]) for name in _RESOLVED if query.get(name)
        }
        about = {"query": resolved, "result": result_statistics(page)}
        stream.extras.update(about | {"columns": table.columns})

    def _compare(self, total: int | None, table: Table) -> None:
        if self._given >= MAX_ROWS:
            self._stream.warnings.append(_AT_THE_LIMIT)
        # Assumption: a total that is one higher than the rows that came counts the header row.
        if total is None or self._given >= total - table.has_header:
            return
        self._stream.warnings.append(_missing_rows(total, self._given))


# Supermetrics docs, "Usage limits": a query gives a million rows; nothing says whether there would have been more.
_AT_THE_LIMIT = ProviderWarning(
    "row_limit",
    f"Supermetrics gives at most {MAX_ROWS:,} rows for a query: there may be more.",
    remedy="Split the query by dates, or ask for fewer fields.",
    cuts_result=True,
)


def _missing_rows(total: int, given: int) -> ProviderWarning:
    details: dict[str, Any] = {"counted": total, "received": given}
    return ProviderWarning(
        "row_count",
        f"Supermetrics counted {total:,} rows, but {given:,} arrived.",
        remedy="Run the query again; a result of more than a million rows has to be split by dates.",
        cuts_result=True,
        details=details,
    )
