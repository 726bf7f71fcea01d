"""The provider and the sandbox were written from the same documents; here they talk to each other."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import openpyxl
import pytest

from queries import time_ranges
from queries.providers.base import FileOptions, JobState, Provider, QuerySpec
from queries.providers.client import Policy
from queries.providers.errors import (
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QueryError,
    ResultsExpiredError,
    TruncatedStreamError,
)
from queries.providers.registry import create_provider
from queries.providers.saf import paging
from queries.providers.saf.provider import SearchAnywhere
from sandbox.config import (
    DEMO_KEY,
    INSTANT,
    LIMITED_KEY,
    OTHER_TENANT_KEY,
    SandboxConfig,
)
from sandbox.faults import Fault
from sandbox.running import Sandbox, running_sandbox
from sandbox.saf.faults import NAMED_FAULTS

ROWS = 6_500


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(SandboxConfig(count=ROWS, pace=INSTANT)) as running:
        yield running
        running.faults.clear()


@pytest.fixture
def provider(sandbox: Sandbox) -> Iterator[Provider]:
    sandbox.faults.clear()
    with opened(sandbox) as provider:
        yield provider
    sandbox.faults.clear()


def opened(sandbox: Sandbox, key: str = DEMO_KEY, **options: str) -> Provider:
    origin = sandbox.url
    given = {"address": origin, "auth": "bearer"} | options
    policy = Policy(upstream_hosts={origin.removeprefix("http://")})
    return create_provider("saf", key, given, origin=origin, policy=policy)


def spec(statement: str = "source numbers-*", **settings: object) -> QuerySpec:
    now = datetime.now(UTC)
    return QuerySpec(statement, settings, now - timedelta(days=2), now)


def finished(sandbox: Sandbox, provider: Provider, *args: str, **settings: object) -> str:  # fmt: skip
    job = provider.submit(spec(*args, **settings), "key").job_id
    sandbox.wait_until_idle()
    return job


def numbers(provider: Provider, job: str) -> list[int]:
    with provider.rows(job) as stream:
        return [row.values["n"] for row in stream]


@pytest.mark.parametrize("options", [{"auth": "bearer"}, {"auth": "apikey"}, {"auth": "basic", "user": "demo"}])  # fmt: skip
@pytest.mark.parametrize("path", ["", "/opensearch"])
def test_a_connection_is_tested_however_it_signs_in(sandbox, options, path):
    with opened(sandbox, **options, address=sandbox.url + path) as provider:
        assert provider.test().ok


def test_a_wrong_password_and_a_wrong_user_are_refused(sandbox):
    for key, user in (("wrong-password", "demo"), (DEMO_KEY, "anna")):
        with opened(sandbox, key, auth="basic", user=user) as provider:
            result = provider.test()
            assert result.error_code == "authentication"
            assert "Basic" in result.message


def test_a_task_runs_to_its_last_row(sandbox, provider):
    job = finished(sandbox, provider)
    status = provider.status(job)
    assert status.state is JobState.SUCCEEDED
    assert (status.total_rows, status.native) == (ROWS, "COMPLETED")
    assert status.submitted_at <= status.started_at <= status.ended_at
    assert numbers(provider, job) == list(range(ROWS))


def test_values_are_exact(sandbox, provider):
    job = finished(sandbox, provider, "source numbers-* qsize=1")
    with provider.rows(job) as stream:
        [row] = stream
    assert row.values["big"] == 9_007_199_254_740_993
    assert row.values["nested"] == {"a": {"b": 0}}
    assert b'"nothing":null' in row.original


def test_what_comes_beside_the_rows_arrives(sandbox, provider):
    job = finished(sandbox, provider, calculate_stats=True, execution_cost="DEBUG")
    with provider.rows(job) as stream:
        next(stream)
    assert sum(bucket["count"] for bucket in stream.extras["timeline"]) == ROWS
    sidebar = {field["name"]: field for field in stream.extras["sidebar"]["fields"]}
    assert sidebar["severity"]["distinct"] == 6
    assert stream.extras["execution_cost"]["commands"]
    assert stream.statistics["cost.rows"] == ROWS
    plain = finished(sandbox, provider)
    with provider.rows(plain) as stream:
        assert stream.extras == {}


def test_the_log_says_what_happened(sandbox, provider):
    lines = provider.logs(finished(sandbox, provider))
    assert "accepted" in lines[0].text
    assert "finished" in lines[-1].text
    assert all(line.at and line.level for line in lines)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("kind", ["json", "csv", "xlsx"])
@pytest.mark.parametrize("limit", [3, None])
def test_files_are_made_in_every_form(sandbox, provider, kind, zipped, limit):
    job = finished(sandbox, provider, "source numbers-* | head 12 | fields n, text")
    options = FileOptions(kind, "my file", limit, zipped)
    with provider.make_file(job, options) as file:
        body = b"".join(file)
    assert file.name == f"my file.{kind}" + (".zip" if zipped else "")
    if zipped:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            body = archive.read(f"my file.{kind}")
    assert [row[0] for row in read(kind, body)] == list(range(limit or 12))


def read(kind: str, body: bytes) -> list[tuple]:
    if kind == "json":
        return [(row["n"], row["text"]) for row in json.loads(body)]
    if kind == "csv":
        return [(int(n), text) for n, text in list(csv.reader(io.StringIO(body.decode())))[1:]]  # fmt: skip
    book = openpyxl.load_workbook(io.BytesIO(body))
    return list(book.active.iter_rows(min_row=2, values_only=True))


def test_a_deleted_result_is_gone(sandbox, provider):
    job = finished(sandbox, provider)
    provider.delete(job)
    for call in (lambda: provider.rows(job), lambda: provider.make_file(job, FileOptions("csv", "x"))):  # fmt: skip
        with pytest.raises(ResultsExpiredError):
            call()
    with pytest.raises(NotFoundError):
        provider.delete(job)


def test_a_finished_task_cannot_be_cancelled(sandbox, provider):
    with pytest.raises(ConflictError, match="not active"):
        provider.cancel(finished(sandbox, provider))


def test_active_tasks_are_cancelled_one_by_one_and_all_at_once():
    with running_sandbox(SandboxConfig(count=10)) as sandbox, opened(sandbox) as provider:  # fmt: skip
        jobs = [provider.submit(spec(), "key").job_id for _ in range(3)]
        assert provider.status(jobs[0]).state is JobState.WAITING
        with pytest.raises(ConflictError):
            provider.rows(jobs[0])
        provider.cancel(jobs[0])
        with opened(sandbox, OTHER_TENANT_KEY) as stranger:
            stranger.cancel_all()
        provider.cancel_all()
        asked = [job.cancel_asked_at for job in sandbox.jobs]
        assert len(asked) == 3
        assert all(asked)


def test_strangers_see_nothing(sandbox, provider):
    job = finished(sandbox, provider)
    assert job in [found.job_id for found in provider.list_jobs()]
    with opened(sandbox, OTHER_TENANT_KEY) as stranger:
        assert stranger.list_jobs() == []
        for call in (stranger.status, stranger.logs, stranger.cancel, stranger.delete):
            with pytest.raises(NotFoundError):
                call(job)
        with pytest.raises(ResultsExpiredError):
            stranger.rows(job)


@pytest.mark.parametrize(
    ("key", "call", "kind"),
    [
        ("no-such-key", lambda p: p.submit(spec(), "k"), AuthenticationError),
        (LIMITED_KEY, lambda p: p.submit(spec(), "k"), PermissionDeniedError),
        (DEMO_KEY, lambda p: p.submit(spec("source a | joyn b"), "k"), QueryError),
        (DEMO_KEY, lambda p: p.submit(spec(time_field="when"), "k"), QueryError),
        (DEMO_KEY, lambda p: p.status("no-such-job"), NotFoundError),
        (DEMO_KEY, lambda p: p.rows("no-such-job"), ResultsExpiredError),
        (DEMO_KEY, lambda p: p.cancel("no-such-job"), NotFoundError),
    ],
    ids=["key", "permission", "statement", "field", "status", "rows", "cancel"],
)
def test_refusals_are_understood(sandbox, key, call, kind):
    with opened(sandbox, key) as provider, pytest.raises(kind):
        call(provider)


def test_an_index_that_is_not_there_fails_the_task(sandbox, provider):
    status = provider.status(finished(sandbox, provider, "source nosuch"))
    assert status.state is JobState.FAILED
    assert status.error.provider_code == "index_not_found_exception"
    assert "nosuch" in str(status.error)


def test_date_math_is_understood(sandbox, provider):
    math = {"time_source": "date_math", "start_math": "now-1d", "end_math": "now"}
    assert len(numbers(provider, finished(sandbox, provider, **math))) == ROWS
    past = math | {"end_math": "now-1d/d"}
    assert numbers(provider, finished(sandbox, provider, **past)) == []


def test_a_query_is_checked_and_counted_before_it_runs(sandbox, provider):
    jobs = len(sandbox.jobs)
    told = provider.preview(spec("source numbers-* | search even=true"))
    assert f"looks at {ROWS // 2:,} events" in told.message
    assert sum(bucket["count"] for bucket in told.extras["timeline"]) == ROWS // 2
    told = provider.preview(spec("source numbers-one, numbers-two"))
    assert "cannot count" in told.message
    assert not told.extras
    with pytest.raises(QueryError, match="line 1:1"):
        provider.preview(spec("sauce numbers-*"))
    assert len(sandbox.jobs) == jobs


def test_a_query_of_the_longest_kind_that_is_checked_arrives(provider):
    words = "source numbers-* | search a=" + "b" * 3_600
    assert "finds no events" in provider.preview(spec(words)).message


@pytest.mark.parametrize("name", ["saf-id-as-text", "saf-id-as-number"])
def test_odd_ids_are_read(sandbox, provider, name):
    sandbox.faults.add(NAMED_FAULTS[name])
    assert provider.submit(spec(), "key").job_id == "12345"


@pytest.mark.parametrize("name", ["saf-rows-as-hits", "saf-rows-as-lists"])
def test_odd_rows_are_read(sandbox, provider, name):
    sandbox.faults.add(NAMED_FAULTS[name])
    assert numbers(provider, "12345") == [0]


@pytest.mark.parametrize("name", sorted(NAMED_FAULTS))
def test_no_oddity_gets_past_our_errors(sandbox, provider, name):
    sandbox.faults.add(msgspec.structs.replace(NAMED_FAULTS[name], times=None))
    for call in (
        lambda: provider.submit(spec(), "key"),
        lambda: provider.status("12345"),
        lambda: numbers(provider, "12345"),
        lambda: provider.logs("12345"),
        provider.list_jobs,
    ):
        with suppress(ProviderError):
            call()


@pytest.mark.parametrize(("name", "state"), [("failed", JobState.FAILED), ("timed-out", JobState.FAILED), ("cancelled", JobState.CANCELLED)])  # fmt: skip
def test_every_end_of_a_task_is_known(sandbox, provider, name, state):
    sandbox.faults.add(NAMED_FAULTS[f"saf-ends-{name}"])
    assert provider.status(finished(sandbox, provider)).state is state


def test_a_page_that_breaks_off_is_read_again(sandbox, provider, monkeypatch):
    monkeypatch.setattr(paging, "RETRY_DELAYS", (0.0, 0.0))
    job = finished(sandbox, provider)
    broken = Fault(kind="truncate", operation="saf-response", after=1, skip=1, times=2)
    sandbox.faults.add(broken)
    assert numbers(provider, job) == list(range(ROWS))
    sandbox.faults.add(Fault(kind="truncate", operation="saf-response", times=None))
    with pytest.raises(TruncatedStreamError):
        numbers(provider, job)


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    with running_sandbox(SandboxConfig(demo_rows=30_000, pace=INSTANT)) as running:
        running.wait_until_idle()
        yield running


@pytest.mark.parametrize("sample", SearchAnywhere.samples, ids=lambda sample: sample.title)  # fmt: skip
def test_the_samples_find_something_in_the_shop(shop, sample):
    chosen = time_ranges.resolve("last-7d", now=datetime.now(UTC))
    query = QuerySpec(sample.statement, sample.settings, chosen.start, chosen.end)
    with opened(shop) as provider:
        job = provider.submit(query, "key").job_id
        shop.wait_until_idle()
        with provider.rows(job) as stream:
            assert len(list(stream)) > 3


def test_tasks_that_were_started_elsewhere_can_be_found_and_read(shop):
    with opened(shop) as provider:
        elsewhere = [job for job in provider.list_jobs() if job.job_id.startswith("ZWxz")]  # fmt: skip
        assert len(elsewhere) == 2
        assert elsewhere[0].status.submitted_at > elsewhere[1].status.submitted_at
        for job in elsewhere:
            assert job.statement.startswith("source ")
            assert job.owner == "demo"
            assert job.status.ended_at - job.status.submitted_at < timedelta(minutes=1)
            with provider.rows(job.job_id) as stream:
                assert list(stream)
    with opened(shop, OTHER_TENANT_KEY) as stranger:
        assert stranger.list_jobs() == []


@pytest.mark.slow
def test_a_hundred_thousand_rows_come_once_each_and_in_order():
    with running_sandbox(SandboxConfig(count=100_000, pace=INSTANT)) as sandbox, opened(sandbox) as provider:  # fmt: skip
        job = provider.submit(replace(spec(), settings={"calculate_stats": True}), "key").job_id  # fmt: skip
        sandbox.wait_until_idle(60)
        assert numbers(provider, job) == list(range(100_000))
