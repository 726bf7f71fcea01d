"""The pool under background queries: stopping, failing, resuming."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from dataprime import Compiled
from sandbox.clock import ManualClock
from sandbox.config import INSTANT, Limits, SandboxConfig
from sandbox.engine import Engine, Tier
from sandbox.jobs import Job, JobStore
from sandbox.runner import JobRunner
from tests.sandbox.conftest import NOW, open_sandbox

ENDLESS = "SELECT count(*)::VARCHAR AS metadata, '' AS labels, '' AS user_data FROM range(10000000000) AS a, range(1000) AS b"
SHORT = "SELECT '{}' AS metadata, '{}' AS labels, '{}' AS user_data FROM range(3)"


@pytest.fixture
def engine(tmp_path):
    engine = Engine(SandboxConfig(count=1, clock=ManualClock(NOW)), tmp_path)
    yield engine
    engine.close()


@pytest.fixture
def store(tmp_path):
    store = JobStore(tmp_path / "jobs.sqlite3")
    yield store
    store.close()


@pytest.fixture
def runner(store, tmp_path):
    runner = JobRunner(store, tmp_path / "jobs", Limits(), lambda: NOW)
    yield runner
    runner.stop()


def job(store: JobStore, name: str = "a") -> Job:
    made = Job(name, "demo", "test", b"{}", b"[]", NOW, INSTANT)
    store.add(made)
    return made


def executing(engine: Engine, sql: str):
    compiled = Compiled(sql, (), None, (), "logs", NOW - timedelta(days=1), NOW, False)
    return lambda _: engine.prepare(compiled, Tier.ARCHIVE, 100)


def until(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_cancelled_query_stops_executing_and_has_no_outcome(engine, store, runner):
    runner.start(job(store), executing(engine, ENDLESS))
    until(lambda: "a" in runner._executions)
    runner.cancel("a")
    until(lambda: not runner._futures)
    assert store.get("a").outcome is None


def test_a_query_cancelled_before_its_turn_is_never_executed(engine, store, runner):
    for name in "abc":
        runner.start(job(store, name), executing(engine, ENDLESS))
    until(lambda: len(runner._executions) == 2)
    [waiting] = set("abc") - set(runner._executions)
    future = runner._futures[waiting]
    runner.cancel(waiting)
    assert future.cancelled()
    for name in "abc":
        runner.cancel(name)
    until(lambda: not runner._executions)


def test_cancelling_what_is_not_there_does_nothing(runner):
    runner.cancel("nobody")
    runner.wait("nobody", 5)


def test_stopping_ends_what_is_executing_and_what_was_about_to(engine, store, runner):
    runner.start(job(store), executing(engine, ENDLESS))
    until(lambda: "a" in runner._executions)
    runner.stop()
    assert [found.id for found in store.unfinished()] == ["a"]


def test_a_query_prepared_while_stopping_is_stopped_too(engine, store, runner):
    def prepare(found: Job):
        runner._stopping = True
        return executing(engine, ENDLESS)(found)

    runner.start(job(store), prepare)
    until(lambda: not runner._futures)
    assert store.get("a").outcome is None


def test_a_full_disk_fails_the_query_in_words(engine, store, runner, tmp_path, caplog):
    (tmp_path / "jobs").rmdir()
    runner.start(job(store), executing(engine, SHORT))
    runner.wait("a", 10)
    until(lambda: store.get("a").outcome)
    assert store.get("a").outcome == "failed"
    assert (
        store.get("a").reason
        == "The rows could not be stored: No such file or directory."
    )
    assert "could not keep the rows" in caplog.text


def test_a_fault_of_our_own_does_not_vanish_in_the_pool(store, runner, caplog):
    def prepare(_: Job):
        raise ZeroDivisionError

    runner.start(job(store), prepare)
    until(lambda: "sandbox job failed" in caplog.text)


def test_the_same_outcome_is_noted_once(store):
    job(store)
    store.finish("a", "failed", NOW, reason="first")
    store.finish("a", "success", NOW + timedelta(seconds=1), rows=5)
    assert (store.get("a").outcome, store.get("a").reason) == ("failed", "first")


def test_a_statement_no_longer_understood_fails_when_it_is_resumed(tmp_path):
    with open_sandbox(count=1, data_dir=tmp_path) as wire:
        query_id = wire.submitted()
        wire.sandbox._store._run(
            "UPDATE job SET executed_at = NULL, outcome = NULL, request = replace(request, 'source logs', 'source logs | gone')"
        )
    with open_sandbox(count=1, data_dir=tmp_path) as wire:
        wire.sandbox.wait_until_idle()
        assert (
            "gone" in wire.status(query_id)["terminated"]["error"]["failed"]["reason"]
        )
