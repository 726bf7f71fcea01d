"""The engine: what it lets a query reach, how it stops one, what it says of its cost."""

from __future__ import annotations

import threading
from datetime import timedelta

import duckdb
import pytest

from dataprime import Compiled
from sandbox.clock import ManualClock
from sandbox.config import Limits, SandboxConfig
from sandbox.engine import Engine, EngineError, Query, Tier
from sandbox.extent import extent_of
from sandbox.rows import numbered_lines
from sandbox.table import read_metadata, write_rows
from tests.sandbox.conftest import NOW


@pytest.fixture
def engine(tmp_path):
    engine = Engine(SandboxConfig(count=50_000, clock=ManualClock(NOW)), tmp_path)
    yield engine
    engine.close()


def compiled(sql: str, *params: object) -> Compiled:
    return Compiled(sql, params, None, (), "logs", NOW - timedelta(days=1), NOW, False)


def run(engine: Engine, sql: str, *params: object) -> list:
    execution = engine.prepare(compiled(sql, *params), Tier.FREQUENT, 100)
    return [row for batch in execution.batches(50) for row in batch]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT content AS metadata, '' AS labels, '' AS user_data FROM read_text('/etc/passwd')",
        "SELECT filename AS metadata, '' AS labels, '' AS user_data FROM read_blob('/tmp/*')",
    ],
)
def test_even_a_statement_that_got_through_reaches_no_other_file(engine, sql):
    with pytest.raises(EngineError, match="could not execute"):
        run(engine, sql)


def test_the_database_is_locked(engine):
    for statement in (
        "SET memory_limit = '8GB'",
        "ATTACH '/tmp/other.db'",
        "COPY (SELECT 1) TO '/tmp/sandbox-escape.csv'",
        "INSTALL httpfs",
    ):
        with pytest.raises(duckdb.Error):
            engine._db.cursor().execute(statement)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("CAST('x' || $1 AS INTEGER)", "converted"),
        ("error('secret ' || $1)", "could not execute"),
    ],
)
def test_an_error_of_the_database_is_put_in_words_without_data(
    engine, expression, words
):
    with pytest.raises(EngineError, match=words) as caught:
        run(
            engine,
            f"SELECT {expression}::VARCHAR AS metadata, '' AS labels, '' AS user_data FROM frequent",
            "hidden",
        )
    assert "hidden" not in str(caught.value)


def test_a_query_that_needs_too_much_memory_fails_in_words(tmp_path):
    engine = Engine(
        SandboxConfig(count=10, clock=ManualClock(NOW), limits=Limits(memory="20MB")),
        tmp_path,
    )
    sql = "SELECT string_agg(repeat('x', 1000) || i, '') AS metadata, '' AS labels, '' AS user_data FROM range(100000) AS t(i)"
    with pytest.raises(EngineError, match="more memory"):
        run(engine, sql)
    engine.close()


def test_an_execution_can_be_stopped_from_another_thread(engine):
    endless = "SELECT count(*)::VARCHAR AS metadata, '' AS labels, '' AS user_data FROM range(10000000000) AS a, range(1000) AS b"
    execution = engine.prepare(compiled(endless), Tier.FREQUENT, 10)
    threading.Timer(0.2, execution.interrupt).start()
    with pytest.raises(EngineError, match="stopped") as caught:
        list(execution.batches(10))
    assert caught.value.interrupted
    assert not caught.value.timed_out


def test_an_execution_stopped_before_it_begins_never_does(engine):
    execution = engine.prepare(
        compiled("SELECT '' AS metadata, '' AS labels, '' AS user_data"),
        Tier.FREQUENT,
        10,
    )
    execution.interrupt()
    with pytest.raises(EngineError, match="stopped"):
        list(execution.batches(10))


def test_no_more_rows_come_than_allowed(engine):
    execution = engine.prepare(
        compiled(
            "SELECT metadata::VARCHAR AS metadata, '' AS labels, user_data FROM frequent"
        ),
        Tier.FREQUENT,
        123,
    )
    assert sum(len(batch) for batch in execution.batches(50)) == 123


def test_bytes_scanned_follow_the_range(tmp_path):
    path = tmp_path / "rows.parquet"
    write_rows(path, numbered_lines(50_000, NOW), {"kind": "test"})
    extent = extent_of(path)
    everything = extent.bytes_between(None, None)
    assert extent.rows == 50_000
    assert len(extent.groups) == 3
    assert extent.last == NOW - timedelta(minutes=10)
    assert NOW - timedelta(minutes=61) < extent.first < NOW - timedelta(minutes=59)
    assert 0 < extent.bytes_between(NOW - timedelta(minutes=15), NOW) < everything / 2
    assert extent.bytes_between(NOW - timedelta(days=2), NOW - timedelta(days=1)) == 0


def test_an_empty_file_has_an_extent_too(tmp_path):
    path = tmp_path / "rows.parquet"
    assert write_rows(path, [], {}) == 0
    extent = extent_of(path)
    assert (
        extent.rows,
        extent.first,
        extent.last,
        extent.bytes_between(None, None),
    ) == (0, None, None, 0)


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "rows.parquet"
    write_rows(path, numbered_lines(3, NOW), {"kind": "old"})

    def broken():
        yield from numbered_lines(2, NOW)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_rows(path, broken(), {"kind": "new"})
    assert read_metadata(path) == {"kind": "old"}
    assert [found.name for found in tmp_path.iterdir() if found.is_file()] == [
        "rows.parquet"
    ]


def test_a_field_is_looked_for_once(engine):
    query = Query("source logs", Tier.FREQUENT, NOW - timedelta(days=1), NOW, NOW)
    known = engine._table(query).has_keypath
    assert known(("$d", "nested", "a", "b"))
    assert known(("$d", "list"))
    assert known(("$l", "computername"))
    assert not known(("$d", "nested", "nowhere"))
    assert not known(("$d", "we/ird~key"))
    assert engine._seen[("$d", "nested", "nowhere")] is False


def test_one_statement_may_ask_for_so_many_fields_only(engine):
    known = engine._table(Query("", Tier.FREQUENT, NOW, NOW, NOW)).has_keypath
    answers = [known(("$d", "nowhere")) for _ in range(102)]
    assert answers == [False] * 100 + [True] * 2


def test_odd_keys_are_found_by_their_names(tmp_path):
    rows = [{"a/b": {"c~d": 1}, "": 2, "x.y": {"z": 3}}]
    engine = Engine(SandboxConfig(rows=rows, clock=ManualClock(NOW)), tmp_path)
    known = engine._table(Query("", Tier.ARCHIVE, NOW, NOW, NOW)).has_keypath
    assert known(("$d", "a/b", "c~d"))
    assert known(("$d", "x.y", "z"))
    assert not known(("$d", "x", "y"))
    engine.close()


def test_the_memory_of_known_fields_is_bounded(engine, monkeypatch):
    monkeypatch.setattr("sandbox.engine._PATHS_REMEMBERED", 2)
    for number in range(5):
        engine._known(Tier.FREQUENT, ("$d", f"k{number}"))
    assert len(engine._seen) <= 2
