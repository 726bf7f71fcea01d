"""What a table tells the compiler, and what it must not have to."""

from __future__ import annotations

import dataclasses

import duckdb
import pytest

from dataprime import (
    CompileWarning,
    DataPrimeError,
    Field,
    Kind,
    Table,
    UnknownConstructError,
    compile_dataprime,
)
from tests.dataprime.logs import NOW, TABLE, Logs

KNOWN = {("$d", "user"), ("$d", "status"), ("$m", "logid")}


@pytest.fixture
def picky(logs):
    return Logs(
        logs.connection, dataclasses.replace(TABLE, has_keypath=KNOWN.__contains__)
    )


def test_an_unknown_keypath_is_a_warning_with_its_place(picky):
    compiled = picky.compile(
        "filter $d.user == 'x' || $d.foo['a b'] == 1 || $m.logid == '2'"
    )
    assert compiled.warnings == (
        CompileWarning("keypath does not exist '$d.foo['a b']'", 1, 26),
    )
    assert str(compiled.warnings[0]).endswith("in line 1 at column 26")


def test_an_unknown_keypath_is_an_error_when_strict(picky):
    with pytest.raises(DataPrimeError) as caught:
        picky.compile("filter foo == 1", strict_fields=True)
    assert str(caught.value) == "keypath does not exist '$d.foo' in line 1 at column 8"


def test_what_the_query_makes_itself_is_known(picky):
    query = "create foo.bar from 1 | filter foo.bar == 1 && foo != null && foo.bar.x == null"
    assert picky.compile(query, strict_fields=True).warnings == ()
    query = "groupby user as u agg count() as n | filter n > 1 | orderby u, user"
    assert picky.compile(query, strict_fields=True).warnings == ()


def test_whole_documents_and_typed_fields_are_known(picky):
    query = "filter $d ~ 'x' && $m.timestamp != null && $l.applicationname == 'a'"
    assert picky.compile(query, strict_fields=True).warnings == ()


def test_asking_whether_a_key_exists_is_no_warning(picky):
    compiled = picky.compile(
        "create foo from 1 on keypath exists skip", strict_fields=True
    )
    assert compiled.warnings == ()


def test_the_same_warning_is_given_once(picky):
    compiled = picky.compile("choose foo | top 1 foo by foo")
    assert len(compiled.warnings) == len(set(compiled.warnings))


def test_a_table_of_typed_columns_needs_no_json():
    table = Table(
        "rows",
        {
            ("$d", "name"): Field('"$d.name"', Kind.STRING),
            ("$d", "nested", "n"): Field("n", Kind.NUMBER),
            ("$d", "nested", "took"): Field("took", Kind.INTERVAL),
            ("$d", "tags"): Field("tags", Kind.ARRAY),
            ("$d", "ok"): Field("ok", Kind.BOOL),
            ("$m", "timestamp"): Field("ts", Kind.TIMESTAMP),
        },
        order="_n",
    )
    with duckdb.connect() as connection:
        connection.execute(
            """CREATE TABLE rows AS SELECT * FROM (VALUES
            (1, 'a', 9223372036854775807, 90000000000, '[1, "x"]'::JSON, true, TIMESTAMP '2025-01-01'),
            (2, NULL, NULL, NULL, NULL, NULL, TIMESTAMP '3000-01-01')
            ) t(_n, "$d.name", n, took, tags, ok, ts)"""
        )

        def rows(query):
            compiled = compile_dataprime(query, tables={"logs": table}, now=NOW)
            return connection.execute(compiled.sql, list(compiled.params)).fetchall()

        assert rows("filter ok") == [
            (
                '{"timestamp":1735689600000000000}',
                "{}",
                '{"name":"a","nested":{"n":9223372036854775807,"took":"1m30s"},'
                '"tags":[1,"x"],"ok":true}',
            )
        ]
        assert rows("choose nested.n + 0 as n, nested, tags[1] as t | limit 1")[0][
            2
        ] == (
            '{"n":9223372036854775807,"nested":{"n":9223372036854775807,"took":"1m30s"},"t":"x"}'
        )
        assert rows("choose $m.timestamp, $d.other | orderby $m.timestamp desc")[1][
            2
        ] == ('{"timestamp":null,"other":null}')
        assert rows("create name from 'b' | remove tags, ok | limit 1")[0][2] == (
            '{"nested":{"n":9223372036854775807,"took":"1m30s"},"name":"b"}'
        )
        assert rows(
            "create nested.x from 1 on keypath exists skip | choose nested.x | limit 1"
        )
        assert rows("filter name == 'a' && tags ~ 'x' | count")[0][2] == '{"_count":1}'


def test_datasets_are_found_by_name(logs):
    tables = {"logs": TABLE, "spans": TABLE}
    for text, name in (
        ("source spans", "spans"),
        ("source default/spans | limit 1", "spans"),
        ("limit 1", "logs"),
    ):
        assert compile_dataprime(text, tables=tables, now=NOW).source == name
    chosen = compile_dataprime(
        "limit 1", tables=tables, default_source="spans", now=NOW
    )
    assert chosen.source == "spans"
    with pytest.raises(UnknownConstructError) as caught:
        compile_dataprime("source system/engine.queries", tables=tables, now=NOW)
    assert caught.value.message == (
        "unknown dataset 'system/engine.queries': there is logs, spans"
    )


def test_the_clock_may_come_without_a_zone(logs):
    naive = compile_dataprime(
        "choose now() as n", tables={"logs": TABLE}, now=NOW.replace(tzinfo=None)
    )
    assert logs.execute(naive)[0][2] == {"n": 1735732800000000000}
