"""The provider and the sandbox were written from the same documents; here they talk to each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from queries.providers.base import JobState, QuerySpec, Row
from queries.providers.client import Client, Policy
from queries.providers.credentials import Secret
from queries.providers.errors import (
    AddressRefusedError,
    AuthenticationError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    RateLimitError,
    ResultsExpiredError,
)
from queries.providers.polytomic.provider import Polytomic
from sandbox.clock import ManualClock
from sandbox.config import (
    DEMO_KEY,
    INSTANT,
    LIMITED_KEY,
    OTHER_TENANT_KEY,
    Pace,
    SandboxConfig,
)
from sandbox.faults import Fault
from sandbox.polytomic.config import PolytomicConfig
from sandbox.polytomic.faults import NAMED_FAULTS
from sandbox.polytomic.people import (
    COLLEAGUE_KEY,
    CRM,
    EMPTY_KEY,
    LAKE,
    OLD_REPORTS,
    ORGANISATION_KEY,
    ORGANISATION_USER,
    PARTNER_KEY,
    WAREHOUSE,
)
from sandbox.running import Sandbox, running_sandbox

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
SMALL = PolytomicConfig(orders=200, page_rows=100)


def started(polytomic: PolytomicConfig = SMALL, pace: Pace = INSTANT, **more: object):
    return running_sandbox(
        SandboxConfig(count=1, polytomic=polytomic, pace=pace, **more)
    )


@pytest.fixture(scope="module")
def shop() -> Iterator[Sandbox]:
    with started() as running:
        yield running


@pytest.fixture
def sandbox(shop: Sandbox) -> Iterator[Sandbox]:
    shop.faults.clear()
    yield shop
    shop.faults.clear()


@contextmanager
def opened(
    sandbox: Sandbox, key: str = DEMO_KEY, **options: object
) -> Iterator[Polytomic]:
    policy = Policy(upstream_hosts={sandbox.url.removeprefix("http://")})
    authorization = Polytomic.authorization(Secret(key), options)
    with Polytomic(Client(sandbox.url, authorization, policy), options) as provider:
        yield provider


def spec(statement: str, connection: str = WAREHOUSE) -> QuerySpec:
    made = QuerySpec(statement, {"connection_id": connection})
    assert Polytomic.validate(made, "background") == []
    return made


def submitted(
    sandbox: Sandbox, provider: Polytomic, statement: str, **more: str
) -> str:
    job = provider.submit(spec(statement, **more), f"run-{statement}").job_id
    sandbox.wait_until_idle()
    return job


def rows_of(provider: Polytomic, job: str) -> list[Row]:
    with provider.rows(job) as stream:
        return list(stream)


@pytest.mark.parametrize("links", ["relative", "absolute"])
def test_a_hundred_thousand_rows_come_through_the_pages_none_lost_or_doubled(links):
    config = PolytomicConfig(orders=10, page_rows=997, links=links)
    with started(config) as sandbox, opened(sandbox) as provider:
        job = submitted(sandbox, provider, "SELECT * FROM numbers(100000)")
        status = provider.status(job)
        assert status.total_rows == 100_000
        with provider.rows(job) as stream:
            for place, row in enumerate(stream):
                assert row.values["n"] == place
                assert row.values["big"] == 9_007_199_254_740_993 + place
        assert place == 99_999
        assert stream.statistics["pages"] == 101
        assert stream.warnings == []
        assert stream.expires_at == status.expires_at


@pytest.mark.slow
def test_a_million_rows_come_through_the_pages_none_lost_or_doubled():
    with started(PolytomicConfig(orders=10)) as sandbox, opened(sandbox) as provider:
        job = submitted(sandbox, provider, "SELECT n FROM numbers(1000000)")
        with provider.rows(job) as stream:
            assert all(row.values["n"] == n for n, row in enumerate(stream))
            assert stream.statistics["pages"] == 200


def test_pages_that_break_on_the_way_cost_no_row(sandbox, pauses):
    with opened(sandbox) as provider:
        job = submitted(sandbox, provider, "SELECT n FROM numbers(1000)")
        troubles = (
            Fault(kind="cut", skip=2, operation="polytomic-result"),
            Fault(kind="reply", status=503, skip=4, operation="polytomic-result"),
            Fault(kind="truncate", skip=6, operation="polytomic-result"),
            Fault(
                kind="cut", handled=True, skip=8, times=2, operation="polytomic-result"
            ),
        )
        sandbox.faults.add(*troubles)
        assert [row.values["n"] for row in rows_of(provider, job)] == list(range(1_000))
    assert len(pauses) == 5


def test_a_query_is_watched_from_its_submit_to_its_rows():
    clock = ManualClock(NOW)
    with (
        started(pace=Pace(5, 10, 0), clock=clock) as sandbox,
        opened(sandbox) as provider,
    ):
        job = submitted(
            sandbox,
            provider,
            "SELECT status, count(*) AS n FROM orders GROUP BY 1 ORDER BY 1",
        )
        assert provider.status(job).state is JobState.WAITING
        with pytest.raises(ConflictError):
            provider.rows(job)
        clock.advance(5)
        status = provider.status(job)
        assert (status.state, status.total_rows, status.expires_at) == (
            JobState.RUNNING,
            None,
            None,
        )
        clock.advance(10)
        status = provider.status(job)
        assert status.state is JobState.SUCCEEDED
        assert status.expires_at == NOW + timedelta(seconds=15, hours=24)
        assert status.statistics == {"api_version": "2025-09-18"}
        rows = rows_of(provider, job)
        assert len(rows) == status.total_rows
        assert list(rows[0].values) == ["status", "n"]
        clock.advance(24 * 3600)
        with pytest.raises(NotFoundError, match="results expire"):
            provider.status(job)
        with pytest.raises(ResultsExpiredError):
            provider.rows(job)


def test_a_result_that_expires_while_it_is_read_keeps_the_rows_received():
    clock = ManualClock(NOW)
    with started(clock=clock) as sandbox, opened(sandbox) as provider:
        job = submitted(sandbox, provider, "SELECT n FROM numbers(250)")
        found = []

        def slowly(stream):
            for row in stream:
                found.append(row.values["n"])
                clock.advance(2 * 3600)

        with provider.rows(job) as stream, pytest.raises(ResultsExpiredError):
            slowly(stream)
        assert found == list(range(100))


def test_a_lost_result_and_one_that_expired_as_unknown_are_ends():
    clock = ManualClock(NOW)
    config = replace(SMALL, expired_as="unknown")
    with started(config, clock=clock) as sandbox, opened(sandbox) as provider:
        sandbox.faults.add(NAMED_FAULTS["polytomic-lost"])
        lost = provider.status(submitted(sandbox, provider, "SELECT 1"))
        assert (lost.state, lost.error.code) == (JobState.FAILED, "lost")
        job = submitted(sandbox, provider, "SELECT 2")
        clock.advance(24 * 3600)
        assert provider.status(job).error.code == "lost"


@pytest.mark.parametrize("options", [{}, {"query_in_body": True}])
def test_the_query_arrives_whole_either_way(sandbox, options):
    text = "'größe' || ' & + % # ? \" \\ 🔥' || '\n'"
    with opened(sandbox, **options) as provider:
        job = submitted(sandbox, provider, f"SELECT {text} AS v /* {options} */")
        assert rows_of(provider, job)[0].values == {"v": 'größe & + % # ? " \\ 🔥\n'}
        padded = f"SELECT 7 AS v -- {options} {'x' * 5_000}"
        assert rows_of(provider, submitted(sandbox, provider, padded))[0].values == {
            "v": 7
        }
    assert "query=" not in sandbox.requests[-2].query


def test_a_repeated_submit_is_the_same_query(sandbox):
    sandbox.faults.add(Fault(kind="cut", handled=True, operation="polytomic-query"))
    with opened(sandbox) as provider:
        with pytest.raises(ProviderError) as lost:
            provider.submit(spec("SELECT 'repeated' AS v"), "run-repeated")
        assert lost.value.retryable
        assert lost.value.may_have_been_received
        first = provider.submit(spec("SELECT 'repeated' AS v"), "run-repeated").job_id
        second = provider.submit(spec("SELECT 'repeated' AS v"), "run-repeated").job_id
        other = provider.submit(spec("SELECT 'repeated' AS v"), "run-other").job_id
    assert first == second != other


def test_a_submit_in_flight_is_tried_again_later(sandbox):
    sandbox.faults.add(NAMED_FAULTS["polytomic-in-flight"])
    with opened(sandbox) as provider:
        with pytest.raises(ConflictError) as conflict:
            provider.submit(spec("SELECT 1"), "run-in-flight")
        assert conflict.value.retryable
        assert conflict.value.retry_after >= 30
        assert conflict.value.provider_code == "idempotency_conflict"
        assert provider.submit(spec("SELECT 1"), "run-in-flight").job_id


def test_every_kind_of_key_is_told_apart(sandbox):
    def said(key, **options):
        with opened(sandbox, key, **options) as provider:
            return provider.test()

    assert "demo@shop.example of Sandbox Shop" in said(DEMO_KEY).message
    assert "1 connection only" in said(LIMITED_KEY).message
    organisation = {"auth_kind": "basic", "user_name": ORGANISATION_USER}
    assert (
        "organisation key of Sandbox Shop"
        in said(ORGANISATION_KEY, **organisation).message
    )
    assert said(PARTNER_KEY).error_code == "permission_denied"
    assert said("nobody").error_code == "authentication"
    assert said(ORGANISATION_KEY).error_code == "authentication"
    assert said(DEMO_KEY, **organisation).error_code == "authentication"


def test_connections_are_picked_from_by_what_the_key_may_do(sandbox):
    def choices(key):
        with opened(sandbox, key) as provider:
            return {
                c.value: (c.enabled, c.note) for c in provider.catalog("connection")
            }

    found = choices(DEMO_KEY)
    assert found[WAREHOUSE] == found[LAKE] == (True, "")
    assert found[OLD_REPORTS][0] is False
    assert found[OLD_REPORTS][1].startswith("unhealthy: could not connect")
    assert found[CRM][1].startswith("rate-limited now, until ")
    assert set(choices(LIMITED_KEY)) == {WAREHOUSE}
    assert choices(EMPTY_KEY) == {}


@pytest.mark.parametrize(
    ("key", "connection", "kind"),
    [
        ("nobody", WAREHOUSE, AuthenticationError),
        (LIMITED_KEY, LAKE, PermissionDeniedError),
        (PARTNER_KEY, WAREHOUSE, PermissionDeniedError),
        (OTHER_TENANT_KEY, WAREHOUSE, NotFoundError),
        (DEMO_KEY, CRM, RateLimitError),
    ],
)
def test_refusals_are_understood(sandbox, key, connection, kind):
    with opened(sandbox, key) as provider, pytest.raises(kind) as refused:
        provider.submit(spec("SELECT 1", connection), f"run-{key}")
    assert refused.value.provider_code
    assert refused.value.retry_after == (90 if kind is RateLimitError else None)


def test_somebody_elses_key_does_not_see_what_came_of_a_query(sandbox):
    with opened(sandbox) as provider:
        job = submitted(sandbox, provider, "SELECT 'mine' AS v")
    with opened(sandbox, COLLEAGUE_KEY) as colleague:
        with pytest.raises(NotFoundError, match="Only the key that started"):
            colleague.status(job)
        with pytest.raises(ResultsExpiredError, match="only the key that started"):
            colleague.rows(job)


@pytest.mark.parametrize(
    ("statement", "connection", "says"),
    [
        ("SELECT * FROM order", WAREHOUSE, "Syntax error"),
        ("SELECT * FROM nowhere", WAREHOUSE, "There is no table nowhere"),
        ("SELECT 1", OLD_REPORTS, "password authentication failed"),
    ],
)
def test_a_query_that_fails_says_why(sandbox, statement, connection, says):
    with opened(sandbox) as provider:
        status = provider.status(
            submitted(
                sandbox, provider, f"{statement} -- {says}", connection=connection
            )
        )
    assert status.state is JobState.FAILED
    assert says in str(status.error)


def test_oddities_end_in_words(sandbox):
    with opened(sandbox) as provider:
        job = submitted(sandbox, provider, "SELECT n FROM numbers(150)")
        sandbox.faults.add(NAMED_FAULTS["polytomic-strange-state"])
        assert provider.status(job).state is JobState.UNKNOWN
        sandbox.faults.add(NAMED_FAULTS["polytomic-elsewhere"])
        with provider.rows(job) as stream, pytest.raises(AddressRefusedError):
            list(stream)
        sandbox.faults.add(
            Fault(
                kind="outcome", outcome="loop", times=None, operation="polytomic-result"
            )
        )
        with provider.rows(job) as stream, pytest.raises(ProviderError) as looped:
            list(stream)
        assert looped.value.code == "paging_loop"
        sandbox.faults.clear()
        sandbox.faults.add(NAMED_FAULTS["polytomic-no-rows"])
        with provider.rows(job) as stream:
            assert [row.values["n"] for row in stream] == list(range(100, 150))
        assert [w.code for w in stream.warnings] == ["row_count"]


def test_every_sample_works(sandbox):
    with opened(sandbox) as provider:
        for sample in Polytomic.samples:
            rows = rows_of(provider, submitted(sandbox, provider, sample.statement))
            assert rows, sample.title
