"""The contract between Querydeck and a provider: what it can do, what it is asked, what it answers.

A provider is one subclass of `Provider`. It talks through a `Client`, knows nothing of Django, and raises only
errors of `queries.providers.errors`. Ask `capabilities`, never the slug.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

from queries.providers.errors import ProviderError, UnsupportedOperationError

if TYPE_CHECKING:
    from queries.providers.client import Client
    from queries.providers.credentials import Authorization, Secret

Mode = Literal["direct", "background"]
FieldKind = Literal["text", "choice", "integer", "boolean", "datetime", "url", "secret"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do beyond being asked. Everything is off unless the provider says otherwise."""

    direct: bool = False  # rows in the answer to the request itself
    background: bool = False  # submit, status, rows
    cancel: bool = False
    cancel_all: bool = False
    delete: bool = False  # the result, at the provider
    logs: bool = False
    list_remote: bool = False  # jobs that were not started here
    progress: bool = False  # parts done and parts in all
    random_access_paging: bool = False
    total_known: bool = False  # the number of rows is told before they are fetched
    embedded_rows: bool = False  # the final status carries rows
    catalog: bool = False  # lists to pick from (accounts, tables, fields)
    export_formats: tuple[str, ...] = ()  # files made by the provider
    idempotent_submit: bool = False  # repeating a submit with the same key is harmless
    job_retention: timedelta | None = None  # how long results are kept; None: not known


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to be filled in. The connection form and the run form are generated from these.

    Values are strings ("text", "choice", "url", "secret"), int, bool, or an aware datetime (or its ISO 8601 text).
    """

    name: str
    label: str
    kind: FieldKind = "text"
    choices: tuple[tuple[str, str], ...] = ()
    default: str | int | bool | None = None
    required: bool = False
    help: str = ""
    advanced: bool = False
    modes: tuple[Mode, ...] = ("direct", "background")


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `calls` requests in any `seconds`, for one key."""

    calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class QuerySpec:
    """What to run: the statement, the provider's settings by field name, and the time range (aware, UTC)."""

    statement: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a spec cannot be sent. `field` is "statement", "start", "end" or a query field's name."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class ProviderWarning:
    """Something the provider wants known about an answer. `cuts_result`: rows are missing because of it."""

    code: str  # the provider's own word, or ours
    message: str
    remedy: str = ""
    cuts_result: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)


class Row(NamedTuple):
    """One row: its values as a tree of JSON values, and the exact JSON text it came as (UTF-8)."""

    values: Mapping[str, Any]
    original: bytes


class JobState(StrEnum):
    """Where a job stands at the provider. UNKNOWN is a word we do not know: not an end, keep asking."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Tell whether the job will never change again."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


@dataclass(frozen=True, slots=True)
class Progress:
    """Parts of the work done, out of a total that may still grow."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class JobStatus:
    """The provider's answer to "how is it going?". `native` is its own word, `raw` its whole answer."""

    state: JobState
    native: str = ""
    error: ProviderError | None = None
    warnings: tuple[ProviderWarning, ...] = ()
    statistics: Mapping[str, Any] = field(
        default_factory=dict
    )  # e.g. {"bytes_scanned": 506070}
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    progress: Progress | None = None
    total_rows: int | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job was accepted under `job_id`."""

    job_id: str
    warnings: tuple[ProviderWarning, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TestResult:
    """What a cheap call with the connection's key found out, in words fit to show."""

    __test__: ClassVar[bool] = (
        False  # not a test case, whatever its name says to pytest
    )

    ok: bool
    message: str
    error_code: str = ""
    remedy: str = ""
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """A query that shows what the provider can do on ordinary data; run with one click."""

    title: str
    statement: str
    mode: Mode = "direct"
    time_range: str = "last-24h"
    settings: Mapping[str, Any] = field(default_factory=dict)


