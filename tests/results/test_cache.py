"""What was found is remembered within bounds."""

from __future__ import annotations

import pyarrow as pa

from queries.results.cache import LRUCache


def orders(room=1_000):
    return LRUCache(room, lambda order: order.nbytes)


def rows(count):
    return pa.array(range(count), pa.int64())


def refuse():
    raise AssertionError("this was to be remembered")


def test_what_was_found_is_remembered():
    memory = orders()
    found = memory.get("a", lambda: rows(3))
    assert memory.get("a", refuse) is found


def test_the_least_recently_used_goes_first():
    memory = orders(8 * 20)
    for key in "ab":
        memory.get(key, lambda: rows(10))
    memory.get("a", refuse)
    memory.get("c", lambda: rows(10))
    memory.get("a", refuse)
    assert len(memory.get("b", lambda: rows(1))) == 1


def test_what_is_too_large_to_remember_is_still_given():
    memory = orders(8)
    assert len(memory.get("a", lambda: rows(10))) == 10
    assert len(memory.get("a", lambda: rows(11))) == 11
