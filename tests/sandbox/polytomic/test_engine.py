"""The SQL that is executed: its limits, its values, and the shop it is about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.sandbox.polytomic.conftest import SMALL, open_sandbox


def test_the_shop_hangs_together(shared):
    def one(statement):
        data = shared.run(statement)
        assert data["status"] == "done", data
        return next(iter(data["results"][0].values()))

    assert one("SELECT count(*) FROM orders") == 300
    assert one("SELECT count(*) FROM events") == 600
    assert one("SELECT count(*) FROM products") == 24
    assert one("SELECT count(*) FROM customers") == 400
    assert one("SELECT count(DISTINCT order_id) FROM order_lines") == 300
    assert one("SELECT count(*) FROM orders JOIN customers USING (customer_id)") == 300
    assert one("SELECT count(*) FROM order_lines JOIN products USING (sku)") == one(
        "SELECT count(*) FROM order_lines"
    )
    assert (
        one(
            "SELECT count(*) FROM orders o WHERE total <> (SELECT sum(amount) FROM order_lines l WHERE l.order_id = o.order_id)"
        )
        == 0
    )
    assert one("SELECT count(DISTINCT status) FROM orders") == 5
    assert (
        one(
            "SELECT max(ordered_at) < '2026-03-10' AND min(ordered_at) > '2025-03-08' FROM orders"
        )
        is True
    )


def test_the_same_seed_makes_the_same_shop_and_another_makes_another(shared):
    statement = "SELECT sum(total) AS t, sum(customer_id % 1000) AS c FROM orders"
    mine = shared.run(statement)["results"]
    with open_sandbox() as same:
        assert same.run(statement)["results"] == mine
    with open_sandbox(seed=7) as other:
        assert other.run(statement)["results"] != mine


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("9007199254740993", 9007199254740993),
        ("170141183460469231731687303715884105727::HUGEINT", 170141183460469231731687303715884105727),
        ("1.50::DECIMAL(10, 2)", 1.5),
        ("'nan'::DOUBLE", None),
        ("NULL", None),
        ("true", True),
        ("DATE '2026-01-02'", "2026-01-02"),
        ("TIMESTAMP '2026-01-02 03:04:05.5'", "2026-01-02T03:04:05.500000"),
        ("TIMESTAMPTZ '2026-01-02 03:04:05+00'", "2026-01-02T03:04:05Z"),
        ("TIMESTAMP_NS '2026-01-02 03:04:05.123456789'", "2026-01-02T03:04:05.123456"),
        ("TIME '10:11:12'", "10:11:12"),
        ("INTERVAL 14 MONTH + INTERVAL 90 SECOND", "P14M0DT90S"),
        ("NULL::INTERVAL", None),
        ("'ab'::BLOB", "YWI="),
        ("'5f0c7a52-9d3e-4b18-8c64-1a2b3c4d5e6f'::UUID", "5f0c7a52-9d3e-4b18-8c64-1a2b3c4d5e6f"),
        ("{'a': 1, 'b': [1, 2, NULL]}", {"a": 1, "b": [1, 2, None]}),
        ("'größe 🔥'", "größe 🔥"),
    ],
)  # fmt: skip
def test_every_kind_of_value_becomes_json(shared, expression, value):
    (row,) = shared.run(f"SELECT {expression} AS v")["results"]
    assert row == {"v": value}


def test_a_name_that_comes_twice_gets_a_number(shared):
    data = shared.run("SELECT 1 AS a, 2 AS a, 3 AS a_2, 4 AS a")
    assert data["fields"] == ["a", "a_2", "a_2_2", "a_3"]
    assert list(data["results"][0].values()) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SELECT nothing FROM orders", 'Referenced column "nothing" not found'),
        ("SELECT 'x'::INTEGER", "Could not convert string"),
        ("SELECT total / (SELECT 1 FROM orders) FROM orders", "More than one row"),
        ("SELECT ? FROM orders", ""),
    ],
)
def test_a_failing_query_says_why_without_a_stack(shared, statement, says):
    data = shared.run(statement)
    assert data["status"] == "failed"
    assert says in data["error"]
    assert "\n" not in data["error"]
    assert set(data) == {"id", "status", "error"}


def test_a_query_has_limits_of_time_memory_rows_and_bytes():
    tight = replace(
        SMALL, query_seconds=0.5, memory="64MB", max_rows=1_000, max_bytes=10_000
    )
    with open_sandbox(polytomic=tight) as wire:
        slow = wire.run(
            "SELECT count(*) FROM range(100000) a, range(100000) b, range(1000) c"
        )
        assert slow["error"] == "The query ran for longer than 0.5 seconds."
        large = wire.run("SELECT list(n) FROM range(50000000) t(n)")
        assert large["error"] in {
            "The query needs more memory than there is.",
            slow["error"],
        }
        assert (
            wire.run("SELECT n FROM numbers(1001)")["error"]
            == "The result has more than 1,000 rows."
        )
        assert wire.run("SELECT n FROM numbers(100)")["count"] == 100
        assert (
            wire.run("SELECT * FROM numbers(900)")["error"]
            == "The result is larger than 10,000 bytes."
        )


def test_numbers_stop_at_a_million(shared):
    data = shared.run("SELECT count(*) AS n, max(n) AS last FROM numbers(5000000)")
    assert data["results"] == [{"n": 1_000_000, "last": 999_999}]
