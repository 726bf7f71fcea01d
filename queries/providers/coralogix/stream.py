"""Coralogix' stream of JSON lines, decoded as it arrives.

Each line is one message: the query's id, rows, a warning, an error or the closing statistics, in any order (Coralogix
docs, "API response" and "Get background query data"; the statistics line was seen in the official CLI). Rows are in
`result.results[]` of a direct query and in `response.results.results[]` of a background one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from queries.providers.answers import error_code_and_message
from queries.providers.base import ProviderWarning, Row, RowStream
from queries.providers.client import StreamedResponse
from queries.providers.coralogix.failures import Step, error_for_text
from queries.providers.coralogix.notices import MAX_WARNINGS, parse_warnings
from queries.providers.coralogix.rows import parse_json_or_text, parse_row
from queries.providers.coralogix.scalars import parse_int64, parse_timestamp
from queries.providers.errors import (
    ProviderError,
    QueryError,
    RateLimitError,
    TruncatedStreamError,
    UnexpectedResponseError,
    clean_text,
)
from queries.providers.lines import LineSplitter
from queries.providers.repair import repair_json

_NOTHING = msgspec.Raw(b"")


class _Batch(msgspec.Struct):
    results: list[msgspec.Raw] | None = None


class _Envelope(msgspec.Struct):
    results: _Batch | None = None
    error: msgspec.Raw = _NOTHING
    warning: msgspec.Raw = _NOTHING


class _Line(msgspec.Struct):
    query_id: msgspec.Raw = msgspec.field(default=_NOTHING, name="queryId")
    result: _Batch | None = None
    response: _Envelope | None = None
    warning: msgspec.Raw = _NOTHING
    warnings: msgspec.Raw = _NOTHING
    statistics: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING
    errors: msgspec.Raw = _NOTHING
    message: msgspec.Raw = _NOTHING


_lines = msgspec.json.Decoder(_Line)
_TEXT_SHOWN = 400
_TOO_MANY = "numberOfResultsLimitWarning"


def row_stream(
    reply: StreamedResponse,
    step: Step,
    redact: Callable[[str], str],
    implicit_limit: int | None = None,
) -> RowStream:
    """Return the rows of a direct query's or a background query's answer.

    `silent_limit` is the number of rows at which Coralogix stops although the query does not say so.
    """
    return RowStream(
        lambda stream: _Decoder(stream, reply, step, redact).rows(implicit_limit),
        reply.close,
    )


class _Decoder:
    def __init__(
        self,
        stream: RowStream,
        reply: StreamedResponse,
        step: Step,
        redact: Callable[[str], str],
    ) -> None:
        self._stream = stream
        self._reply = reply
        self._step = step
        self._redact = redact
        self._rows = 0
        self._messages = 0
        self._skipped = 0

    def rows(self, silent_limit: int | None) -> Iterator[Row]:
        """Return every row received, then raise what went wrong, if anything did."""
        splitter = LineSplitter()
        failure: ProviderError | None = None
        try:
            for piece in self._reply:
                self._stream.bytes_received = self._reply.bytes_received
                for line in splitter.feed(piece):
                    yield from self._rows_of(line)
        except TruncatedStreamError as error:
            failure = error
        yield from self._last_rows(splitter.flush(), failure)
        if failure is not None:
            raise failure
        self._finish()
        if self._rows == silent_limit and not any(
            w.code == _TOO_MANY for w in self._stream.warnings
        ):
            self._stream.warnings.append(_stopped_at(silent_limit))

    def _last_rows(self, line: bytes, failure: ProviderError | None) -> Iterator[Row]:
        """Return the rows of a last line that has no end: it may be whole, or what a cut left of it."""
        try:
            msgspec.json.decode(line or b"null", type=msgspec.Raw)
        except (ValueError, RecursionError):
            if failure is not None:
                return
            if self._messages or line.startswith(b"{"):
                raise TruncatedStreamError(
                    "Coralogix' answer ends in the middle of a line.",
                    may_have_been_received=True,
                ) from None
        yield from self._rows_of(line)

    def _rows_of(self, line: bytes) -> Iterator[Row]:
        if not line:
            return
        message = self._message(line)
        if message is None:
            self._skipped += 1
            return
        self._messages += 1
        yield from self._understood(message)

    def _message(self, line: bytes) -> _Line | None:
        """Decode a line; None for one that says nothing to us, such as a sign of life."""
        if line.startswith(
            b":"
        ):  # a comment, as of server-sent events (IBM Cloud Logs sends them)
            return None
        try:
            return _lines.decode(line)
        except (ValueError, RecursionError):
            return self._odd_message(line)

    def _odd_message(self, line: bytes) -> _Line | None:
        try:
            line = repair_json(line)
            value = msgspec.json.decode(line)
        except (ValueError, RecursionError):
            raise self._no_json(line) from None
        if isinstance(value, str) and not self._messages:
            raise self._no_json(value.encode())
        if not isinstance(value, dict):
            return None
        try:
            return _lines.decode(line)
        except ValueError:
            raise UnexpectedResponseError(
                "Coralogix' answer holds rows in a form we do not know."
            ) from None

    def _no_json(self, line: bytes) -> ProviderError:
        text = clean_text(
            self._redact(line.decode("utf-8", "replace")), limit=_TEXT_SHOWN
        )
        if not self._messages:
            return error_for_text(self._step, text)
        return UnexpectedResponseError("A line of Coralogix' answer is not JSON.")

    def _understood(self, message: _Line) -> Iterator[Row]:
        envelope = message.response or _Envelope()
        for problem in (message.error, message.errors, message.message, envelope.error):
            # An explicit null or an empty text is no problem.
            if problem and bytes(problem) not in {b"null", b'""'}:
                raise self._failure(self._decoded(problem))
        noted = self._note(message, envelope)
        batch = message.result or envelope.results
        if batch is not None:
            for raw in batch.results or ():
                yield parse_row(bytes(raw))
                self._rows += 1
        elif not noted:
            self._skipped += 1

    def _decoded(self, raw: msgspec.Raw) -> Any:
        """Return what a line says beside its rows, without the key, should the server repeat it."""
        return parse_json_or_text(self._redact(bytes(raw).decode("utf-8", "replace")))

    def _note(self, message: _Line, envelope: _Envelope) -> bool:
        """Take down what a line says about the rows; tell whether it said anything."""
        if message.query_id:
            self._stream.query_id = _id_in(self._decoded(message.query_id))
        notices = [
            raw for raw in (message.warning, message.warnings, envelope.warning) if raw
        ]
        for notice in notices:
            self._warn(self._decoded(notice))
        if message.statistics:
            self._stream.statistics.update(
                parse_statistics(self._decoded(message.statistics))
            )
        return bool(message.query_id or notices or message.statistics)

    def _warn(self, value: object) -> None:
        known = self._stream.warnings
        for notice in parse_warnings(value):
            if notice not in known and len(known) < MAX_WARNINGS:
                known.append(notice)
            if notice.code == "timeRangeWarning":
                self._stream.effective_start = (
                    parse_timestamp(notice.details.get("startDate"))
                    or self._stream.effective_start
                )
                self._stream.effective_end = (
                    parse_timestamp(notice.details.get("endDate"))
                    or self._stream.effective_end
                )

    def _failure(self, value: object) -> ProviderError:
        code, theirs = error_code_and_message(value)
        text = clean_text(theirs) or "no reason given"
        kind = RateLimitError if "ratelimit" in code.lower() else QueryError
        return kind(
            f"Coralogix stopped the query: {text}",
            provider_code=clean_text(code, limit=100),
            request_id=self._reply.request_id,
            may_have_been_received=True,
        )

    def _finish(self) -> None:
        """Look at the closing statistics. Older servers send none; that is no error."""
        if self._step is Step.DIRECT and not self._messages:
            raise UnexpectedResponseError(
                "Coralogix' answer is empty: not even the query's id is in it."
            )
        statistics = self._stream.statistics
        if self._skipped:
            statistics["skipped_lines"] = self._skipped
        status = statistics.get("status")
        if status is not None and str(status).upper() != "COMPLETED":
            raise QueryError(
                f"Coralogix broke the query off after {self._rows:,} rows; it ended as {status}.",
                code="query_incomplete",
                provider_code=str(status),
                remedy="Run the query again; if it happens again, choose a shorter time range or the background.",
            )
        told = statistics.get("output_row_count")
        if isinstance(told, int) and told > self._rows:
            self._stream.warnings.append(_missing_rows(told, self._rows))


def _stopped_at(limit: int) -> ProviderWarning:
    return ProviderWarning(
        "row_limit",
        f"The result ends at {limit:,} rows, the limit of this run; there may be more.",
        remedy="Raise the limit, narrow the query, or run it in the background.",
        cuts_result=True,
        details={"limit": limit},
    )


def _missing_rows(told: int, received: int) -> ProviderWarning:
    return ProviderWarning(
        "row_count",
        f"Coralogix counted {told:,} rows, but {received:,} arrived.",
        remedy="Run the query again.",
        cuts_result=True,
        details={"counted": told, "received": received},
    )


def _id_in(value: object) -> str:
    inner = value.get("queryId", "") if isinstance(value, dict) else value
    return clean_text(str(inner), limit=200)


def parse_statistics(value: object) -> dict[str, Any]:
    """Return the plain members of a statistics object under_scored, with the numbers sent as text made numbers."""
    members: Mapping[str, Any] = value if isinstance(value, dict) else {}
    return {
        _under_scored(name): _number(item)
        for name, item in list(members.items())[:50]
        if isinstance(item, str | int | float)
    }


def _under_scored(name: str) -> str:
    return clean_text(
        "".join(f"_{c.lower()}" if c.isupper() else c for c in name), limit=60
    )


def _number(item: str | float) -> str | int | float:
    if not isinstance(item, str):
        return item
    number = parse_int64(item)
    return clean_text(item, limit=200) if number is None else number
