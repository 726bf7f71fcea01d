"""The rows of a query, page after page, by the links that come with each.

Links are opaque: they are followed as given, never built, never shown, and never twice. A page is read whole before its
first row is given, so that it can be asked for again when the way there breaks: no row is lost or doubled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from queries.providers.base import JobState, ProviderWarning, Row, RowStream
from queries.providers.client import Client
from queries.providers.errors import (
    ConflictError,
    LimitExceededError,
    ProviderError,
    UnexpectedResponseError,
)
from queries.providers.links import Link, resolve_link
from queries.providers.polytomic.failures import LABEL, Step
from queries.providers.polytomic.jobs import (
    column_names,
    first_column_names,
    parse_job_status,
    provider_state,
    reported_expiry,
    reported_row_count,
    response_statistics,
)
from queries.providers.polytomic.wire import Page
from queries.providers.repair import repair_json

RETRY_DELAYS: Final = (
    1.0,
    2.0,
    5.0,
    10.0,
    20.0,
)  # seconds before a page is asked for again
MAX_RETRY_WAIT: Final = (
    120.0  # who wants us away for longer is asked again by the engine
)
MAX_EMPTY_PAGES: Final = 1_000  # in a row

FetchPage = Callable[[str, str, Step], Page]  # path, query string, step


def row_stream(
    client: Client, fetch_page: FetchPage, job_id: str, path: str
) -> RowStream:
    """Return the rows of a query that has ended well. The first page is asked for at once, and so raises at once."""
    first = fetch_page(path, "", Step.PAGE)
    _check_ended(first)
    reader = _Reader(client, fetch_page, first, Link(path, ""))

    def rows(stream: RowStream) -> Iterator[Row]:
        stream.query_id = job_id
        return reader.rows(stream)

    return RowStream(rows, reader.close)


class _Reader:
    def __init__(
        self, client: Client, ask: FetchPage, first: Page, start: Link
    ) -> None:
        self._client = client
        self._ask = ask
        self._first: Page | None = first
        self._seen = {_mark(start)}
        self._pages = self._rows = self._empty = 0
        self._total: int | None = None
        self._fields: Sequence[str] = ()
        self._closed = False

    def close(self) -> None:
        self._closed = True
        self._first = None

    def rows(self, stream: RowStream) -> Iterator[Row]:
        """Return every row, then raise what went wrong, if anything did."""
        page, self._first = self._first, None  # let go of each page before the next
        while page is not None:
            self._note(page, stream)
            for raw in page.rows:
                yield parse_row(bytes(raw), self._fields)
                self._rows += 1
                if self._closed:
                    return
            link = page.next
            page = None
            page = self._page_at(link) if link else None
        if self._rows < (self._total or 0):
            stream.warnings.append(_missing_rows(self._total or 0, self._rows))

    def _note(self, page: Page, stream: RowStream) -> None:
        """Take down what a page says beside its rows, and stop at what cannot be the rest of this result."""
        if provider_state(page.about):
            _check_ended(page)
        self._pages += 1
        self._fields = self._fields or column_names(page.about)
        total = reported_row_count(page.about)
        self._total = self._total if total is None else total
        self._empty = 0 if page.rows else self._empty + 1
        if self._empty > MAX_EMPTY_PAGES:
            raise UnexpectedResponseError(
                f"Polytomic gave {MAX_EMPTY_PAGES:,} pages without rows one after the other.",
                code="paging_without_end",
            )
        self._tell(page, stream)

    def _tell(self, page: Page, stream: RowStream) -> None:
        stream.expires_at = reported_expiry(page.about) or stream.expires_at
        stream.statistics |= {**response_statistics(page), "pages": self._pages}
        if self._fields:
            stream.extras["fields"] = first_column_names({"fields": self._fields})
        stream.bytes_received += page.size
        most = self._client.policy.max_stream_bytes
        if stream.bytes_received > most:
            raise LimitExceededError(
                f"The answer is larger than {most:,} bytes, the most we accept.",
                may_have_been_received=True,
            )

    def _page_at(self, link: str) -> Page:
        place = resolve_link(link, self._client.origin, LABEL)
        mark = _mark(place)
        if mark in self._seen:
            raise UnexpectedResponseError(
                "Polytomic's links lead back to a page that was read before.",
                code="paging_loop",
                remedy="Run the query again; the rows received until then are kept.",
            )
        self._seen.add(mark)
        for wait in RETRY_DELAYS:
            try:
                return self._ask(place.path, place.query, Step.PAGE)
            except ProviderError as error:
                asked = error.retry_after or 0.0
                if not error.retryable or asked > MAX_RETRY_WAIT:
                    raise
            self._client.pause(max(wait, asked))
        return self._ask(place.path, place.query, Step.PAGE)


def parse_row(original: bytes, fields: Sequence[str]) -> Row:
    """Return a row from its JSON text: the announced columns in their order, then any other.

    Raises UnexpectedResponseError if it is not an object.
    """
    values = _tree(original)
    if not isinstance(values, dict):
        raise UnexpectedResponseError("A row of Polytomic's answer is not an object.")
    # Assumption: a column that a row does not have is null there.
    return Row(dict.fromkeys(fields) | values, original)


def _tree(original: bytes) -> Any:
    try:
        return msgspec.json.decode(original)
    except (ValueError, RecursionError):
        pass
    try:
        return msgspec.json.decode(repair_json(original))
    except (ValueError, RecursionError):
        return None


def _check_ended(page: Page) -> None:
    """Raise unless the query has ended well."""
    status = parse_job_status(page)
    if status.error is not None:
        raise status.error
    if status.state is not JobState.SUCCEEDED:
        raise ConflictError(
            f"Polytomic has no result: the query is {status.native}.",
            remedy="Wait until the query has ended.",
            provider_code=status.native,
        )


def _mark(place: Link) -> bytes:
    """Return a short mark of a place: page tokens may be long, and there may be many."""
    return hashlib.sha256(f"{place.path}?{place.query}".encode()).digest()[:16]


def _missing_rows(told: int, received: int) -> ProviderWarning:
    return ProviderWarning(
        "row_count",
        f"Polytomic counted {told:,} rows, but {received:,} arrived.",
        remedy="Run the query again.",
        cuts_result=True,
        details={"counted": told, "received": received},
    )
