"""The provider: one call to run a query, one to ask for its state and its rows, a few for lists to pick from."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar
from uuid import uuid4

from queries.providers.base import (
    Capabilities,
    Choice,
    ContinuedInBackgroundError,
    Field,
    FieldCondition,
    JobState,
    JobStatus,
    Mode,
    Problem,
    Provider,
    QuerySpec,
    RateLimit,
    RateLimitStatus,
    RowStream,
    Sample,
    Submitted,
    TestResult,
)
from queries.providers.client import ApiCall, Client
from queries.providers.credentials import Authorization, BearerAuthorization, Secret
from queries.providers.errors import ConflictError, NotFoundError, ProviderError
from queries.providers.supermetrics.catalog import KINDS, fetch_choices
from queries.providers.supermetrics.checks import find_problems
from queries.providers.supermetrics.envelopes import Envelope
from queries.providers.supermetrics.failures import (
    Step,
    error_for_detail,
    parse_error_detail,
)
from queries.providers.supermetrics.fields import (
    CONNECTION_FIELDS,
    JSON,
    LABEL,
    QUERY_FIELDS,
)
from queries.providers.supermetrics.jobs import (
    RETENTION,
    job_state,
    parse_job_status,
    without_api_keys,
)
from queries.providers.supermetrics.pages import PageSource, require_success, row_stream
from queries.providers.supermetrics.requests import (
    DATA,
    PAGE_TOTAL_TIMEOUT,
    STATUS,
    base_path,
    base_url_from,
    curl_command,
    direct_body,
    get_call,
    page_offsets,
    schedule_id_from,
    submit_body,
    sync_wait_seconds,
)
from queries.providers.supermetrics.samples import SAMPLES
from queries.providers.supermetrics.statements import (
    build_query,
    format_statement,
    is_form,
)
from queries.providers.supermetrics.wire import ApiClient, PageTooLargeError

_NOBODYS_QUERY = "querydeck-test"
_GOES_ON = frozenset({JobState.WAITING, JobState.RUNNING, JobState.UNKNOWN})


class Supermetrics(Provider):
    """Marketing data: clicks, cost, sessions and the like, from the sources a licence includes."""

    slug: ClassVar[str] = "supermetrics"
    label: ClassVar[str] = LABEL
    capabilities: ClassVar[Capabilities] = Capabilities(
        direct=True,
        background=True,
        progress=True,
        random_access_paging=True,
        total_known=True,
        embedded_rows=True,
        catalog=KINDS,
        idempotent_submit=True,
        creator_only=True,
        job_retention=RETENTION,
    )
    connection_fields: ClassVar[tuple[Field, ...]] = CONNECTION_FIELDS
    query_fields: ClassVar[tuple[Field, ...]] = QUERY_FIELDS
    samples: ClassVar[tuple[Sample, ...]] = SAMPLES
    # Supermetrics docs, "Usage limits": 20 requests a second at most; the hour's limit is in the answers.
    rate_limit: ClassVar[RateLimit | None] = RateLimit(calls=20, seconds=1.0)
    statement_label: ClassVar[str] = "Query"
    statement_language: ClassVar[str] = "json"
    statement_required: ClassVar[bool] = False
    statement_when: ClassVar[FieldCondition | None] = FieldCondition("input", (JSON,))
    uses_time_range: ClassVar[bool] = False
    allows_endpoint_path: ClassVar[bool] = True
    key_help: ClassVar[str] = (
        "An API key of Supermetrics (api_…) that may run and read queries. To pick accounts and logins from lists, it "
        "has to be allowed to read these, too."
    )
    known_hosts: ClassVar[frozenset[str]] = frozenset({"api.supermetrics.com"})

    def __init__(self, client: Client, options: Mapping[str, Any]) -> None:
        super().__init__(client, options)
        self._wire = ApiClient(client, base_path(options))

    @classmethod
    def endpoint(cls, options: Mapping[str, Any]) -> str:
        """Return the address of the API, with its path."""
        return base_url_from(options)

    @classmethod
    def authorization(cls, secret: Secret, options: Mapping[str, Any]) -> Authorization:
        """The key travels as a bearer token, never as a parameter: those end up in addresses and links."""
        return BearerAuthorization(secret)

    @classmethod
    def validate(cls, spec: QuerySpec, mode: Mode) -> list[Problem]:
        """Find what is beyond Supermetrics' published limits, and any key in the query."""
        return list(find_problems(spec, mode))

    @classmethod
    def resolve(cls, spec: QuerySpec) -> QuerySpec:
        """Make the JSON of a form; settings that cannot be read leave the statement empty, `validate` says why."""
        if not is_form(spec):
            return spec
        try:
            statement = format_statement(build_query(spec.settings))
        except ValueError:
            statement = ""
        return replace(spec, statement=statement)

    @classmethod
    def curl(cls, spec: QuerySpec, mode: Mode, endpoint: str) -> str:
        """Return the same request as a shell command, with $SUPERMETRICS_API_KEY for the key."""
        return curl_command(spec, mode, endpoint)

    def test(self) -> TestResult:
        """Request the key's owner or, where that is not supported, a query that does not exist.

        Assumption: `/me` is answered beside the versions of the API (Supermetrics' n8n node asks there).
        """
        began = time.monotonic()
        try:
            self._ask_who()
        except ProviderError as error:
            return TestResult.from_error(error)
        seconds = time.monotonic() - began
        return TestResult(
            ok=True,
            message=f"The key works: Supermetrics answered in {seconds:.1f} s.",
        )

    def run(self, spec: QuerySpec) -> RowStream:
        """Run directly. Raises HandedOverError when Supermetrics stops waiting before the query ends."""
        schedule_id = f"qd-{uuid4().hex}"
        wait = sync_wait_seconds(spec) + PAGE_TOTAL_TIMEOUT
        call = ApiCall(
            "POST",
            DATA,
            direct_body(spec, schedule_id),
            total_timeout=wait,
            read_timeout=min(
                self.client.policy.read_timeout + sync_wait_seconds(spec), wait
            ),
        )
        source = PageSource(self._wire, schedule_id)
        try:
            page = self._wire.page(Step.RUN, call)
        except PageTooLargeError:
            page = source.page(0)
        if page.error is None and job_state(page) in _GOES_ON:
            raise ContinuedInBackgroundError(_id_in(page, schedule_id))
        source.job_id = _id_in(page, schedule_id)
        stream = row_stream(source, require_success(page, Step.RUN))
        stream.expires_at = datetime.now(UTC) + RETENTION
        return stream

    def submit(self, spec: QuerySpec, idempotency_key: str) -> Submitted:
        """Start a query under an id of our own: sent twice, it is the same query.

        Assumption: a conflict on our own id means that the query is under way already.
        """
        schedule_id = schedule_id_from(idempotency_key)
        call = ApiCall("POST", DATA, submit_body(spec, schedule_id))
        try:
            answer = self._wire.envelope(Step.RUN, call)
        except ConflictError:
            return Submitted(schedule_id)
        if answer.error is not None:
            raise error_for_detail(Step.RUN, answer.error)
        return Submitted(
            _id_in(answer, schedule_id), raw={"meta": without_api_keys(answer.meta)}
        )

    def status(self, job_id: str) -> JobStatus:
        """Ask how a query is doing; of a result no more than a row is fetched on the way.

        Raises NotFoundError for one that is unknown, expired, or of another key.
        """
        call = get_call(STATUS, {"schedule_id": job_id} | page_offsets(0, 1))
        return parse_job_status(
            self._wire.envelope(Step.STATUS, call), datetime.now(UTC)
        )

    def rows(self, job_id: str) -> RowStream:
        """Read all rows of a query, page by page. They can be read again until they expire.

        Raises ConflictError before the query has ended, ResultsExpiredError when Supermetrics no longer has them.
        """
        source = PageSource(self._wire, job_id)
        return row_stream(source, source.page(0))

    def catalog(self, kind: str, parent: str = "") -> list[Choice]:
        """Return a list to pick from; `parent` is a data source's id."""
        team_id = str(self.options.get("team_id") or "").strip()
        return fetch_choices(self._wire, kind, parent.strip(), team_id)

    @property
    def rate_figures(self) -> RateLimitStatus | None:
        """Return the hour's requests and how many are left, as the last answer had them."""
        return self._wire.rate_limit_status

    def _ask_who(self) -> None:
        try:
            answer = self._wire.send(
                Step.STATUS, ApiCall("GET", "/me"), from_host_root=True
            )
        except NotFoundError as error:
            if error.http_status != HTTPStatus.NOT_FOUND:
                raise
            self._ask_for_nothing()
            return
        said = parse_error_detail(answer.json_object())
        if said is not None:
            raise error_for_detail(Step.STATUS, said)

    def _ask_for_nothing(self) -> None:
        call = get_call(STATUS, {"schedule_id": _NOBODYS_QUERY})
        try:
            self._wire.envelope(Step.STATUS, call)
        except NotFoundError as error:
            if error.provider_code != "STATUS_NOT_FOUND":
                raise


def _id_in(answer: Envelope, ours: str) -> str:
    """Return the id to ask by: Supermetrics' word for it, if it is one we could have chosen."""
    told = str(answer.meta.get("schedule_id") or "")
    return told if schedule_id_from(told) == told else ours
