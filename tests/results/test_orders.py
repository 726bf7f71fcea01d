"""Orders are remembered within bounds."""

from __future__ import annotations

import pyarrow as pa

from queries.results.orders import Orders


def rows(count):
    return pa.array(range(count), pa.int64())


def refuse():
    raise AssertionError("this was to be remembered")


def test_what_was_found_is_remembered():
    orders = Orders()
    found = orders.get("a", lambda: rows(3))
    assert orders.get("a", refuse) is found


def test_the_least_recently_used_goes_first():
    orders = Orders(max_bytes=8 * 20)
    for key in "ab":
        orders.get(key, lambda: rows(10))
    orders.get("a", refuse)
    orders.get("c", lambda: rows(10))
    orders.get("a", refuse)
    assert len(orders.get("b", lambda: rows(1))) == 1


def test_what_is_too_large_to_remember_is_still_given():
    orders = Orders(max_bytes=8)
    assert len(orders.get("a", lambda: rows(10))) == 10
    assert len(orders.get("a", lambda: rows(11))) == 11