class RowStream(Iterator[Row]):
    """The rows of an answer as they arrive, once. Use it in `with`, or call `close()`.

    The attributes fill while it is read. An error is raised only after every row received before it was given.
    """

    def __init__(
        self, rows: Callable[[RowStream], Iterator[Row]], close: Callable[[], None]
    ) -> None:
        self.query_id = ""
        self.warnings: list[ProviderWarning] = []
        self.statistics: dict[str, Any] = {}
        self.bytes_received = 0  # decoded
        self.effective_start: datetime | None = (
            None  # the range really used, if the provider tells
        )
        self.effective_end: datetime | None = None
        self._rows = rows(self)
        self._close = close

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Row:
        try:
            return next(self._rows)
        except ProviderError as error:
            failure = error
        # Without the frames that hold the bytes received: whoever prints a traceback prints nobody's data.
        failure.__context__ = None
        raise failure.with_traceback(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up. Harmless when repeated."""
        self._close()


class Provider(ABC):
    """A remote query service, for one connection. One call at a time; make another one for another thread."""

    slug: ClassVar[str]
    label: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    connection_fields: ClassVar[tuple[Field, ...]]
    query_fields: ClassVar[tuple[Field, ...]]
    rate_limit: ClassVar[RateLimit | None] = None
    column_hints: ClassVar[
        Mapping[str, str]
    ] = {}  # column path -> "timestamp", "severity", ...
    samples: ClassVar[tuple[Sample, ...]] = ()
    key_label: ClassVar[str] = "API key"
    key_help: ClassVar[str] = ""
    known_hosts: ClassVar[frozenset[str]] = (
        frozenset()
    )  # hosts that need no allowance, over https only

    def __init__(self, client: Client, options: Mapping[str, Any]) -> None:
        self.client = client
        self.options = options

    @classmethod
    @abstractmethod
    def endpoint(cls, options: Mapping[str, Any]) -> str:
        """Give the base URL that a connection's options lead to. Not checked: see `registry.checked_origin`."""

    @classmethod
    @abstractmethod
    def authorization(cls, secret: Secret, options: Mapping[str, Any]) -> Authorization:
        """Say how the key travels."""

    @classmethod
    @abstractmethod
    def validate(cls, spec: QuerySpec, mode: Mode) -> list[Problem]:
        """Find what is wrong with a spec before any call is made."""

    @classmethod
    def advise(cls, spec: QuerySpec, mode: Mode) -> list[ProviderWarning]:
        """Say what the user should know about a valid spec before running it."""
        return []

    @classmethod
    @abstractmethod
    def curl(cls, spec: QuerySpec, mode: Mode, endpoint: str) -> str:
        """Give an equivalent curl command, with the key as a shell variable."""

    @abstractmethod
    def test(self) -> TestResult:
        """Make one cheap call and say what is wrong. Never raises a `ProviderError`."""

    def run(self, spec: QuerySpec) -> RowStream:
        """Run directly. Errors known before the first row are raised here, later ones from the stream."""
        raise self.unsupported("run queries directly")

    def submit(self, spec: QuerySpec, idempotency_key: str) -> Submitted:
        """Start a background job. On an error, look at `may_have_been_received` before repeating."""
        raise self.unsupported("run queries in the background")

    def status(self, job_id: str) -> JobStatus:
        """Ask how a job is doing."""
        raise self.unsupported("run queries in the background")

    def rows(self, job_id: str) -> RowStream:
        """Read the rows of a job that succeeded, from the first one."""
        raise self.unsupported("run queries in the background")

    def cancel(self, job_id: str) -> None:
        """Ask for a job to be cancelled. Only a later `status` tells whether it was."""
        raise self.unsupported("cancel queries")

    def abort(self) -> None:
        """Hang up whatever call is under way. May be called from another thread; ends in `CallStoppedError`."""
        self.client.abort()

    def close(self) -> None:
        """Let go of connections."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    @classmethod
    def unsupported(cls, what: str) -> UnsupportedOperationError:
        """Say that this provider cannot do something."""
        return UnsupportedOperationError(f"{cls.label} cannot {what}.")
