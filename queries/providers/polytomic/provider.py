"""The provider: four calls over the common client, each with the interface version and by one and the same key."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

from queries.providers.base import (
    Capabilities,
    Choice,
    Field,
    JobStatus,
    Mode,
    Problem,
    Provider,
    QuerySpec,
    RowStream,
    Sample,
    Submitted,
    TestResult,
)
from queries.providers.client import ApiCall
from queries.providers.credentials import (
    Authorization,
    BasicAuthorization,
    BearerAuthorization,
    SchemeAuthorization,
    Secret,
)
from queries.providers.errors import (
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    UnexpectedResponseError,
)
from queries.providers.polytomic import fields, requests
from queries.providers.polytomic.catalog import (
    allowed_ids,
    connection_choices,
    key_test_result,
)
from queries.providers.polytomic.failures import Step
from queries.providers.polytomic.jobs import parse_job_status
from queries.providers.polytomic.rows import row_stream
from queries.providers.polytomic.samples import SAMPLES
from queries.providers.polytomic.wire import (
    PAGE_READ_TIMEOUT,
    PAGE_TOTAL_TIMEOUT,
    FullResponse,
    Page,
    parse_object,
    parse_page,
    send_call,
)


class Polytomic(Provider):
    """Databases and applications connected to Polytomic, asked in their own language."""

    slug: ClassVar[str] = "polytomic"
    label: ClassVar[str] = "Polytomic"
    capabilities: ClassVar[Capabilities] = Capabilities(
        background=True,
        total_known=True,
        embedded_rows=True,
        catalog=(fields.CONNECTIONS,),
        idempotent_submit=True,
        creator_only=True,
    )
    connection_fields: ClassVar[tuple[Field, ...]] = fields.CONNECTION_FIELDS
    query_fields: ClassVar[tuple[Field, ...]] = fields.QUERY_FIELDS
    samples: ClassVar[tuple[Sample, ...]] = SAMPLES
    statement_label: ClassVar[str] = "Query"
    statement_language: ClassVar[str] = "sql"
    uses_time_range: ClassVar[bool] = False
    key_label: ClassVar[str] = "API key"
    key_help: ClassVar[str] = (
        "A user key or an organisation key. Polytomic shows a result only to the key that started the query, so every "
        "call of a run uses this connection; sharing a run shares our stored copy of its rows."
    )
    known_hosts: ClassVar[frozenset[str]] = frozenset({fields.HOST})

    @classmethod
    def endpoint(cls, options: Mapping[str, Any]) -> str:
        """Return the base URL: Polytomic's own, or that of a Polytomic run elsewhere."""
        return str(options.get("endpoint") or fields.ADDRESS)

    @classmethod
    def authorization(cls, secret: Secret, options: Mapping[str, Any]) -> Authorization:
        """A user key travels as a bearer token, an organisation key as the password of its user name.

        Assumption: an organisation key without a user name is sent as it is, after the word Basic; Polytomic does not
        document how such a key is taken apart.
        """
        if options.get("auth_kind") != fields.BASIC:
            return BearerAuthorization(secret)
        user = str(options.get("user_name") or "")
        return (
            BasicAuthorization(user, secret)
            if user
            else SchemeAuthorization("Basic", secret)
        )

    @classmethod
    def option_problems(cls, options: Mapping[str, Any]) -> list[Problem]:
        """Find an id that is none."""
        return list(requests.id_problems(options))

    @classmethod
    def validate(cls, spec: QuerySpec, mode: Mode) -> list[Problem]:
        """Find what Polytomic would refuse."""
        return list(requests.find_problems(spec, mode))

    @classmethod
    def curl(cls, spec: QuerySpec, mode: Mode, endpoint: str) -> str:
        """Return the request that starts the query as a shell command, with $POLYTOMIC_API_KEY for the key."""
        return requests.curl_command(spec, endpoint)

    def test(self) -> TestResult:
        """Ask whose key it is: the documented way to check one."""
        began = time.monotonic()
        try:
            answer = self._get(requests.ME, Step.ME)
            me = self._data(answer)
        except ProviderError as error:
            return TestResult.from_error(error)
        return key_test_result(me, time.monotonic() - began, answer.version)

    def catalog(self, kind: str, parent: str = "") -> list[Choice]:
        """Return the connections, those the key may query if it is restricted to some."""
        if kind != fields.CONNECTIONS:
            raise self.unsupported("list this")
        answer = parse_object(self._get(requests.CONNECTIONS, Step.CONNECTIONS))
        return connection_choices(answer.get("data"), self._allowed())

    def submit(self, spec: QuerySpec, idempotency_key: str) -> Submitted:
        """Start a query. Repeating it with the same key is harmless: Polytomic gives its first answer again.

        Assumption: a 429 comes before the key is looked at, so that it is not the answer given again. While the first
        request is being answered a second one raises ConflictError, which is retryable.
        """
        call = requests.submit_call(spec, idempotency_key, self.options)
        answer = send_call(self.client, call, Step.SUBMIT)
        data = self._data(answer)
        job_id = data.get("id")
        if not requests.is_job_id(job_id):
            raise UnexpectedResponseError(
                "Polytomic took the query but its answer has no id to ask for it.",
                request_id=answer.request_id,
                may_have_been_received=True,
            )
        return Submitted(
            str(job_id), raw={k: v for k, v in data.items() if k != "results"}
        )

    def status(self, job_id: str) -> JobStatus:
        """Ask how a query is doing. Raises NotFoundError for one that is unknown, expired, or another user's."""
        return parse_job_status(self._page(requests.job_path(job_id), "", Step.STATUS))

    def rows(self, job_id: str) -> RowStream:
        """Read the rows page by page. They can be read again from the start until they expire.

        Raises ConflictError before the query has ended, ResultsExpiredError when Polytomic no longer shows them.
        """
        path = requests.job_path(job_id)
        return row_stream(self.client, self._page, job_id, path)

    def _allowed(self) -> list[str] | None:
        try:
            return allowed_ids(self._data(self._get(requests.ME, Step.ME)))
        except (NotFoundError, PermissionDeniedError):
            return None  # a key that may list connections but not read its own user is not restricted here

    def _page(self, path: str, query: str, step: Step) -> Page:
        return parse_page(self._get(path, step, query))

    def _get(self, path: str, step: Step, query: str = "") -> FullResponse:
        patient = step is Step.PAGE
        call = ApiCall(
            "GET",
            path,
            query=query,
            headers=requests.version_headers(self.options),
            total_timeout=PAGE_TOTAL_TIMEOUT if patient else None,
            read_timeout=PAGE_READ_TIMEOUT if patient else None,
        )
        return send_call(self.client, call, step)

    def _data(self, answer: FullResponse) -> dict[str, Any]:
        data = parse_object(answer).get("data")
        if not isinstance(data, dict):
            raise UnexpectedResponseError(
                "Polytomic's answer is not in the form it is documented to have.",
                request_id=answer.request_id,
                may_have_been_received=True,
            )
        return data
