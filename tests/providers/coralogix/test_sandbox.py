"""The provider and the sandbox were written from the same documents; here they talk to each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from queries.providers.base import JobState, Provider, QuerySpec
from queries.providers.client import Policy
from queries.providers.errors import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    QueryError,
    ResultsExpiredError,
)
from queries.providers.registry import create_provider
from sandbox.config import DEMO_KEY, INSTANT, LIMITED_KEY, SandboxConfig
from sandbox.running import Sandbox, running_sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(SandboxConfig(count=2_500, pace=INSTANT)) as running:
        yield running


def opened(sandbox: Sandbox, key: str = DEMO_KEY) -> Provider:
    origin = sandbox.url.rstrip("/")
    policy = Policy(upstream_hosts={origin.removeprefix("http://")})
    return create_provider(
        "coralogix",
        key,
        {"region": "custom", "endpoint": origin},
        origin=origin,
        policy=policy,
    )


def spec(statement: str, **more: object) -> QuerySpec:
    now = datetime.now(UTC)
    return QuerySpec(statement, more, now - timedelta(days=7), now)


def test_a_connection_is_tested(sandbox):
    with opened(sandbox) as provider:
        assert provider.test().ok
    with opened(sandbox, "no-such-key") as provider:
        assert provider.test().error_code == "authentication"


def test_a_direct_query_gives_rows_and_is_marked_where_it_was_cut(sandbox):
    with (
        opened(sandbox) as provider,
        provider.run(spec("source logs", tier="TIER_ARCHIVE")) as stream,
    ):
        rows = list(stream)
    assert len(rows) == 2_000
    assert stream.query_id
    assert [w.code for w in stream.warnings] == ["numberOfResultsLimitWarning"]
    assert stream.statistics["output_row_count"] == 2_000
    assert rows[0].values["$m"]["timestamp"]


def test_a_background_query_runs_to_its_last_row(sandbox):
    with opened(sandbox) as provider:
        job = provider.submit(spec("source logs"), "our-key").job_id
        sandbox.wait_until_idle()
        status = provider.status(job)
        assert status.state is JobState.SUCCEEDED
        assert status.statistics["bytes_scanned"] > 0
        assert status.submitted_at
        with provider.rows(job) as stream:
            assert sum(1 for _ in stream) == 2_500
        provider.cancel(job)


@pytest.mark.parametrize(
    ("key", "call", "kind"),
    [
        ("no-such-key", lambda p: p.run(spec("source logs")), AuthenticationError),
        (
            LIMITED_KEY,
            lambda p: p.submit(spec("source logs"), "k"),
            PermissionDeniedError,
        ),
        (DEMO_KEY, lambda p: p.run(spec("source logs | frobnicate")), QueryError),
        (DEMO_KEY, lambda p: p.status("no-such-job"), NotFoundError),
        (DEMO_KEY, lambda p: p.rows("no-such-job"), ResultsExpiredError),
        (DEMO_KEY, lambda p: p.cancel("no-such-job"), NotFoundError),
    ],
    ids=["key", "permission", "statement", "status", "rows", "cancel"],
)
def test_refusals_are_understood(sandbox, key, call, kind):
    with opened(sandbox, key) as provider, pytest.raises(kind):
        call(provider)
