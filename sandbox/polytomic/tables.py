"""The shop's tables: orders, their lines, customers, products and events, the same for the same seed and day."""

from __future__ import annotations

from datetime import datetime

import duckdb

from sandbox.shop.catalog import CUSTOMERS, PRODUCTS

TABLES = frozenset({"orders", "order_lines", "customers", "products", "events"})
MAX_NUMBERS = 1_000_000

_PRODUCTS = "CREATE TABLE products (product_no INTEGER, sku VARCHAR, title VARCHAR, category VARCHAR, price DECIMAL(10, 2))"
_CUSTOMERS = "CREATE TABLE customers (customer_no INTEGER, customer_id BIGINT, name VARCHAR, country VARCHAR, currency VARCHAR)"
# The n-th of a kind of pseudo-random numbers from 0 to 1; MD5 is the same in every version of DuckDB.
_RANDOM = "CREATE MACRO any_of(n, kind) AS (md5_number_lower(concat('{seed}:', kind, ':', n)) % 1000000) / 1000000.0"
_LINES = """
CREATE TABLE order_lines AS
WITH places AS (
    SELECT n AS order_no, line_no FROM range({orders}) t(n), range(4) l(line_no)
    WHERE line_no <= floor(any_of(n, 'lines') * any_of(n, 'more') * 4)
), drawn AS (
    SELECT order_no, line_no, floor(any_of(order_no * 4 + line_no, 'what') * {products})::INTEGER AS product_no,
        1 + floor(power(any_of(order_no * 4 + line_no, 'many'), 3) * 5)::INTEGER AS quantity
    FROM places
)
SELECT 100000 + order_no AS order_id, line_no::INTEGER + 1 AS line_no, p.sku, quantity, p.price AS unit_price,
    (quantity * p.price)::DECIMAL(10, 2) AS amount
FROM drawn JOIN products p USING (product_no) ORDER BY order_no, line_no
"""
_ORDERS = """
CREATE TABLE orders AS
WITH sums AS (SELECT order_id, sum(amount)::DECIMAL(12, 2) AS total FROM order_lines GROUP BY order_id)
SELECT 100000 + n AS order_id, c.customer_id,
    TIMESTAMP '{until}' - to_minutes((n * {minutes} + floor(any_of(n, 'when') * {minutes}))::BIGINT) AS ordered_at,
    CASE WHEN any_of(n, 'state') < 0.04 THEN 'cancelled' WHEN any_of(n, 'state') < 0.09 THEN 'returned'
        WHEN n < {orders} / 60 THEN 'placed' WHEN n < {orders} / 20 THEN 'shipped' ELSE 'delivered' END AS status,
    ['web', 'app', 'phone', 'store'][1 + floor(power(any_of(n, 'channel'), 2) * 4)::INTEGER] AS channel,
    c.currency, sums.total
FROM range({orders}) t(n)
JOIN customers c ON c.customer_no = floor(power(any_of(n, 'who'), 2) * {customers})::INTEGER
JOIN sums ON sums.order_id = 100000 + n
ORDER BY n
"""
_EVENTS = """
CREATE TABLE events AS
SELECT n + 1 AS event_id,
    TIMESTAMP '{until}' - to_seconds((n * 300 + floor(any_of(n, 'tick') * 300))::BIGINT) AS happened_at,
    CASE WHEN any_of(n, 'known') < 0.6 THEN c.customer_id END AS customer_id,
    ['view', 'search', 'add_to_cart', 'checkout', 'payment'][1 + floor(power(any_of(n, 'step'), 2) * 5)::INTEGER] AS kind,
    '/product/' || p.sku AS path,
    {{'system': ['iOS', 'Android', 'Windows', 'Linux'][1 + floor(any_of(n, 'system') * 4)::INTEGER],
      'mobile': any_of(n, 'system') < 0.5}} AS device,
    CASE WHEN any_of(n, 'note') < 0.01 THEN '=HYPERLINK("x")' END AS note
FROM range({events}) t(n)
JOIN customers c ON c.customer_no = floor(any_of(n, 'visitor') * {customers})::INTEGER
JOIN products p ON p.product_no = floor(any_of(n, 'seen') * {products})::INTEGER
ORDER BY n
"""
# Rows that are easy to count on: `n` runs from 0, `big` lies beyond 2^53, `word` holds many scripts.
_NUMBERS = """
CREATE MACRO numbers(how_many) AS TABLE
SELECT n, 'g' || (n % 10) AS "group", 9007199254740993 + n AS big, n / 8.0 AS ratio, n % 2 = 0 AS even,
    ['harbour', 'señal', 'бумага', '海', '🔥 hot', 'plain', '=SUM(1+1)', 'ملف'][1 + (n % 8)::INTEGER] AS word
FROM range(least(how_many, {most})) t(n) ORDER BY n
"""


def make_tables(
    database: duckdb.DuckDBPyConnection, *, orders: int, seed: int, now: datetime
) -> None:
    """Fill an empty database. The newest rows are of the last midnight (UTC) before ``now``, the oldest a year older."""
    facts = {
        "seed": int(seed),
        "orders": int(orders),
        "events": int(orders) * 2,
        "minutes": max(1, 365 * 24 * 60 // max(orders, 1)),
        "products": len(PRODUCTS),
        "customers": len(CUSTOMERS),
        "until": f"{now:%Y-%m-%d} 00:00:00",
    }
    database.execute(_RANDOM.format(**facts))
    database.execute(_PRODUCTS)
    database.executemany(
        "INSERT INTO products VALUES (?, ?, ?, ?, ?)",
        [(n, p.sku, p.title, p.category, p.price) for n, p in enumerate(PRODUCTS)],
    )
    database.execute(_CUSTOMERS)
    database.executemany(
        "INSERT INTO customers VALUES (?, ?, ?, ?, ?)",
        [(n, *customer) for n, customer in enumerate(CUSTOMERS)],
    )
    for made in (_LINES, _ORDERS, _EVENTS):
        database.execute(made.format(**facts))
    database.execute(_NUMBERS.format(most=MAX_NUMBERS))
