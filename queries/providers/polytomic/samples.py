"""Queries to begin with: plain SQL, the first one for almost any database, the others for one with a table of orders."""

from __future__ import annotations

from queries.providers.base import Sample

SAMPLES = (
    Sample(
        "Tables and their columns",
        "SELECT table_schema, table_name, column_name, data_type\nFROM information_schema.columns\n"
        "ORDER BY table_schema, table_name, ordinal_position",
        mode="background",
    ),
    Sample(
        "Orders by status",
        "SELECT status, COUNT(*) AS orders, SUM(total) AS revenue\nFROM orders\nGROUP BY status\nORDER BY orders DESC",
        mode="background",
    ),
    Sample(
        "Best customers",
        "SELECT c.customer_id, c.name, c.country, COUNT(*) AS orders, SUM(o.total) AS revenue\n"
        "FROM customers AS c\nJOIN orders AS o ON o.customer_id = c.customer_id\n"
        "WHERE o.status <> 'cancelled'\nGROUP BY c.customer_id, c.name, c.country\n"
        "ORDER BY revenue DESC\nLIMIT 100",
        mode="background",
    ),
    Sample(
        "All orders",
        "SELECT *\nFROM orders\nORDER BY ordered_at DESC, order_id",
        mode="background",
    ),
)
