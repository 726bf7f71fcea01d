"""The provider: five calls, all POST, over the common client."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from queries.providers.answers import Answer
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
from queries.providers.client import Call, Reply
from queries.providers.coralogix import regions
from queries.providers.coralogix.failures import (
    ARCHIVE_PERMISSION,
    Step,
    failure_at,
    permission_for,
)
from queries.providers.coralogix.fields import (
    CONNECTION_FIELDS,
    LEADING_COLUMNS,
    LUCENE,
    QUERY_FIELDS,
    TRAILING_COLUMNS,
)
from queries.providers.coralogix.jobs import status_of
from queries.providers.coralogix.notices import notices_in
from queries.providers.coralogix.requests import (
    BACKGROUND,
    DIRECT,
    advice_on,
    background_body,
    curl_of,
    direct_body,
    problems_of,
    silent_limit_of,
)
from queries.providers.coralogix.samples import SAMPLES
from queries.providers.coralogix.stream import row_stream
from queries.providers.credentials import Authorization, BearerAuthorization, Secret
from queries.providers.errors import ProviderError, UnexpectedResponseError

# IBM Cloud Logs ends a direct query after five minutes; nothing needs to arrive before it ends.
DIRECT_SECONDS = 360.0
DIRECT_SILENCE = 320.0
# Up to a million rows; nobody promises how fast.
DATA_SECONDS = 1_800.0
DATA_SILENCE = 120.0
_TEST_STATEMENT = "source logs | limit 1"
_MOST_ID_CHARACTERS = 200


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
        """Give the base URL of the region, or the custom address."""
        return regions.endpoint(options)

    @classmethod
    def option_problems(cls, options: Mapping[str, Any]) -> list[Problem]:
        """Find a region and an address that contradict each other."""
        return regions.problems_of(options)

    @classmethod
    def authorization(cls, secret: Secret, options: Mapping[str, Any]) -> Authorization:
        """Every kind of key travels as a bearer token."""
        return BearerAuthorization(secret)

    @classmethod
    def language_of(cls, settings: Mapping[str, Any]) -> str:
        """Lucene is a syntax of its own."""
        return "lucene" if settings.get("syntax") == LUCENE else cls.statement_language

    @classmethod
    def validate(cls, spec: QuerySpec, mode: Mode) -> list[Problem]:
        """Find what Coralogix would refuse, or change without a word."""
        return list(problems_of(spec, mode))

    @classmethod
    def advise(cls, spec: QuerySpec, mode: Mode) -> list[ProviderWarning]:
        """Say what Coralogix would do to the query unasked."""
        return list(advice_on(spec, mode))

    @classmethod
    def curl(cls, spec: QuerySpec, mode: Mode, endpoint: str) -> str:
        """Give the same request as a shell command, with $CORALOGIX_API_KEY for the key."""
        return curl_of(spec, mode, endpoint)

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
            return TestResult.of(error)
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
        return self._direct(spec, DIRECT_SECONDS, DIRECT_SILENCE)

    def submit(self, spec: QuerySpec, idempotency_key: str) -> Submitted:
        """Start a background query. Coralogix takes no idempotency key and cannot list queries.

        So a submit that may have been received can be repeated, but not undone.
        """
        answer = self._send(Step.SUBMIT, BACKGROUND, background_body(spec))
        value = answer.json_object()
        job_id = value.get("queryId")
        if (
            not isinstance(job_id, str)
            or not 0 < len(job_id) <= _MOST_ID_CHARACTERS
            or not job_id.isprintable()
        ):
            raise UnexpectedResponseError(
                "Coralogix took the query but its answer has no id to ask for it.",
                request_id=answer.request_id,
                may_have_been_received=True,
            )
        return Submitted(
            job_id,
            tuple(notices_in(value.get("warnings", []))),
            value,
        )

    def status(self, job_id: str) -> JobStatus:
        """Ask how a background query is doing. Raises NotFoundError for one that is unknown or expired."""
        answer = self._send(Step.STATUS, f"{BACKGROUND}/status", {"queryId": job_id})
        return status_of(answer.json_object())

    def rows(self, job_id: str) -> RowStream:
        """Read the rows of a background query. They can be read again from the start until they expire.

        Raises ConflictError before the query has ended, ResultsExpiredError when Coralogix no longer has them.
        """
        call = Call(
            "POST",
            f"{BACKGROUND}/data",
            {"queryId": job_id},
            total_timeout=DATA_SECONDS,
            read_timeout=DATA_SILENCE,
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
        call = Call(
            "POST",
            DIRECT,
            direct_body(spec),
            total_timeout=seconds,
            read_timeout=silence,
        )
        reply = self._stream(Step.DIRECT, call, permission_for(spec))
        return row_stream(reply, Step.DIRECT, self.client.redact, silent_limit_of(spec))

    def _stream(self, step: Step, call: Call, permission: str) -> Reply:
        reply = self.client.stream(call)
        if reply.is_error:
            try:
                raise failure_at(step, reply.answer(), permission)
            finally:
                reply.close()
        return reply

    def _send(self, step: Step, path: str, body: Mapping[str, Any]) -> Answer:
        answer = self.client.send(Call("POST", path, body))
        if answer.is_error:
            raise failure_at(step, answer)
        return answer
