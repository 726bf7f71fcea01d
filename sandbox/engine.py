"""The engine: DuckDB over one Parquet file, shared by all wire protocols.

A query sees a *tier*, a view that hides what that tier does not hold: rows of the future (the demo makes some ahead),
rows too old for frequent search, rows too new for the archive.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from dataprime import (
    Compiled,
    Field,
    Kind,
    Table,
    compile_dataprime,
    compile_lucene,
)
from sandbox.config import Limits, SandboxConfig
from sandbox.extent import Extent, extent_of
from sandbox.rows import prepare_rows


class Tier(Enum):
    """A view of the rows; the value is its name in the database."""

    FREQUENT = "frequent"
    ARCHIVE = "archive"


class Row(NamedTuple):
    """One row of an answer: three JSON texts; ``user_data`` may be any text."""

    metadata: str
    labels: str
    user_data: str


@dataclass(frozen=True)
class Query:
    """What to execute: a statement, where to look, and over which time (UTC, end exclusive)."""

    statement: str
    tier: Tier
    start: datetime
    end: datetime
    now: datetime
    lucene: bool = False
    source: str = "logs"
    strict: bool = False


class EngineError(Exception):
    """A query could not be carried through; the text is safe to show."""

    def __init__(
        self, message: str, *, interrupted: bool = False, timed_out: bool = False
    ) -> None:
        super().__init__(message)
        self.interrupted = interrupted
        self.timed_out = timed_out


_METADATA = """
'branchid', md5(templateid || 'branch')::UUID, 'logid', logid, {own} 'severity', {severity}, 'templateid', templateid,
'timestamp', strftime(ts, '%Y-%m-%dT%H:%M:%S.%n')
"""
# Recorded frequent-search rows: severity is a digit, priorityclass "high", and there is a logindex.
_FREQUENT = _METADATA.format(
    own="'logindex', 'high021c:demo_newlogs_' || strftime(ts, '%Y%m%d') || '-01', 'priorityclass', 'high',",
    severity="severity::VARCHAR",
)
# Assumption: archive rows have the severity as a word, priorityclass "low" and no logindex, as the Parquet files do.
_ARCHIVE = _METADATA.format(
    own="'priorityclass', 'low',",
    severity="['Debug', 'Verbose', 'Info', 'Warning', 'Error', 'Critical'][severity]",
)
_VIEW = """
CREATE VIEW {name} AS SELECT ts, severity, logid, templateid, application, subsystem, file_row_number AS position,
    json_object({metadata}) AS metadata, labels, user_data
