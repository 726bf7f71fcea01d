"""The direct query: one request, one stream of lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from dataprime import Compiled, DataPrimeError, UnknownConstructError
from sandbox.config import ARCHIVE_QUERY, FREQUENT_LOGS, SandboxConfig
from sandbox.coralogix import warnings
from sandbox.coralogix.access import Access
from sandbox.coralogix.errors import CompilationError
from sandbox.coralogix.lines import direct_rows, line
from sandbox.coralogix.requests import ARCHIVE, QueryRequest, parse_direct
from sandbox.engine import Engine, EngineError, Query, Row, Tier
from sandbox.web import Request, Response, stream_response


@dataclass(frozen=True)
class RowLimit:
    """How many rows may come, and whether stopping there is worth a warning (not when the user asked for it)."""

    rows: int
    by_server: bool


class DirectEndpoint:
    """``POST /api/v1/dataprime/query``."""

    def __init__(self, config: SandboxConfig, engine: Engine, access: Access) -> None:
        self._config = config
        self._engine = engine
        self._access = access

    def handle(self, request: Request) -> Response:
        """Answer one direct query; what is wrong with it is refused before the stream begins."""
        now = self._config.now()
        key = self._access.authenticate(request)
        asked = parse_direct(request.body, now)
        tier = Tier.ARCHIVE if asked.tier == ARCHIVE else Tier.FREQUENT
        self._access.require(
            key, ARCHIVE_QUERY if tier is Tier.ARCHIVE else FREQUENT_LOGS
        )
        self._access.check_rate_limit(request, now)
        start, notes = self._range(asked, tier)
        compiled = compile_or_reject(self._engine, engine_query(asked, tier, start))
        notes += warnings.compile_warnings(compiled) + self._window_warnings(
            compiled, tier, start
        )
        return stream_response(self._lines(request, asked, compiled, tier, notes))

    def _range(
        self, asked: QueryRequest, tier: Tier
    ) -> tuple[datetime, list[dict[str, Any]]]:
        notes = []
        start, window = asked.start, self._config.limits.frequent_window
        if asked.deprecated_tier:
            notes.append(
                warnings.deprecation(
                    "TIER_FREQUENT_SEARCH_UNSPECIFIED is deprecated, use TIER_FREQUENT_SEARCH"
                )
            )
        if asked.start >= asked.end:
            notes.append(
                warnings.time_range(
                    "Start date must be before end date", asked.start, asked.end
                )
            )
        elif tier is Tier.FREQUENT and asked.end - asked.start > window:
            start = asked.end - window
            notes.append(_clamped(start, asked.end))
        return start, notes

    def _window_warnings(
        self, compiled: Compiled, tier: Tier, start: datetime
    ) -> list[dict[str, Any]]:
        """A time clause in the statement can be too wide as well; the tier itself has no older rows to give."""
        if (
            tier is Tier.ARCHIVE
            or compiled.start in (None, start)
            or compiled.end is None
            or compiled.start is None
        ):
            return []
        if compiled.end - compiled.start <= self._config.limits.frequent_window:
            return []
        return [
            _clamped(max(self._engine.oldest_time(tier), compiled.start), compiled.end)
        ]

    def _lines(
        self,
        request: Request,
        asked: QueryRequest,
        compiled: Compiled,
        tier: Tier,
        notes: list[dict[str, Any]],
    ) -> Iterator[bytes]:
        yield line({"queryId": {"queryId": str(uuid4())}})
        yield from (line({"warning": note}) for note in notes)
        sent, status = 0, "COMPLETED"
        try:
            for part in self._results(asked, compiled, tier):
                if isinstance(part, dict):
                    yield line({"warning": part})
                else:
                    yield direct_rows(part)
                    sent += len(part)
        except EngineError as error:
            status = "FAILED"
            yield line({"error": {"message": str(error), "code": {}}})
        if (closing := _statistics(self._config, request, status, sent)) is not None:
            yield line(closing)

    def _results(
        self, asked: QueryRequest, compiled: Compiled, tier: Tier
    ) -> Iterator[list[Row] | dict[str, Any]]:
        """Batches of rows and, when they were cut, the warning that says so."""
        if asked.start >= asked.end:
            return
        cap, limits = self._cap(asked, compiled, tier), self._config.limits
        most_bytes = limits.fetched_bytes if tier is Tier.FREQUENT else None
        left, fetched = cap.rows, 0
        # One row more than allowed tells whether anything was cut.
        for batch in self._engine.prepare(
            compiled, tier, cap.rows + cap.by_server
        ).batches(self._config.batch_rows):
            for first in range(0, len(batch), self._config.batch_rows):
                rows = batch[first : first + self._config.batch_rows]
                fetched += sum(len(row.user_data) for row in rows)
                if rows[:left]:
                    yield rows[:left]
                if len(rows) > left:
                    yield warnings.number_of_results(cap.rows)
                    return
                left -= len(rows)
                if most_bytes is not None and fetched > most_bytes:
                    yield warnings.bytes_scanned()
                    return

    def _cap(self, asked: QueryRequest, compiled: Compiled, tier: Tier) -> RowLimit:
        """The least of the statement's limit, the request's limit and the tier's; 2,000 by default.

        Assumption: reaching a limit the user set is no warning; whether the real server gives one is not known.
        """
        limits = self._config.limits
        hard = limits.archive_rows if tier is Tier.ARCHIVE else limits.frequent_rows
        own = min(
            (limit for limit in (asked.limit, compiled.limit) if limit is not None),
            default=None,
        )
        if own is None:
            return RowLimit(min(limits.default_rows, hard), by_server=True)
        return RowLimit(min(own, hard), by_server=own > hard)


def engine_query(asked: QueryRequest, tier: Tier, start: datetime) -> Query:
    """What the engine is to execute for a request."""
    return Query(
        statement=asked.query,
        tier=tier,
        start=start,
        end=max(start, asked.end),
        now=asked.now,
        lucene=asked.lucene,
        source=asked.source,
        strict=asked.strict,
    )


def compile_or_reject(engine: Engine, query: Query) -> Compiled:
    """Compile; what is wrong with the statement becomes a 400 with line and column."""
    try:
        return engine.compile(query)
    except UnknownConstructError as error:
        # Never to be mistaken for what the real server would say.
        raise CompilationError(f"The sandbox does not know this: {error}") from error
    except DataPrimeError as error:
        raise CompilationError(str(error)) from error


def _clamped(start: datetime, end: datetime) -> dict[str, Any]:
    moment = start.strftime("%Y-%m-%d %H:%M:%S.") + f"{start.microsecond // 1000:03d}"
    return warnings.time_range(f"start of time range is set to: {moment}", start, end)


def _statistics(
    config: SandboxConfig, request: Request, status: str, rows: int
) -> dict[str, Any] | None:
    """The closing line; servers before 2026 had none."""
    fault = request.find_fault("statistics")
    if fault is not None and fault.outcome:
        status = fault.outcome
    elif fault is not None or not config.statistics:
        return None
    return {"statistics": {"status": status, "outputRowCount": str(rows)}}
