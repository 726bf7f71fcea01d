"""The provider: tasks are submitted, watched, read page by page, stopped, deleted, listed, and made files of."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from queries.providers.answers import Response
from queries.providers.base import (
    Capabilities,
    Field,
    FileOptions,
    FileStream,
    JobStatus,
    LogLine,
    Mode,
    Preview,
    Problem,
    Provider,
    QuerySpec,
    RemoteJob,
    RowStream,
    Sample,
    Submitted,
    TestResult,
)
from queries.providers.client import ApiCall, translate_network_errors
from queries.providers.credentials import (
    Authorization,
    BasicAuthorization,
    BearerAuthorization,
    SchemeAuthorization,
    Secret,
)
from queries.providers.errors import ProviderError, UnexpectedResponseError
from queries.providers.saf import certificates, paths, previews
from queries.providers.saf.failures import Step, error_for_response, error_in_body
from queries.providers.saf.fields import (
    API_KEY,
    BASIC,
    BEARER,
    CONNECTION_FIELDS,
    LABEL,
    QUERY_FIELDS,
)
from queries.providers.saf.files import FORMATS, make_file
from queries.providers.saf.jobs import parse_job_id, parse_job_status, parse_jobs
from queries.providers.saf.logs import parse_log_lines
from queries.providers.saf.paging import PageReader
from queries.providers.saf.requests import (
    curl_command,
    find_problems,
    submit_body,
    timeline_params,
)
from queries.providers.saf.samples import SAMPLES
from queries.providers.saf.scalars import as_mapping, parse_json

_OWN_AUTHORITY = (
    "If the server's certificate comes from an authority of your own, paste that authority's certificate on the "
    "connection's page. Otherwise check the address."
)


class SearchAnywhere(Provider):
    """Events on the user's own server, queried in SAFL."""

    slug: ClassVar[str] = "saf"
    label: ClassVar[str] = LABEL
    capabilities: ClassVar[Capabilities] = Capabilities(
        background=True,
        cancel=True,
        cancel_all=True,
        delete=True,
        logs=True,
        list_jobs=True,
        random_access_paging=True,
        export_formats=FORMATS,
        preview=True,
    )
    connection_fields: ClassVar[tuple[Field, ...]] = CONNECTION_FIELDS
    query_fields: ClassVar[tuple[Field, ...]] = QUERY_FIELDS
    samples: ClassVar[tuple[Sample, ...]] = SAMPLES
    column_hints: ClassVar[Mapping[str, str]] = {
        "@timestamp": "timestamp",
        "severity": "severity",
    }
    statement_label: ClassVar[str] = "SAFL query"
    statement_language: ClassVar[str] = "text"
    allows_endpoint_path: ClassVar[bool] = True
    key_label: ClassVar[str] = "Password, token or API key"
    key_help: ClassVar[str] = "What goes with the way of signing in chosen above."

    @classmethod
    def endpoint(cls, options: Mapping[str, Any]) -> str:
        """Return the address as entered: each user runs a server of their own."""
        return str(options.get("address") or "").strip()

    @classmethod
    def authorization(cls, secret: Secret, options: Mapping[str, Any]) -> Authorization:
        """Sign in as the connection says.

        Assumption: the three ways of OpenSearch's security plugin; SAF's documents name none for the API.
        """
        how = options.get("auth") or BASIC
        if how == BEARER:
            return BearerAuthorization(secret)
        if how == API_KEY:
            return SchemeAuthorization("ApiKey", secret)
        return BasicAuthorization(str(options.get("user") or "").strip(), secret)

    @classmethod
    def option_problems(cls, options: Mapping[str, Any]) -> list[Problem]:
        """Find a user name that is missing and a certificate that is none."""
        found = []
        if (options.get("auth") or BASIC) == BASIC and not str(
            options.get("user") or ""
        ).strip():
            found.append(
                Problem("user", "Enter the user name that goes with the password.")
            )
        if problem := certificates.certificate_problem(
            str(options.get("ca_certificate") or "")
        ):
            found.append(Problem("ca_certificate", problem))
        return found

    @classmethod
    def trusted_certificates(cls, options: Mapping[str, Any]) -> str:
        """Return the authority that was pasted, as clean PEM; "" for the system's."""
        return certificates.normalize_pem(str(options.get("ca_certificate") or ""))

    @classmethod
    def validate(cls, spec: QuerySpec, mode: Mode) -> list[Problem]:
        """Find what the server would refuse for certain. Its language is its own to judge."""
        return list(find_problems(spec))

    @classmethod
    def curl(cls, spec: QuerySpec, mode: Mode, endpoint: str) -> str:
        """Return the same request as a shell command, with $SAF_USER and $SAF_API_KEY to sign in."""
        return curl_command(spec, endpoint)

    def test(self) -> TestResult:
        """List the tasks: cheap, needs no index, and shows whether SAF is there."""
        began = time.monotonic()
        try:
            found = len(self.list_jobs())
        except ProviderError as error:
            remedy = _OWN_AUTHORITY if error.code == "certificate" else error.remedy
            return TestResult.from_error(error, remedy=remedy)
        seconds = time.monotonic() - began
        tasks = {0: "no task", 1: "one task"}.get(found, f"{found:,} tasks")
        return TestResult(
            ok=True,
            message=f"The key works: the server answered in {seconds:.1f} s. It shows {tasks} of this user.",
        )

    def submit(self, spec: QuerySpec, idempotency_key: str) -> Submitted:
        """Start a task. The server takes no key of ours: a submit that may have been received could run twice."""
        answer = self._send(
            Step.SUBMIT, "POST", paths.submit_path(), body=submit_body(spec)
        )
        value = _plain_id(answer)
        self._refuse_errors(Step.SUBMIT, answer, value)
        job_id = parse_job_id(value)
        if not job_id:
            raise UnexpectedResponseError(
                "The server took the query but its answer has no id to ask for it.",
                request_id=answer.request_id,
                may_have_been_received=True,
            )
        return Submitted(job_id, raw=as_mapping(value))

    def status(self, job_id: str) -> JobStatus:
        """Ask how a task is doing. Raises NotFoundError for one that is unknown."""
        answer = self._send(Step.STATUS, "GET", paths.job_path("status", job_id))
        return parse_job_status(_value(answer), job_id)

    def list_jobs(self) -> list[RemoteJob]:
        """Return all tasks the user may see, newest first, also those started elsewhere."""
        answer = self._send(Step.LIST, "GET", paths.all_statuses_path())
        value = _value(answer)
        self._refuse_errors(Step.LIST, answer, value)
        return parse_jobs(value)

    def rows(self, job_id: str) -> RowStream:
        """Read the rows of a task, page by page, from the first one.

        Raises ConflictError before the task has ended, ResultsExpiredError when its result is gone.
        """
        path = self._full(paths.job_path("response", job_id))
        return PageReader(self.client, path).stream()

    def cancel(self, job_id: str) -> None:
        """Stop a task. Raises ConflictError for one that has ended: only unfinished ones can be stopped."""
        self._send(Step.BREAK, "POST", paths.job_path("break", job_id))

    def cancel_all(self) -> None:
        """Stop every active task of the user, wherever it was started."""
        self._send(Step.BREAK_ALL, "POST", paths.cancel_all_path())

    def delete(self, job_id: str) -> None:
        """Delete a task's result from the server's disk."""
        self._send(Step.DELETE, "DELETE", paths.job_path("delete", job_id))

    def logs(self, job_id: str) -> list[LogLine]:
        """Return the log of a task."""
        answer = self._send(Step.LOGS, "GET", paths.job_path("logs", job_id))
        if answer.headers.get("content-type", "").startswith("text/plain"):
            return parse_log_lines(answer.body.decode("utf-8", "replace").splitlines())
        value = _value(answer)
        self._refuse_errors(Step.LOGS, answer, value)
        return parse_log_lines(value)

    def make_file(self, job_id: str, options: FileOptions) -> FileStream:
        """Have the server make a file of a task's result, zipped if wanted, of all rows or the first ones."""
        if options.format not in FORMATS:
            raise self.unsupported(f"make {options.format} files")
        path = self._full(paths.job_path("file_download", job_id))
        return translate_network_errors(
            partial(make_file, self.client, path, options), body_begun=True
        )

    def preview(self, spec: QuerySpec) -> Preview:
        """Have a query read without running it, and its events counted over time where the server can.

        Raises LimitExceededError for a query too long for an address, which these calls carry it in.
        """
        answer = self._asked_beforehand("validate", {"query": spec.statement})
        if not previews.can_count(answer):
            return Preview(previews.NOT_COUNTED)
        params = timeline_params(spec)
        return previews.parse_event_counts(self._asked_beforehand("timeline", params))

    def _asked_beforehand(self, what: str, params: Mapping[str, str]) -> Any:
        step, path = Step.STATISTICS, f"{paths.STATS_ROOT}/{what}"
        previews.check_query_length(_query(params))
        answer = self._send(step, "GET", path, params=params)
        value = _value(answer)
        self._refuse_errors(step, answer, value)
        return value

    def _full(self, path: str) -> str:
        return paths.path_prefix(self.options) + path

    def _send(
        self,
        step: Step,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Response:
        answer = self.client.send(
            ApiCall(method, self._full(path), body, query=_query(params or {}))
        )
        if answer.is_error:
            raise error_for_response(step, answer)
        return answer

    def _refuse_errors(self, step: Step, answer: Response, value: object) -> None:
        error = as_mapping(value).get("error")
        if error is not None:
            raise error_in_body(step, answer, error)


def _query(params: Mapping[str, str]) -> str:
    # Spaces as %20: not every server takes a plus for one.
    return urlencode(params, quote_via=quote, safe="")


def _value(answer: Response) -> Any:
    try:
        return parse_json(answer.body)
    except ValueError:
        raise UnexpectedResponseError(
            "The answer is not JSON.",
            request_id=answer.request_id,
            may_have_been_received=True,
        ) from None


def _plain_id(answer: Response) -> Any:
    """Return a submit's answer. A bare id counts only where the answer says what it is."""
    kind = answer.headers.get("content-type", "")
    if kind.startswith("text/plain"):
        return answer.body.decode("utf-8", "replace").strip()
    value = _value(answer)
    return value if isinstance(value, dict) or "json" in kind else None