FROM read_parquet('{path}', file_row_number = true)
WHERE ts >= getvariable('since') AND ts < getvariable('until')
"""


class Engine:
    """Compiles and executes queries. Safe to use from several threads; each execution has its own cursor."""

    def __init__(self, config: SandboxConfig, folder: Path) -> None:
        self._config = config
        self._folder = folder
        self._lock = threading.Lock()
        self._open_rows()

    def close(self) -> None:
        """Release the database; executions under way end with an error."""
        self._db.close()

    @property
    def extent(self) -> Extent:
        """How many rows there are, and of what time."""
        return self._extent

    def compile(self, query: Query) -> Compiled:
        """Translate a statement. Raises ``DataPrimeError`` with line and column."""
        tables = {"logs": self._table(query)}
        if query.lucene:
            return compile_lucene(
                query.statement,
                tables=tables,
                now=query.now,
                start=query.start,
                end=query.end,
            )
        return compile_dataprime(
            query.statement,
            tables=tables,
            default_source=query.source,
            now=query.now,
            start=query.start,
            end=query.end,
            strict_fields=query.strict,
        )

    def prepare(self, compiled: Compiled, tier: Tier, max_rows: int) -> Execution:
        """Prepare to execute; no more than ``most`` rows will come."""
        cursor = self._cursor(tier)
        scanned = self._extent.bytes_between(compiled.start, compiled.end)
        return Execution(
            cursor, compiled, max_rows, scanned, self._config.limits.query_seconds
        )

    def oldest_time(self, tier: Tier) -> datetime:
        """The oldest moment the tier holds rows of."""
        now = self._config.now()
        return (
            now - self._config.limits.frequent_window
            if tier is Tier.FREQUENT
            else _EPOCH
        )

    def _open_rows(self) -> None:
        self._rows = prepare_rows(self._config, self._folder)
        self._extent = extent_of(self._rows.path)
        self._db = _database(self._rows.path, self._folder / "tmp", self._config.limits)
        self._seen: dict[tuple[str, ...], bool] = {}

    def _cursor(self, tier: Tier) -> duckdb.DuckDBPyConnection:
        now = self._config.now()
        with self._lock:
            if self._rows.renew_at is not None and now >= self._rows.renew_at:
                self._open_rows()  # the old database lives on until its last cursor is closed
            cursor = self._db.cursor()
        until = now if tier is Tier.FREQUENT else now - self._config.limits.archive_lag
        for name, moment in (("since", self.oldest_time(tier)), ("until", until)):
            cursor.execute(f"SET VARIABLE {name} = ?", [moment.replace(tzinfo=None)])
        return cursor

    def _table(self, query: Query) -> Table:
        looks = count()

        def known(path: tuple[str, ...]) -> bool:
            return next(looks) >= _MAX_LOOKUPS or self._known(query.tier, path)

        return Table(
            query.tier.value,
            fields=_FIELDS,
            roots=_ROOTS,
            order="position",
            has_keypath=known,
        )

    def _known(self, tier: Tier, path: tuple[str, ...]) -> bool:
        """Return whether any row has that keypath: a look at all of them, once."""
        if path not in self._seen:
            root, *keys = path
            pointer = "".join(
                "/" + key.replace("~", "~0").replace("/", "~1") for key in keys
            )
            cursor = self._cursor(tier)
            try:
                found = cursor.execute(
                    _EXISTS.format(tier=tier.value, root=_ROOTS[root]), [pointer]
                ).fetchone()
            finally:
                cursor.close()
            if len(self._seen) >= _PATHS_REMEMBERED:
                self._seen.clear()
            self._seen[path] = found is not None
        return self._seen[path]


class Execution:
    """One statement on its way; ``bytes_scanned`` is an estimate from the row groups its time range touches."""

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        compiled: Compiled,
        max_rows: int,
        scanned: int,
        seconds: float,
    ) -> None:
        self.bytes_scanned = scanned
        self._cursor = cursor
        self._sql = f"SELECT metadata, labels, user_data FROM ({compiled.sql}) LIMIT {int(max_rows)}"  # noqa: S608 - compiled, not typed
        self._params = compiled.params
        self._seconds = seconds
        self._interrupted = False
        self._timed_out = False
        self._asked_to_end = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def batches(self, size: int) -> Iterator[list[Row]]:
        """The rows, at most about ``size`` at a time. Raises ``EngineError``; closing it stops the query."""
        threading.Thread(target=self._watch, daemon=True).start()
        try:
            self._check()
            reader = self._cursor.sql(
                self._sql, params=list(self._params)
            ).to_arrow_reader(size)
            for batch in reader:
                yield list(map(Row, *(column.to_pylist() for column in batch.columns)))
                self._check()
        except duckdb.Error as error:
            self._check()
            raise EngineError(_in_words(error)) from error
        finally:
            with self._lock:
                self._ended.set()
                self._cursor.close()
            self._asked_to_end.set()

    def interrupt(self) -> None:
        """Stop it, from any thread, whether or not it has begun."""
        self._interrupted = True
        self._asked_to_end.set()

    def _watch(self) -> None:
        """Interrupt the query when its time is up or on request; repeated, because a query about to start ignores it."""
        if not self._asked_to_end.wait(self._seconds):
            self._timed_out = True
        while not self._ended.wait(_AGAIN_SECONDS):
            with self._lock:
                if not self._ended.is_set():
                    self._cursor.interrupt()

    def _check(self) -> None:
        if self._timed_out:
            raise EngineError(
                "The query took too long.", interrupted=True, timed_out=True
            )
        if self._interrupted:
            raise EngineError("The query was stopped.", interrupted=True)


_AGAIN_SECONDS = 0.02
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PATHS_REMEMBERED = 10_000
_MAX_LOOKUPS = 100  # in one statement; each may read all rows
_EXISTS = "SELECT 1 FROM {tier} WHERE json_exists({root}, ?) LIMIT 1"
_ROOTS: Mapping[str, str] = {
    "$m": "metadata",
    "$l": "labels",
    "$d": "user_data",
}
_FIELDS: Mapping[tuple[str, ...], Field] = {
    ("$m", "timestamp"): Field("ts", Kind.TIMESTAMP),
    ("$m", "severity"): Field("severity", Kind.SEVERITY),
    ("$m", "logid"): Field("logid", Kind.STRING),
    ("$m", "templateid"): Field("templateid", Kind.STRING),
    ("$l", "applicationname"): Field("application", Kind.STRING),
    ("$l", "subsystemname"): Field("subsystem", Kind.STRING),
}


def _database(path: Path, temporary: Path, limits: Limits) -> duckdb.DuckDBPyConnection:
    """A database in memory that can read this one file, spill into ``temporary``, and do nothing else."""
    temporary.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        "threads": limits.threads,
        "memory_limit": limits.memory,
        "temp_directory": str(temporary),
        "max_temp_directory_size": "4GB",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    database = duckdb.connect(config=settings)
    for tier, metadata in ((Tier.FREQUENT, _FREQUENT), (Tier.ARCHIVE, _ARCHIVE)):
        database.execute(
            _VIEW.format(name=tier.value, metadata=metadata, path=_quoted(path))
        )
    database.execute(f"SET allowed_paths = ['{_quoted(path)}']")
    database.execute(f"SET allowed_directories = ['{_quoted(temporary)}/']")
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    return database


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _in_words(error: duckdb.Error) -> str:
    if isinstance(error, duckdb.OutOfMemoryException):
        return "The query needs more memory than the sandbox allows."
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
        return "A value could not be converted or is out of range."
    return "The sandbox could not execute the query."
