"""The provider and the sandbox were written from the same documents; here they talk to each other."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from queries.providers.base import (
    ContinuedInBackgroundError,
    JobState,
    Provider,
    QuerySpec,
)
from queries.providers.client import Policy
from queries.providers.errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    QueryError,
    RateLimitError,
    ResultsExpiredError,
    UnavailableError,
)
from queries.providers.registry import create_provider
from queries.providers.supermetrics.samples import SAMPLES
from sandbox.config import (
    DEMO_KEY,
    INSTANT,
    LIMITED_KEY,
    OTHER_TENANT_KEY,
    SandboxConfig,
)
from sandbox.running import Sandbox, running_sandbox
from sandbox.supermetrics.faults import NAMED_FAULTS
from sandbox.supermetrics.options import SupermetricsOptions


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(SandboxConfig(count=10, pace=INSTANT)) as running:
        yield running


def opened(
    sandbox: Sandbox, key: str = DEMO_KEY, base: str = "/enterprise/v2"
) -> Provider:
    origin = sandbox.url
    policy = Policy(upstream_hosts={origin.removeprefix("http://")})
    options = {"base_url": origin + base, "team_id": "1"}
    return create_provider("supermetrics", key, options, origin=origin, policy=policy)


def numbers(count: int, **more: object) -> QuerySpec:
    query = {"ds_id": "NUM", "ds_accounts": str(count), "fields": "n,text,big", **more}
    return QuerySpec(json.dumps(query), {"input": "json"})


def ended(provider: Provider, job_id: str) -> JobState:
    while not (state := provider.status(job_id).state).is_final:
        time.sleep(0.05)
    return state


@pytest.mark.parametrize("base", ["/enterprise/v2", "/v2", ""])
def test_a_connection_is_tested(sandbox, base):
    with opened(sandbox, base=base) as provider:
        assert provider.test().ok
        assert provider.rate_figures.limit == 5_000
    with opened(sandbox, "no-such-key") as provider:
        assert provider.test().error_code == "authentication"


def test_a_direct_query_gives_all_its_rows(sandbox):
    with opened(sandbox) as provider, provider.run(numbers(10_000)) as stream:
        rows = list(stream)
    assert [row.values["Number"] for row in rows] == list(range(10_000))
    assert rows[3].values["Beyond 2^53"] == 9007199254740996
    assert stream.extras["columns"][1]["field_id"] == "text"
    assert stream.expires_at


@pytest.mark.parametrize("header_counts", [False, True])
@pytest.mark.parametrize(
    "more", [{}, {"settings": {"no_headers": False}}], ids=["bare", "header"]
)
def test_a_hundred_thousand_rows_come_once_each(header_counts, more):
    options = SupermetricsOptions(header_counts=header_counts)
    config = SandboxConfig(count=10, pace=INSTANT, supermetrics=options)
    with running_sandbox(config) as own, opened(own) as provider:
        job = provider.submit(numbers(100_000, **more), "our-key").job_id
        assert job == "our-key"
        assert ended(provider, job) is JobState.SUCCEEDED
        assert provider.status(job).total_rows == 100_000
        with provider.rows(job) as stream:
            found = [row.values["Number"] for row in stream]
        assert found == list(range(100_000))
        assert stream.warnings == []
        assert provider.rate_figures.limit == 5_000


@pytest.mark.slow
def test_a_million_rows_come_once_each(sandbox):
    with opened(sandbox) as provider:
        job = provider.submit(numbers(1_000_000), "million").job_id
        assert ended(provider, job) is JobState.SUCCEEDED
        with provider.rows(job) as stream:
            assert all(row.values["Number"] == n for n, row in enumerate(stream))
        assert stream.statistics["total_rows"] == 1_000_000
        assert [warning.code for warning in stream.warnings] == ["row_limit"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.title)
def test_the_samples_have_rows(sandbox, sample):
    spec = QuerySpec(sample.statement, sample.settings)
    with opened(sandbox) as provider, provider.run(spec) as stream:
        rows = list(stream)
    assert len(rows) > 3
    assert not [w for w in stream.warnings if w.cuts_result]


def test_columns_made_of_values_have_their_names(sandbox):
    spec = QuerySpec("", SAMPLES[2].settings)
    with opened(sandbox) as provider, provider.run(spec) as stream:
        row = next(stream)
    assert list(row.values)[:3] == [
        "Year & month",
        "Desktop Impressions",
        "Desktop Clicks",
    ]


def test_a_query_that_takes_its_time_goes_on_in_the_background(sandbox):
    spec = QuerySpec(
        numbers(10, settings={"sandbox_seconds": 2}).statement,
        {"input": "json", "sync_timeout": 1},
    )
    with opened(sandbox) as provider:
        with pytest.raises(ContinuedInBackgroundError) as handed:
            provider.run(spec)
        job = handed.value.job_id
        assert provider.status(job).progress
        assert ended(provider, job) is JobState.SUCCEEDED
        with provider.rows(job) as stream:
            assert len(list(stream)) == 10


def test_a_submit_that_is_repeated_is_the_same_query(sandbox):
    with opened(sandbox) as provider:
        jobs = {provider.submit(numbers(10), "again").job_id for _ in range(3)}
    assert jobs == {"again"}


def test_lists_can_be_picked_from(sandbox):
    with opened(sandbox) as provider:
        sources = [choice.value for choice in provider.catalog("data_source")]
        assert "AW" in sources
        for kind in ("login", "account", "field"):
            assert all(provider.catalog(kind, source) for source in sources)
        assert provider.catalog("segment", "GAWA")[0].label == "Mobile traffic"
        assert provider.catalog("report_type", "AW")[0].value == "AdPerformance"
    with opened(sandbox, LIMITED_KEY) as provider, pytest.raises(PermissionDeniedError):
        provider.catalog("account", "AW")


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("supermetrics-failure", JobState.FAILED),
        ("supermetrics-failure-as-error", JobState.FAILED),
        ("supermetrics-process-exited", JobState.FAILED),
        ("supermetrics-stopped", JobState.CANCELLED),
        ("supermetrics-unknown-state", JobState.UNKNOWN),
    ],
)
def test_every_ending_is_understood(sandbox, name, state):
    sandbox.faults.add(NAMED_FAULTS[name])
    with opened(sandbox) as provider:
        job = provider.submit(numbers(10, filter=f"n < {len(name)}"), name).job_id
        assert provider.status(job).state is state


@pytest.mark.parametrize(
    ("key", "call", "kind"),
    [
        ("no-such-key", lambda p: p.run(numbers(10)), AuthenticationError),
        (DEMO_KEY, lambda p: p.run(numbers(10, filter="nope == 1")), QueryError),
        (DEMO_KEY, lambda p: p.submit(numbers(10, fields="nope"), "k"), QueryError),
        (DEMO_KEY, lambda p: p.run(numbers(10, compare_type="prev_year")), QueryError),
        (DEMO_KEY, lambda p: p.run(numbers(10, ds_id="XX")), PermissionDeniedError),
        (DEMO_KEY, lambda p: p.status("no-such-job"), NotFoundError),
        (DEMO_KEY, lambda p: p.rows("no-such-job"), ResultsExpiredError),
        (OTHER_TENANT_KEY, lambda p: p.status("again"), NotFoundError),
    ],
    ids=["key", "filter", "field", "compare", "source", "status", "rows", "other-key"],
)
def test_refusals_are_understood(sandbox, key, call, kind):
    with opened(sandbox, key) as provider, pytest.raises(kind):
        call(provider)


@pytest.mark.parametrize(
    ("name", "kind", "wait"),
    [
        ("supermetrics-rate-limited", RateLimitError, 1.0),
        ("supermetrics-trouble", UnavailableError, None),
        ("supermetrics-problem-details", QueryError, None),
        ("supermetrics-status-not-found", NotFoundError, None),
    ],
)
def test_trouble_with_a_question_is_understood_and_the_next_one_is_answered(
    sandbox, name, kind, wait
):
    with opened(sandbox) as provider:
        provider.submit(numbers(10), "asked-about")
        sandbox.faults.add(NAMED_FAULTS[name])
        with pytest.raises(kind) as failed:
            provider.status("asked-about")
        assert failed.value.retry_after == wait
        assert ended(provider, "asked-about") is JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("supermetrics-daily-limit", "daily_limit"),
        ("supermetrics-error-in-200", "query"),
    ],
)
def test_a_query_refused_for_good_is_not_to_be_tried_again(sandbox, name, code):
    sandbox.faults.add(NAMED_FAULTS[name])
    with opened(sandbox) as provider, pytest.raises(QueryError) as failed:
        provider.submit(numbers(10), name)
    assert failed.value.code == code
    assert not failed.value.retryable


def test_an_hour_after_its_end_a_result_is_gone_and_said_to_be():
    options = SupermetricsOptions(retention=timedelta(0))
    config = SandboxConfig(count=10, pace=INSTANT, supermetrics=options)
    with running_sandbox(config) as own, opened(own) as provider:
        job = provider.submit(numbers(10), "soon-gone").job_id
        with pytest.raises(NotFoundError, match="more than an hour ago"):
            asked_until_it_fails(provider, job)
        with pytest.raises(ResultsExpiredError, match="no longer has this result"):
            provider.rows(job)


def asked_until_it_fails(provider: Provider, job_id: str) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        provider.status(job_id)
        time.sleep(0.01)
