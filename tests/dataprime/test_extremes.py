"""Typed columns at the ends of their ranges: nothing raises while a query runs."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings

from dataprime import Field, Kind, Table
from tests.dataprime import typed
from tests.dataprime.logs import Logs

_FILL = """
    CREATE TABLE extremes AS SELECT * FROM (VALUES
        (1, 9223372036854775807, 1e308, 9223372036854775807,
            TIMESTAMP '9999-12-31 23:59:59', '[null]'::JSON, 'a', true, 6),
        (2, (-9223372036854775807)::BIGINT - 1, -1e308, (-9223372036854775807)::BIGINT - 1,
            TIMESTAMP '0001-01-01', '{"a": [[]]}'::JSON, '', false, 1),
        (3, 0, 'nan'::DOUBLE, 0, TIMESTAMP '1969-12-31', '"x"'::JSON, repeat('é', 99), true, 3),
        (4, -1, 'inf'::DOUBLE, -1, TIMESTAMP 'infinity', 'null'::JSON, NULL, NULL, 2),
        (5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
    ) t(_n, id, dur, took, ts, tags, msg, ok, sev)
"""
TABLE = Table(
    "extremes",
    {
        ("$d", "id"): Field("id", Kind.NUMBER),
        ("$d", "dur"): Field("dur", Kind.NUMBER),
        ("$d", "took"): Field("took", Kind.INTERVAL),
        ("$d", "at"): Field("ts", Kind.TIMESTAMP),
        ("$d", "tags"): Field("tags", Kind.ANY),
        ("$d", "msg"): Field("msg", Kind.STRING),
        ("$d", "ok"): Field("ok", Kind.BOOL),
        ("$m", "timestamp"): Field("ts", Kind.TIMESTAMP),
        ("$m", "severity"): Field("sev", Kind.SEVERITY),
        ("$l", "applicationname"): Field("msg", Kind.STRING),
    },
    {"$d": "json_object('status', id, 'user', dur, 'k', tags)"},
    order="_n",
)


@pytest.fixture(scope="module")
def extremes():
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(_FILL)
        yield Logs(connection, TABLE)


several = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@several
@given(one=typed.anything)
@example(one="$d.took:string")
@example(one="$d.id % -1")
@example(one="formatTimestamp($d.at, tz='Asia/Tokyo')")
@example(one="$d.at / 1h")
@example(one="$d.id:timestamp - 1h")
@example(one="abs($d.id)")
def test_any_expression_over_extremes_gives_a_value(extremes, one):
    assert len(extremes.rows(f"choose {one} as it")) == 5


@several
@given(condition=typed.bools, number=typed.numbers, one=typed.anything)
def test_any_step_over_extremes_runs(extremes, condition, number, one):
    extremes.rows(
        f"filter {condition} | create x from {number} | orderby x, {one} desc"
    )
    extremes.rows(
        f"groupby {one} as k agg sum({number}), avg({number}), stddev({number})"
    )


def test_plain_rows_of_extremes_come_out(extremes):
    assert len(extremes.rows("source logs")) == 5
    assert extremes.column("$d.took")[:2] == [
        "106751d23h47m16s854ms775us807ns",
        "-106751d23h47m16s854ms775us808ns",
    ]
    assert extremes.column("id")[:2] == [2**63 - 1, -(2**63)]
    assert extremes.column("dur") == [1e308, -1e308, None, None, None]
