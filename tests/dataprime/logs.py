"""A small table of odd log rows, and ways to query it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from dataprime import (
    Compiled,
    Field,
    Kind,
    Table,
    compile_dataprime,
    compile_lucene,
)

NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)
BIG = 2**63

# Timestamp, severity, application, subsystem, user data.
ROWS: list[tuple[str, int, str, str, object]] = [
    (
        "2025-01-01 10:00:00.123456",
        3,
        "shop",
        "cart",
        {
            "msg": "hello ERROR world",
            "status": 200,
            "user": "ann",
            "dur": 1.5,
            "kubernetes": {"labels": {"app.kubernetes.io/name": "web"}, "pod": "p1"},
        },
    ),
    (
        "2025-01-01 10:06:00",
        5,
        "shop",
        "pay",
        {
            "msg": "error_code=7 failed",
            "status": "500",
            "user": "bob",
            "tags": ["a", "b", 1, None],
            "id": BIG,
            "at": "2025-01-01T10:06:30Z",
        },
    ),
    (
        "2025-01-01 10:07:00",
        5,
        "blog",
        "web",
        {
            "msg": "naïve café ünïcode",
            "status": 404,
            "user": None,
            "id": 1234567890123456789,
            "dur": 3,
        },
    ),
    ("2025-01-01 11:00:00", 6, "blog", "web", "raw text line error"),
    (
        "2024-12-31 23:59:59",
        1,
        "o'x",
        "web",
        {
            "status": 200,
            "ok": True,
            "nested": {"a": {"b": [1, {"c": "deep"}]}},
            "took": "1h30m",
            "kv": "a=1 b=2 a=3",
            "js": '{"x": {"y": 5}}',
            "a.b": "dotted",
            "it's": 1,
            'quo"te': 2,
            "~/": 3,
        },
    ),
]
_SCHEMA = """
    CREATE TABLE "the logs" (
        _n BIGINT, ts TIMESTAMP, sev INTEGER, app VARCHAR, sub VARCHAR,
        m JSON, l JSON, d JSON
    )
"""
FIELDS = {
    ("$m", "timestamp"): Field("ts", Kind.TIMESTAMP),
    ("$m", "severity"): Field("sev", Kind.SEVERITY),
    ("$l", "applicationname"): Field("app", Kind.STRING),
    ("$l", "subsystemname"): Field("sub", Kind.STRING),
}
TABLE = Table("the logs", FIELDS, {"$m": "m", "$l": "l", "$d": "d"}, order="_n")


def make_table(
    connection: duckdb.DuckDBPyConnection,
    rows: list[tuple[str, int, str, str, object]],
) -> None:
    """Create and fill the table of logs."""
    connection.execute(_SCHEMA)
    for number, (stamp, severity, app, sub, data) in enumerate(rows):
        meta = {"timestamp": stamp, "severity": str(severity), "logid": f"id{number}"}
        labels = {"applicationname": app, "subsystemname": sub}
        documents = (
            json.dumps(doc, ensure_ascii=False) for doc in (meta, labels, data)
        )
        connection.execute(
            'INSERT INTO "the logs" VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
            [number, stamp, severity, app, sub, *documents],
        )


@dataclass
class Logs:
    """The table, open for queries."""

    connection: duckdb.DuckDBPyConnection
    table: Table = TABLE

    def compile(self, query: str, **options: Any) -> Compiled:
        return compile_dataprime(query, tables={"logs": self.table}, now=NOW, **options)

    def execute(self, compiled: Compiled) -> list[tuple[Any, Any, Any]]:
        """Return rows of metadata, labels and user data, decoded."""
        found = self.connection.execute(compiled.sql, list(compiled.params))
        assert [column[0] for column in found.description or ()] == [
            "metadata",
            "labels",
            "user_data",
        ]
        return [tuple(json.loads(part) for part in row) for row in found.fetchall()]

    def rows(self, query: str, **options: Any) -> list[tuple[Any, Any, Any]]:
        return self.execute(self.compile(query, **options))

    def data(self, query: str, **options: Any) -> list[Any]:
        """Return the user data of each row."""
        return [row[2] for row in self.rows(query, **options)]

    def first_value(self, expression: str) -> Any:
        """Return an expression over the first row."""
        return self.data(f"limit 1 | choose {expression} as it")[0]["it"]

    def column(self, expression: str) -> list[Any]:
        """Return an expression over every row."""
        return [row["it"] for row in self.data(f"choose {expression} as it")]

    def ids(self, query: str, **options: Any) -> list[int]:
        """Return the numbers of the rows a query keeps."""
        return _numbers(self.rows(query, **options))

    def lucene(self, query: str, **options: Any) -> list[int]:
        """Return the numbers of the rows a Lucene query finds."""
        compiled = compile_lucene(
            query, tables={"logs": self.table}, now=NOW, **options
        )
        return _numbers(self.execute(compiled))


def _numbers(rows: list[tuple[Any, Any, Any]]) -> list[int]:
    return [int(metadata["logid"].removeprefix("id")) for metadata, _, _ in rows]
