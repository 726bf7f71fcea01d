"""The provider: five calls, all POST, over the common client."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from queries.providers.answers import Response
from queries.providers.base import (
    Capabilities,
    Field,
    JobStatus,
    Mode,
    Problem,
    Provider,
    ProviderWarning,
    QuerySpec,
    RateLimit,
    RowStream,
    Sample,
    Submitted,
    TestResult,
)
from queries.providers.client import ApiCall, StreamedResponse
from queries.providers.coralogix import regions
from queries.providers.coralogix.failures import (
    ARCHIVE_PERMISSION,
    Step,
    error_for_response,
    permission_for,
)
from queries.providers.coralogix.fields import (
    CONNECTION_FIELDS,
    LEADING_COLUMNS,
    LUCENE,
    QUERY_FIELDS,
    TRAILING_COLUMNS,
)
from queries.providers.coralogix.jobs import parse_job_status
from queries.providers.coralogix.notices import parse_warnings
from queries.providers.coralogix.requests import (
    BACKGROUND,
    DIRECT,
    advisories,
    background_body,
    curl_command,
    direct_body,
    find_problems,
    implicit_limit,
)
from queries.providers.coralogix.samples import SAMPLES
from queries.providers.coralogix.stream import row_stream
from queries.providers.credentials import Authorization, BearerAuthorization, Secret
from queries.providers.errors import ProviderError, UnexpectedResponseError

# IBM Cloud Logs ends a direct query after five minutes; nothing needs to arrive before it ends.
DIRECT_TOTAL_TIMEOUT = 360.0
DIRECT_READ_TIMEOUT = 320.0
# Up to a million rows; the documentation promises no speed.
DATA_TOTAL_TIMEOUT = 1_800.0
DATA_READ_TIMEOUT = 120.0
_TEST_STATEMENT = "source logs | limit 1"
_MAX_ID_CHARACTERS = 200


class Coralogix(Provider):
    """Logs and spans, asked in DataPrime or Lucene."""

    slug: ClassVar[str] = "coralogix"
    label: ClassVar[str] = "Coralogix"
    # Coralogix docs, "Background queries": results are kept for 30 days.
    capabilities: ClassVar[Capabilities] = Capabilities(
        direct=True, background=True, cancel=True, job_retention=timedelta(days=30)
    )
    connection_fields: ClassVar[tuple[Field, ...]] = CONNECTION_FIELDS
    query_fields: ClassVar[tuple[Field, ...]] = QUERY_FIELDS
    samples: ClassVar[tuple[Sample, ...]] = SAMPLES
    # Coralogix docs, "Limitations": 30 direct queries a minute. Assumption: tests and submits count like direct
    # queries, and the limit holds per key.
    rate_limit: ClassVar[RateLimit | None] = RateLimit(calls=30, seconds=60.0)
    column_hints: ClassVar[Mapping[str, str]] = {
        "$m.timestamp": "timestamp",
        "$m.severity": "severity",
        "$m.duration": "microseconds",
    }
    column_roots: ClassVar[Mapping[str, str]] = {
        "metadata": "$m",
        "labels": "$l",
        "userData": "$d",
    }
    leading_columns: ClassVar[tuple[str, ...]] = LEADING_COLUMNS
    trailing_columns: ClassVar[tuple[str, ...]] = TRAILING_COLUMNS
    row_documents: ClassVar[Mapping[str, tuple[str, str]]] = {
        "$m": ("metadata", "pairs"),
        "$l": ("labels", "pairs"),
        "$d": ("userData", "text"),
    }
    key_label: ClassVar[str] = "API key"
    key_help: ClassVar[str] = (
        "A personal key (cxup_…) or a team key (cxtp_…) with the preset DataQuerying. A key for sending data cannot query."
    )
    known_hosts: ClassVar[frozenset[str]] = regions.KNOWN_HOSTS

    @classmethod
    def endpoint(cls, options: Mapping[str, Any]) -> str:
        """Return the base URL of the region, or the custom address."""
        return regions.endpoint(options)

    @classmethod
    def option_problems(cls, options: Mapping[str, Any]) -> list[Problem]:
        """Find a region and an address that contradict each other."""
        return regions.region_problems(options)

    @classmethod
    def authorization(cls, secret: Secret, options: Mapping[str, Any]) -> Authorization:
        """Every kind of key travels as a bearer token."""
        return BearerAuthorization(secret)

    @classmethod
    def statement_language_for(cls, settings: Mapping[str, Any]) -> str:
        """Lucene is a syntax of its own."""
        return "lucene" if settings.get("syntax") == LUCENE else cls.statement_language

    @classmethod
    def validate(cls, spec: QuerySpec, mode: Mode) -> list[Problem]:
        """Find what Coralogix would refuse, or change without a word."""
        return list(find_problems(spec, mode))

    @classmethod
    def advisories(cls, spec: QuerySpec, mode: Mode) -> list[ProviderWarning]:
        """Say what Coralogix would do to the query unasked."""
        return list(advisories(spec, mode))

    @classmethod
    def curl(cls, spec: QuerySpec, mode: Mode, endpoint: str) -> str:
        """Return the same request as a shell command, with $CORALOGIX_API_KEY for the key."""
        return curl_command(spec, mode, endpoint)

    def test(self) -> TestResult:
        """Ask for one line of the last quarter of an hour, within the times of the client's policy."""
        now = datetime.now(UTC)
        spec = QuerySpec(
            _TEST_STATEMENT, {"limit": 1}, now - timedelta(minutes=15), now
        )
        began = time.monotonic()
        try:
            with self._direct(spec, None, None) as rows:
                found = sum(1 for _ in rows)
        except ProviderError as error:
            return TestResult.from_error(error)
        seconds = time.monotonic() - began
        logs = (
            "It has recent logs."
            if found
            else "There are no logs of the last 15 minutes in Frequent Search."
        )
        return TestResult(
            ok=True,
            message=f"The key works: Coralogix answered in {seconds:.1f} s. {logs}",
        )

    def run(self, spec: QuerySpec) -> RowStream:
        """Run directly. Raises at once what the status tells, later what the stream tells."""
        return self._direct(spec, DIRECT_TOTAL_TIMEOUT, DIRECT_READ_TIMEOUT)

    def submit(self, spec: QuerySpec, idempotency_key: str) -> Submitted:
        """Start a background query. Coralogix takes no idempotency key and cannot list queries.

        So a submit that may have been received can be repeated, but not undone.
        """
        answer = self._send(Step.SUBMIT, BACKGROUND, background_body(spec))
        value = answer.json_object()
        job_id = value.get("queryId")
        if (
            not isinstance(job_id, str)
            or not 0 < len(job_id) <= _MAX_ID_CHARACTERS
            or not job_id.isprintable()
        ):
            raise UnexpectedResponseError(
                "Coralogix took the query but its answer has no id to ask for it.",
                request_id=answer.request_id,
                may_have_been_received=True,
            )
        return Submitted(
            job_id,
            tuple(parse_warnings(value.get("warnings", []))),
            value,
        )

    def status(self, job_id: str) -> JobStatus:
        """Ask how a background query is doing. Raises NotFoundError for one that is unknown or expired."""
        answer = self._send(Step.STATUS, f"{BACKGROUND}/status", {"queryId": job_id})
        return parse_job_status(answer.json_object())

    def rows(self, job_id: str) -> RowStream:
        """Read the rows of a background query. They can be read again from the start until they expire.

        Raises ConflictError before the query has ended, ResultsExpiredError when Coralogix no longer has them.
        """
        call = ApiCall(
            "POST",
            f"{BACKGROUND}/data",
            {"queryId": job_id},
            total_timeout=DATA_TOTAL_TIMEOUT,
            read_timeout=DATA_READ_TIMEOUT,
        )
        reply = self._stream(Step.DATA, call, ARCHIVE_PERMISSION)
        return row_stream(reply, Step.DATA, self.client.redact)

    def cancel(self, job_id: str) -> None:
        """Ask for the end of a background query; only its status tells whether it has ended (the docs say so).

        Repeating it is harmless. Raises NotFoundError for an unknown query and ConflictError for one that can no
        longer be cancelled.
        """
        self._send(Step.CANCEL, f"{BACKGROUND}/cancel", {"queryId": job_id})

    def _direct(
        self, spec: QuerySpec, seconds: float | None, silence: float | None
    ) -> RowStream:
        call = ApiCall(
            "POST",
            DIRECT,
            direct_body(spec),
            total_timeout=seconds,
            read_timeout=silence,
        )
        reply = self._stream(Step.DIRECT, call, permission_for(spec))
        return row_stream(reply, Step.DIRECT, self.client.redact, implicit_limit(spec))

    def _stream(self, step: Step, call: ApiCall, permission: str) -> StreamedResponse:
        reply = self.client.stream(call)
        if reply.is_error:
            try:
                raise error_for_response(step, reply.read(), permission)
            finally:
                reply.close()
        return reply

    def _send(self, step: Step, path: str, body: Mapping[str, Any]) -> Response:
        answer = self.client.send(ApiCall("POST", path, body))
        if answer.is_error:
            raise error_for_response(step, answer)
        return answer
