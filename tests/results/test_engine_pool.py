"""Engines are used again, by one reader at a time, for the same files, and not for long."""

from __future__ import annotations

import pytest

from queries.results import Bounds, QueryTimeoutError
from queries.results.engine import Engine
from queries.results.engine_pool import IDLE_SECONDS, MAX_IDLE, EnginePool
from tests.results.samples import write
from tests.results.test_fork import succeeds_in_a_child


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def engines(clock):
    engines = EnginePool(clock)
    yield engines
    engines.close()


@pytest.fixture
def key(directory):
    written = write(directory, [{"a": 1}])
    return (tuple(directory / name for name in written.names), Bounds())


@pytest.fixture
def borrow(engines, directory):
    return lambda key: engines.acquire(key, lambda: directory / ".spill")


def answers(engine):
    return engine.table("SELECT 1 AS one", {}).to_pylist() == [{"one": 1}]


def works(engine):
    try:
        return answers(engine)
    except Exception:  # noqa: BLE001 - whatever a closed engine raises
        return False


def test_an_engine_is_used_again_for_the_same_files(engines, borrow, key):
    first = borrow(key)
    engines.release(key, first)
    assert borrow(key) is first


def test_two_readers_at_once_have_an_engine_each(engines, borrow, key):
    first, second = borrow(key), borrow(key)
    assert first is not second
    engines.release(key, first)
    engines.release(key, second)


def test_other_files_or_bounds_need_an_engine_of_their_own(engines, borrow, key):
    first = borrow(key)
    engines.release(key, first)
    other = borrow((key[0], Bounds(seconds=5)))
    assert other is not first
    engines.release((key[0], Bounds(seconds=5)), other)


def test_only_a_few_are_kept(engines, borrow, key):
    borrowed = [borrow(key) for _ in range(MAX_IDLE + 2)]
    for engine in borrowed:
        engines.release(key, engine)
    assert [works(engine) for engine in borrowed] == [False] * 2 + [True] * MAX_IDLE


def test_what_nobody_asked_for_is_closed(engines, borrow, key, clock):
    first, second = borrow(key), borrow(key)
    engines.release(key, first)
    clock.now += IDLE_SECONDS
    engines.release(key, second)
    assert not works(first)
    assert borrow(key) is second


def test_an_engine_that_was_stopped_is_not_used_again(engines, borrow, key):
    hurried = (key[0], Bounds(seconds=0.1))
    engine = borrow(hurried)
    with pytest.raises(QueryTimeoutError):
        engine.table("SELECT count(*) FROM range(1000000000000)", {})
    engines.release(hurried, engine)
    assert not works(engine)


def test_a_forked_child_starts_without_engines_and_the_parent_keeps_its_own(
    engines, borrow, key
):
    engine = borrow(key)
    engines.release(key, engine)

    def works_with_its_own() -> bool:
        own = borrow(key)
        engines.release(key, own)
        return isinstance(own, Engine) and own is not engine and answers(own)

    with engines._lock:
        assert succeeds_in_a_child(works_with_its_own)
    assert borrow(key) is engine
    assert answers(engine)
