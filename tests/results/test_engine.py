"""DuckDB reaches the result's files and nothing else, and stops when it should."""

from __future__ import annotations

import pytest

from queries.results import (
    Bounds,
    MemoryLimitError,
    QueryTimeoutError,
    ResultsDamagedError,
)
from queries.results.engine import Engine
from tests.results.samples import write

ENDLESS = "SELECT count(*) FROM range(1000000000000)"


@pytest.fixture
def files(directory):
    result = write(directory, [{"a": 1}])
    return [directory / name for name in result.names]


@pytest.fixture
def engine(files, directory):
    with Engine(files, directory / ".spill", Bounds()) as engine:
        yield engine


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/proc/self/environ')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('{directory}/../*/*.parquet')",
        "SELECT * FROM read_parquet('{directory}/../other.parquet')",
        "SELECT * FROM read_parquet('https://example.com/x.parquet')",
        "COPY (SELECT 1) TO '{directory}/new.csv'",
        "COPY (SELECT 1 AS a) TO '{file}'",
        "COPY (SELECT 1 AS a) TO '{directory}/.spill/x.parquet'",
        "EXPORT DATABASE '{directory}/export'",
        "ATTACH '{directory}/new.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE SECRET (TYPE s3)",
        "SET memory_limit = '64GB'",
        "SET lock_configuration = false",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/etc/passwd']",
        "RESET memory_limit",
        "PRAGMA database_list; SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM secret_of_this_process",
        "SELECT getenv('HOME')",
    ],
)
def test_nothing_else_can_be_reached(engine, files, directory, statement):
    secret_of_this_process = {"a": [1]}
    before = {path: path.stat().st_mtime_ns for path in directory.iterdir()}
    with pytest.raises(ResultsDamagedError):
        engine.table(statement.format(directory=directory, file=files[0]), {})
    assert secret_of_this_process
    assert {path: path.stat().st_mtime_ns for path in directory.iterdir()} == before


def test_the_files_of_the_result_cannot_be_changed(engine, files):
    before = files[0].read_bytes()
    engine.table(f"ATTACH '{files[0]}' AS taken", {})
    engine.table("CREATE TABLE taken.t AS SELECT 1 AS a", {})
    engine.table("CHECKPOINT taken", {})
    engine.table("DETACH taken", {})
    assert files[0].read_bytes() == before


def test_the_files_of_the_result_can_be_read(engine, files):
    found = engine.table(
        "SELECT _n FROM read_parquet($files)", {"files": [str(files[0])]}
    )
    assert found.to_pylist() == [{"_n": 0}]


def test_a_question_that_takes_too_long_is_stopped(files, directory):
    with Engine(files, directory / ".spill", Bounds(seconds=0.2)) as engine:
        with pytest.raises(QueryTimeoutError, match="too long"):
            engine.table(ENDLESS, {})
        assert engine.table("SELECT 1 AS one", {}).to_pylist() == [{"one": 1}]


def test_a_stream_that_stalls_is_stopped(files, directory):
    slow = (
        "SELECT a FROM range(1000000000000) t(a) WHERE a < 9000 OR a % 7000000000 = 1"
    )
    with Engine(files, directory / ".spill", Bounds(seconds=0.3)) as engine:
        batches = engine.stream(slow, {}, 1_000)
        assert next(batches)["a"][0].as_py() == 0
        with pytest.raises(QueryTimeoutError):
            list(batches)


GREEDY = "SELECT list(repeat('x', 1000) || a) AS l FROM range(1000000) t(a)"


def test_a_question_that_needs_too_much_memory_is_stopped(files, directory):
    with Engine(files, directory / ".spill", Bounds(memory="32MB")) as engine:
        with pytest.raises(MemoryLimitError, match="more memory"):
            engine.table(GREEDY, {})
        with pytest.raises(MemoryLimitError):
            list(engine.stream(GREEDY, {}, 10))


def test_what_was_spilled_to_disk_is_gone_afterwards(files, directory):
    order = (
        "SELECT a, repeat('x', 500) || a AS t FROM range(300000) t(a) ORDER BY a % 7, a"
    )
    bounds = Bounds(memory="100MB", seconds=60)
    with Engine(files, directory / ".spill", bounds) as engine:
        rows = sum(len(batch) for batch in engine.stream(order, {}, 10_000))
    assert rows == 300_000
    assert not (directory / ".spill").exists()


def test_times_are_told_in_utc_wherever_the_server_stands(engine):
    assert engine.table("SELECT current_setting('TimeZone') AS z", {}).to_pylist() == [
        {"z": "UTC"}
    ]
