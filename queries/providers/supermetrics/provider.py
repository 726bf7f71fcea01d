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
    Field,
    HandedOverError,
    JobState,
    JobStatus,
    Mode,
    Problem,
    Provider,
    QuerySpec,
    RateFigures,
    RateLimit,
    RowStream,
    Sample,
    Submitted,
    TestResult,
    When,
)
from queries.providers.client import Call, Client
from queries.providers.credentials import Authorization, BearerAuthorization, Secret
from queries.providers.errors import ConflictError, NotFoundError, ProviderError
from queries.providers.supermetrics.catalog import KINDS, choices_of
from queries.providers.supermetrics.checks import problems_of
from queries.providers.supermetrics.envelopes import Envelope
from queries.providers.supermetrics.failures import Step, failure, said_in
from queries.providers.supermetrics.fields import (
    CONNECTION_FIELDS,
    JSON,
    LABEL,
    QUERY_FIELDS,
)
from queries.providers.supermetrics.jobs import RETENTION, cleaned, state_of, status_of
from queries.providers.supermetrics.pages import Source, ready, row_stream
from queries.providers.supermetrics.requests import (
    DATA,
    PAGE_SECONDS,
    STATUS,
    asked,
    base_of,
    curl_of,
    direct_body,
    path_of,
    schedule_id_of,
    submit_body,
    wait_of,
    window,
)
from queries.providers.supermetrics.samples import SAMPLES
from queries.providers.supermetrics.statements import composed, is_form, statement_of
from queries.providers.supermetrics.wire import PageTooLargeError, Wire

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
    statement_when: ClassVar[When | None] = When("input", (JSON,))
    uses_time_range: ClassVar[bool] = False
    takes_path: ClassVar[bool] = True
    key_help: ClassVar[str] = (
        "An API key of Supermetrics (api_…) that may run and read queries. To pick accounts and logins from lists, it "
        "has to be allowed to read these, too."
    )
    known_hosts: ClassVar[frozenset[str]] = frozenset({"api.supermetrics.com"})

    def __init__(self, client: Client, options: Mapping[str, Any]) -> None:
        super().__init__(client, options)
        self._wire = Wire(client, path_of(options))

    @classmethod
    def endpoint(cls, options: Mapping[str, Any]) -> str:
        """Give the address of the API, with its path."""
        return base_of(options)

    @classmethod
    def authorization(cls, secret: Secret, options: Mapping[str, Any]) -> Authorization:
        """The key travels as a bearer token, never as a parameter: those end up in addresses and links."""
        return BearerAuthorization(secret)

    @classmethod
    def validate(cls, spec: QuerySpec, mode: Mode) -> list[Problem]:
        """Find what is beyond Supermetrics' published limits, and any key in the query."""
        return list(problems_of(spec, mode))

    @classmethod
    def resolve(cls, spec: QuerySpec) -> QuerySpec:
        """Make the JSON of a form; settings that cannot be read leave the statement empty, `validate` says why."""
        if not is_form(spec):
            return spec
        try:
            statement = statement_of(composed(spec.settings))
        except ValueError:
            statement = ""
        return replace(spec, statement=statement)

    @classmethod
    def curl(cls, spec: QuerySpec, mode: Mode, endpoint: str) -> str:
        """Give the same request as a shell command, with $SUPERMETRICS_API_KEY for the key."""
        return curl_of(spec, mode, endpoint)

    def test(self) -> TestResult:
        """Ask who the key belongs to or, where nobody answers that, for a query that does not exist.

        Assumption: `/me` is answered beside the versions of the API (Supermetrics' n8n node asks there).
        """
        began = time.monotonic()
        try:
            self._ask_who()
        except ProviderError as error:
            return TestResult.of(error)
        seconds = time.monotonic() - began
        return TestResult(
            ok=True,
            message=f"The key works: Supermetrics answered in {seconds:.1f} s.",
        )

    def run(self, spec: QuerySpec) -> RowStream:
        """Run directly. Raises HandedOverError when Supermetrics stops waiting before the query ends."""
        schedule_id = f"qd-{uuid4().hex}"
        wait = wait_of(spec) + PAGE_SECONDS
        call = Call(
            "POST",
            DATA,
            direct_body(spec, schedule_id),
            total_timeout=wait,
            read_timeout=min(self.client.policy.read_timeout + wait_of(spec), wait),
        )
        source = Source(self._wire, schedule_id)
        try:
            page = self._wire.page(Step.RUN, call)
        except PageTooLargeError:
            page = source.page(0)
        if page.error is None and state_of(page) in _GOES_ON:
            raise HandedOverError(_id_in(page, schedule_id))
        source.job_id = _id_in(page, schedule_id)
        stream = row_stream(source, ready(page, Step.RUN))
        stream.expires_at = datetime.now(UTC) + RETENTION
        return stream

    def submit(self, spec: QuerySpec, idempotency_key: str) -> Submitted:
        """Start a query under an id of our own: sent twice, it is the same query.

        Assumption: a conflict on our own id means that the query is under way already.
        """
        schedule_id = schedule_id_of(idempotency_key)
        call = Call("POST", DATA, submit_body(spec, schedule_id))
        try:
            answer = self._wire.envelope(Step.RUN, call)
        except ConflictError:
            return Submitted(schedule_id)
        if answer.error is not None:
            raise failure(Step.RUN, answer.error)
        return Submitted(
            _id_in(answer, schedule_id), raw={"meta": cleaned(answer.meta)}
        )

    def status(self, job_id: str) -> JobStatus:
        """Ask how a query is doing; of a result no more than a row is fetched on the way.

        Raises NotFoundError for one that is unknown, expired, or of another key.
        """
        call = asked(STATUS, {"schedule_id": job_id} | window(0, 1))
        return status_of(self._wire.envelope(Step.STATUS, call), datetime.now(UTC))

    def rows(self, job_id: str) -> RowStream:
        """Read all rows of a query, page by page. They can be read again until they expire.

        Raises ConflictError before the query has ended, ResultsExpiredError when Supermetrics no longer has them.
        """
        source = Source(self._wire, job_id)
        return row_stream(source, source.page(0))

    def catalog(self, kind: str, parent: str = "") -> list[Choice]:
        """Give a list to pick from; `parent` is a data source's id."""
        team_id = str(self.options.get("team_id") or "").strip()
        return choices_of(self._wire, kind, parent.strip(), team_id)

    @property
    def rate_figures(self) -> RateFigures | None:
        """Give the hour's requests and how many are left, as the last answer had them."""
        return self._wire.figures

    def _ask_who(self) -> None:
        try:
            answer = self._wire.send(Step.STATUS, Call("GET", "/me"), at_root=True)
        except NotFoundError as error:
            if error.http_status != HTTPStatus.NOT_FOUND:
                raise
            self._ask_for_nothing()
            return
        said = said_in(answer.json_object())
        if said is not None:
            raise failure(Step.STATUS, said)

    def _ask_for_nothing(self) -> None:
        call = asked(STATUS, {"schedule_id": _NOBODYS_QUERY})
        try:
            self._wire.envelope(Step.STATUS, call)
        except NotFoundError as error:
            if error.provider_code != "STATUS_NOT_FOUND":
                raise


def _id_in(answer: Envelope, ours: str) -> str:
    """Give the id to ask by: Supermetrics' word for it, if it is one we could have chosen."""
    told = str(answer.meta.get("schedule_id") or "")
    return told if schedule_id_of(told) == told else ours
