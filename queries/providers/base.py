"""The contract between Querydeck and a provider: capabilities, calls and their results.

A provider is one subclass of `Provider`. It uses a `Client`, imports no Django, and raises only errors of
`queries.providers.errors`. Ask `capabilities`, never the slug.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from queries.providers.errors import UnsupportedOperationError
from queries.providers.streams import FileStream, RowStream
from queries.providers.values import (
    Capabilities,
    Choice,
    Field,
    FieldCondition,
    FieldKind,
    FileOptions,
    JobState,
    JobStatus,
    LogLine,
    Mode,
    Preview,
    Problem,
    Progress,
    ProviderWarning,
    QuerySpec,
    Queue,
    RateLimit,
    RateLimitStatus,
    RemoteJob,
    Row,
    Sample,
    Submitted,
    TestResult,
)

if TYPE_CHECKING:
    from queries.providers.client import Client
    from queries.providers.credentials import Authorization, Secret

__all__ = [
    "Capabilities",
    "Choice",
    "ContinuedInBackgroundError",
    "Field",
    "FieldCondition",
    "FieldKind",
    "FileOptions",
    "FileStream",
    "JobState",
    "JobStatus",
    "LogLine",
    "Mode",
    "Preview",
    "Problem",
    "Progress",
    "Provider",
    "ProviderWarning",
    "QuerySpec",
    "Queue",
    "RateLimit",
    "RateLimitStatus",
    "RemoteJob",
    "Row",
    "RowStream",
    "Sample",
    "Submitted",
    "TestResult",
]


class ContinuedInBackgroundError(Exception):
    """A direct run continues at the provider as the job `job_id`: its sync time ran out. Not a failure."""

    def __init__(self, job_id: str) -> None:
        super().__init__("The query goes on in the background.")
        self.job_id = job_id


class Provider(ABC):
    """A remote query service, for one connection. One call at a time; make another one for another thread."""

    slug: ClassVar[str]
    label: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    connection_fields: ClassVar[tuple[Field, ...]]
    # A run's default is the connection's value of the same name.
    query_fields: ClassVar[tuple[Field, ...]]
    rate_limit: ClassVar[RateLimit | None] = None
    column_hints: ClassVar[
        Mapping[str, str]
    ] = {}  # column path -> "timestamp", "severity", ...
    column_roots: ClassVar[
        Mapping[str, str]
    ] = {}  # top-level name in an original row -> what its columns begin with, where that differs
    leading_columns: ClassVar[tuple[str, ...]] = ()  # shown first, in this order
    trailing_columns: ClassVar[tuple[str, ...]] = ()  # shown last: ids and the like
    # How a row's original splits into the documents of DataPrime: root -> the key in the original ("" for all of it)
    # and its form: "json", "text" (JSON inside a text) or "pairs" (a list of {key, value}).
    row_documents: ClassVar[Mapping[str, tuple[str, str]]] = {"$d": ("", "json")}
    samples: ClassVar[tuple[Sample, ...]] = ()
    statement_label: ClassVar[str] = "Statement"
    statement_language: ClassVar[str] = (
        "dataprime"  # what the editor colours: "dataprime", "sql", "json", "text"
    )
    statement_required: ClassVar[bool] = (
        True  # False: settings can spell the query, see `resolve`
    )
    statement_when: ClassVar[FieldCondition | None] = (
        None  # the choice of a setting beside which the statement is written by hand; None: always
    )
    uses_time_range: ClassVar[bool] = True
    allows_endpoint_path: ClassVar[bool] = (
        False  # the endpoint may have a path; the key belongs to its origin
    )
    key_label: ClassVar[str] = "API key"
    key_help: ClassVar[str] = ""
    known_hosts: ClassVar[frozenset[str]] = (
        frozenset()
    )  # hosts that need no permission, over https only

    def __init__(self, client: Client, options: Mapping[str, Any]) -> None:
        self.client = client
        self.options = options

    @classmethod
    @abstractmethod
    def endpoint(cls, options: Mapping[str, Any]) -> str:
        """Return the base URL that a connection's options lead to. Not checked: see `registry.checked_origin`."""

    @classmethod
    @abstractmethod
    def authorization(cls, secret: Secret, options: Mapping[str, Any]) -> Authorization:
        """Return how the key is sent."""

    @classmethod
    def option_problems(cls, options: Mapping[str, Any]) -> list[Problem]:
        """Return what is wrong with a connection's options, except its address, without any call."""
        return []

    @classmethod
    def trusted_certificates(cls, options: Mapping[str, Any]) -> str:
        """Return the only trusted authorities (PEM) for the server; "": the usual ones."""
        return ""

    @classmethod
    @abstractmethod
    def validate(cls, spec: QuerySpec, mode: Mode) -> list[Problem]:
        """Return what is wrong with a spec, without any call."""

    @classmethod
    def statement_language_for(cls, settings: Mapping[str, Any]) -> str:
        """Return the language of a statement with these settings, as a value of `statement_language`."""
        return cls.statement_language

    @classmethod
    def resolve(cls, spec: QuerySpec) -> QuerySpec:
        """Return the spec as it is sent and stored: where settings spell the query, with the statement made of them."""
        return spec

    @classmethod
    def advisories(cls, spec: QuerySpec, mode: Mode) -> list[ProviderWarning]:
        """Return warnings about a valid spec to show before running it."""
        return []

    @classmethod
    @abstractmethod
    def curl(cls, spec: QuerySpec, mode: Mode, endpoint: str) -> str:
        """Return an equivalent curl command, with the key as a shell variable."""

    @abstractmethod
    def test(self) -> TestResult:
        """Make one cheap call and return what is wrong. Never raises a `ProviderError`."""

    def run(self, spec: QuerySpec) -> RowStream:
        """Run directly. Errors known before the first row are raised here, later ones from the stream.

        Raises ContinuedInBackgroundError, with the job's id, if the provider made a background job of it.
        """
        raise self.unsupported("run queries directly")

    def submit(self, spec: QuerySpec, idempotency_key: str) -> Submitted:
        """Start a background job. On an error, look at `may_have_been_received` before repeating."""
        raise self.unsupported("run queries in the background")

    def status(self, job_id: str) -> JobStatus:
        """Return a job's status."""
        raise self.unsupported("run queries in the background")

    def rows(self, job_id: str) -> RowStream:
        """Read the rows of a job that succeeded, from the first one."""
        raise self.unsupported("run queries in the background")

    def cancel(self, job_id: str) -> None:
        """Request the cancel of a job. Only a later `status` shows whether it stopped."""
        raise self.unsupported("cancel queries")

    def cancel_all(self) -> None:
        """Request the cancel of every active job of the key's user, also of those not started here."""
        raise self.unsupported("cancel all queries at once")

    def delete(self, job_id: str) -> None:
        """Delete a job's result at the provider."""
        raise self.unsupported("delete results")

    def logs(self, job_id: str) -> list[LogLine]:
        """Return a job's log, oldest line first, within bounds."""
        raise self.unsupported("show logs")

    def list_jobs(self) -> list[RemoteJob]:
        """Return the jobs the key may see, also those not started here, newest first, within bounds."""
        raise self.unsupported("list queries")

    def make_file(self, job_id: str, options: FileOptions) -> FileStream:
        """Have the provider make a file of a job's result, in one of `capabilities.export_formats`."""
        raise self.unsupported("make files")

    def preview(self, spec: QuerySpec) -> Preview:
        """Return the provider's preview of a valid spec. Raises QueryError for one it does not accept."""
        raise self.unsupported("check queries before they run")

    def catalog(self, kind: str, parent: str = "") -> list[Choice]:
        """Return a list to pick from (a kind of `capabilities.catalog`), inside `parent` where lists nest."""
        raise self.unsupported("list what there is to choose from")

    @property
    def rate_figures(self) -> RateLimitStatus | None:
        """Return the rate limit reported in this session's last response; None if there was none."""
        return None

    def abort(self) -> None:
        """Abort the running call, which raises `CallStoppedError`. May be called from another thread."""
        self.client.abort()

    def close(self) -> None:
        """Close connections."""
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
        """Return the error of an operation that this provider does not support."""
        return UnsupportedOperationError(f"{cls.label} cannot {what}.")
