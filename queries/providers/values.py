"""Plain values between Querydeck and a provider: specs, statuses, rows, choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Literal, NamedTuple

from queries.providers.errors import ProviderError, format_error

Mode = Literal["direct", "background"]
FieldKind = Literal["text", "choice", "integer", "boolean", "datetime", "url", "secret"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do beyond running a query. Everything is off unless declared."""

    direct: bool = False  # rows in the answer to the request itself
    background: bool = False  # submit, status, rows
    cancel: bool = False
    cancel_all: bool = False
    delete: bool = False  # the result, at the provider
    logs: bool = False
    list_jobs: bool = False  # jobs that were not started here
    progress: bool = False  # parts done and parts in all
    random_access_paging: bool = False
    total_known: bool = False  # the number of rows is told before they are fetched
    embedded_rows: bool = False  # the final status carries rows
    catalog: tuple[
        str, ...
    ] = ()  # kinds of lists to pick from: "data_source", "connection", ...
    export_formats: tuple[str, ...] = ()  # files made by the provider
    idempotent_submit: bool = False  # repeating a submit with the same key is harmless
    creator_only: bool = False  # only the key that started a query may read its result
    job_retention: timedelta | None = None  # how long results are kept; None: not known
    preview: bool = False  # a query can be checked before it runs


class FieldCondition(NamedTuple):
    """A condition: the choice field of that name has one of these values."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One form field. The connection form and the query form are generated from these.

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
    catalog: str = ""  # the kind of list to pick a value from; typing stays possible
    catalog_parent: str = ""  # the field whose value is the parent of that list
    multiple: bool = False  # several values, separated by commas
    rows: int = 0  # lines of a text area; 0: one line
    when: FieldCondition | None = (
        None  # means something only beside such a choice; None: always
    )


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
    """A provider's warning about a response. `cuts_result`: rows are missing because of it."""

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
    """The state of a job at the provider. UNKNOWN is a word we do not know: not final, keep polling."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Return whether the job will never change again."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


@dataclass(frozen=True, slots=True)
class Progress:
    """Parts of the work done, out of a total that may still grow."""

    done: int
    total: int


class Queue(NamedTuple):
    """Tasks at the provider, of this job or of all that share its licence: waiting and running."""

    waiting: int
    running: int


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A status response. `native` is the provider's own word, `raw` the whole response."""

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
    queue: Queue | None = None
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
    """The outcome of a connection test, as text to show."""

    __test__: ClassVar[bool] = (
        False  # not a test case, whatever its name says to pytest
    )

    ok: bool
    message: str
    error_code: str = ""
    remedy: str = ""
    permission: str = ""
    provider_code: str = ""
    request_id: str = ""

    @classmethod
    def from_error(cls, error: ProviderError, *, remedy: str = "") -> TestResult:
        """Return the result of a test that failed with `error`."""
        return cls(
            ok=False,
            message=error.message,
            error_code=error.code,
            remedy=remedy or error.remedy,
            permission=error.permission,
            provider_code=error.provider_code,
            request_id=error.request_id,
        )

    def full_message(self) -> str:
        """Return the whole result as one text."""
        return format_error(
            self.message, self.remedy, self.provider_code, self.request_id
        )


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a job's log at the provider."""

    text: str
    level: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job as the provider lists it, started here or elsewhere."""

    job_id: str
    status: JobStatus
    statement: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a provider's list. `note` says why it is not `enabled`."""

    value: str
    label: str
    group: str = ""
    enabled: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Choices for a file made by the provider. `limit` None: all rows."""

    format: str
    name: str
    limit: int | None = None
    zipped: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """A provider's preview of a query that it accepts but has not run."""

    message: str  # in words fit to show
    extras: Mapping[str, Any] = field(
        default_factory=dict
    )  # by name, as beside rows: {"timeline": [{"at", "count"}]}


@dataclass(frozen=True, slots=True)
class RateLimitStatus:
    """The last reported rate limit: calls in all, calls left, when it resets."""

    limit: int | None = None
    remaining: int | None = None
    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A query that shows what the provider can do on ordinary data; run with one click."""

    title: str
    statement: str
    mode: Mode = "direct"
    time_range: str = "last-24h"
    settings: Mapping[str, Any] = field(default_factory=dict)
