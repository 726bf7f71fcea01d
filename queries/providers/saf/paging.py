"""All rows of a task as one stream: page after page, `from` inclusive and `to` exclusive, none lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from queries.providers.answers import Response
from queries.providers.base import ProviderWarning, Row, RowStream
from queries.providers.client import ApiCall, Client, translate_network_errors
from queries.providers.errors import (
    LimitExceededError,
    ProviderError,
    UnexpectedResponseError,
)
from queries.providers.saf.failures import Step, error_for_response, error_in_body
from queries.providers.saf.pages import Page, parse_page

PAGE_ROWS = 2_000
MAX_PAGE_BYTES = 32 * 1024**2
PAGE_TOTAL_TIMEOUT = 600.0
PAGE_READ_TIMEOUT = 120.0
RETRY_DELAYS = (1.0, 3.0, 8.0)  # before a page is asked for again, in seconds
MAX_RETRY_WAIT = 60.0
_MAX_COSTS = 40


class _TooLargeError(Exception):
    """A page is larger than we take at once."""


class PageReader:
    """Reads one task's result. `path` is the task's address."""

    def __init__(self, client: Client, path: str) -> None:
        self.client = client
        self.path = path
        self.size = PAGE_ROWS
        self.received = 0  # bytes of all pages
        self._asked = 0

    def stream(self) -> RowStream:
        """Read the first page, and give all rows. Raises what is known to be wrong before the first row."""
        # Without the frames that hold the bytes received, as errors from the stream are.
        first = translate_network_errors(
            partial(self._smaller_if_need_be, 0), body_begun=True
        )
        return RowStream(lambda stream: self._rows(stream, first), lambda: None)

    def _rows(self, stream: RowStream, page: Page) -> Iterator[Row]:
        _tell(stream, page)
        start = 0
        while True:
            stream.bytes_received = self.received
            yield from page.rows()
            count, start = len(page.items), start + len(page.items)
            if self._is_last(page, count, start):
                break
            page = self._patiently(start)
        stream.warnings += _missing(page.total, start)

    def _is_last(self, page: Page, count: int, end: int) -> bool:
        """Return whether a page was the last one. A short page is the end unless the total says otherwise."""
        if not count or count > self._asked:
            return True
        if page.total is None:
            # Assumption: a server that says no total gives as many rows as were asked for, as long as it has them.
            return count < self._asked
        # A total that is exactly the page's own size may count the page instead of the result.
        return end >= page.total and not count == self._asked == page.total

    def _patiently(self, start: int) -> Page:
        """Ask for a page again when trouble may pass: the rows before it need not be fetched again then."""
        for pause in RETRY_DELAYS:
            try:
                return self._smaller_if_need_be(start)
            except ProviderError as error:
                wait = max(pause, error.retry_after or 0.0)
                if not error.retryable or wait > MAX_RETRY_WAIT:
                    raise
            self.client.pause(wait)
        return self._smaller_if_need_be(start)

    def _smaller_if_need_be(self, start: int) -> Page:
        while True:
            try:
                return self._page(start)
            except _TooLargeError:
                if self.size == 1:
                    raise LimitExceededError(
                        f"One row is larger than {MAX_PAGE_BYTES:,} bytes, the most we accept at once."
                    ) from None
            self.size = max(1, self.size // 4)

    def _page(self, start: int) -> Page:
        self._asked = self.size
        answer = self._answer({"from": str(start), "to": str(start + self.size)})
        page = parse_page(answer.body)
        if page.error is not None:
            raise self._failure(answer)
        if start and len(page.items) > self._asked:
            raise UnexpectedResponseError(
                "The server sent more rows than were asked for: it does not page."
            )
        return page

    def _answer(self, params: Mapping[str, str]) -> Response:
        call = ApiCall(
            "GET",
            self.path,
            params=params,
            total_timeout=PAGE_TOTAL_TIMEOUT,
            read_timeout=PAGE_READ_TIMEOUT,
        )
        reply = self.client.stream(call)
        try:
            if reply.is_error:
                raise error_for_response(Step.ROWS, reply.read())
            # Not through `Reply.answer`: that blots the key out, and a row may hold a word that is a password.
            return Response(reply.status, reply.headers, self._body(reply))
        finally:
            reply.close()

    def _body(self, reply: Any) -> bytes:
        parts: list[bytes] = []
        most = self.client.policy.max_stream_bytes
        for piece in reply:
            parts.append(piece)
            if self.received + reply.bytes_received > most:
                raise LimitExceededError(
                    f"The answer is larger than {most:,} bytes, the most we accept."
                )
            if reply.bytes_received > MAX_PAGE_BYTES:
                raise _TooLargeError
        self.received += reply.bytes_received
        return b"".join(parts)

    def _failure(self, answer: Response) -> ProviderError:
        text = self.client.redact(answer.body.decode("utf-8", "replace"))
        redacted = Response(answer.status, answer.headers, text.encode())
        return error_in_body(Step.ROWS, redacted, parse_page(redacted.body).error)


def _tell(stream: RowStream, page: Page) -> None:
    """Keep what came beside the first page's rows."""
    stream.extras.update(page.extras)
    stream.warnings += page.warnings
    stream.statistics |= dict(_costs(page.extras.get("execution_cost"), "cost"))


def _costs(value: object, name: str) -> list[tuple[str, Any]]:
    """Return the numbers and words of a cost that stand alone, by name; its lists are in the extras."""
    if not isinstance(value, dict):
        return []
    plain = [
        (f"{name}.{key}", item)
        for key, item in value.items()
        if isinstance(item, int | float | str)
    ]
    return plain[:_MAX_COSTS]


def _missing(total: int | None, received: int) -> list[ProviderWarning]:
    if total is None or received >= total:
        return []
    return [
        ProviderWarning(
            "rows_missing",
            f"The server counts {total:,} rows but gave {received:,}.",
            remedy="Run the query again; if it happens again, ask the server's administrator.",
            cuts_result=True,
            details={"total": total, "received": received},
        )
    ]
