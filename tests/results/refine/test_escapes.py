"""Ways out of a refine's process, each tried: refused, harmless, or ended at a limit.

A secret lies in a file beside the result's, and in the environment of the process that asks;
neither may come back, and nothing outside the scratch directory may change.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from queries.results import (
    MemoryLimitError,
    QueryTimeoutError,
    ResultError,
    ResultsDamagedError,
    ResultsMissingError,
)
from queries.results.refine.process import (
    ClosedError,
    RefineBounds,
    RefineProcess,
    RefineRequest,
    StatementError,
)
from tests.paths import ROOT

SECRET = "TOP-SECRET-7f3a"
BOUNDS = RefineBounds(memory_bytes=300 * 2**20, spill_bytes=2**28, seconds=30)
QUICK = RefineBounds(memory_bytes=300 * 2**20, spill_bytes=2**28, seconds=2.5)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A part with three rows, a secret beside it, and a secret in our environment."""
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    for name in ("secret.txt", "secret.csv", "secret.json"):
        (tmp_path / name).write_text(f'"{SECRET}"\n')
    pq.write_table(pa.table({"n": [1, 2, 3]}), tmp_path / "part.parquet")
    return tmp_path


def asked(place, text):
    part = str(place / "part.parquet")
    view = f"CREATE VIEW rows AS SELECT * FROM read_parquet(['{part}'])"
    return RefineRequest([part], [view], text=text.replace("{place}", str(place)))


def answer(place, text, bounds=BOUNDS):
    with RefineProcess(asked(place, text), place / "scratch", bounds) as refinery:
        batches = list(refinery.batches())
    return [json.loads(row) for batch in batches for row in batch.column(0).to_pylist()]


def everything_in(place):
    return {p.name: p.read_bytes() for p in place.iterdir() if p.is_file()}


REFUSED = [
    # Files
    "SELECT * FROM '{place}/secret.csv'",
    'SELECT * FROM "{place}/secret.csv"',
    "FROM read_text('{place}/secret.txt')",
    "FROM read_blob('{place}/secret.txt')",
    "FROM read_csv('{place}/secret.csv')",
    "FROM read_csv_auto('{place}/secret.csv')",
    "FROM read_json('{place}/secret.json')",
    "FROM read_json_objects('{place}/secret.json')",
    "FROM read_ndjson('{place}/secret.json')",
    "FROM read_parquet('{place}/*')",
    "FROM read_parquet(['{place}/part.parquet', '{place}/secret.csv'])",
    "FROM read_text('{place}/scratch/../secret.txt')",
    "FROM read_text('part.parquet/../secret.txt')",
    "FROM sniff_csv('{place}/secret.csv')",
    "FROM glob('{place}/*')",
    "FROM glob('/**')",
    "FROM '/proc/self/environ'",
    "FROM read_text('/proc/self/environ')",
    "FROM read_text('/proc/self/cmdline')",
    "FROM read_blob('/dev/fd/0')",
    "FROM read_text('/etc/passwd')",
    "FROM read_text('file:///etc/passwd')",
    "SELECT n, (SELECT content FROM read_text('{place}/secret.txt')) FROM rows",
    "FROM query('FROM read_text(''{place}/secret.txt'')')",
    "FROM query_table('{place}/secret.csv')",
    # Writing
    "COPY rows TO '{place}/out.csv'",
    "COPY (SELECT 1) TO '{place}/part.parquet' (FORMAT parquet)",
    "WITH x AS (COPY (SELECT 1) TO '{place}/out.csv') SELECT * FROM x",
    "WITH x AS (COPY (SELECT 42) TO '{place}/part.parquet' (FORMAT csv, USE_TMP_FILE false)) FROM x",
    "FROM query('WITH x AS (COPY (SELECT 42) TO ''{place}/part.parquet'') FROM x')",
    "FROM (WITH x AS (COPY (SELECT 42) TO '{place}/part.parquet') FROM x)",
    "EXPORT DATABASE '{place}/out'",
    "IMPORT DATABASE '{place}'",
    "CREATE TABLE t AS FROM rows",
    "CREATE OR REPLACE VIEW rows AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "WITH x AS (INSERT INTO rows VALUES (4) RETURNING n) FROM x",
    "INSERT INTO rows VALUES (4)",
    "UPDATE rows SET n = 0",
    "DELETE FROM rows",
    "DROP VIEW rows",
    # Other databases, extensions, the network
    "ATTACH '{place}/other.db'",
    "ATTACH ':memory:' AS other",
    "ATTACH 'host=127.0.0.1 dbname=x' AS pg (TYPE postgres)",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{place}/evil.duckdb_extension'",
    "FROM 'https://127.0.0.1:9/x.csv'",
    "FROM read_csv('http://127.0.0.1:9/x.csv')",
    "FROM read_parquet('s3://bucket/x.parquet')",
    "FROM read_text('hf://datasets/x/y')",
    "FROM duckdb_secrets()",
    "FROM duckdb_extensions()",
    "CREATE SECRET (TYPE s3, KEY_ID 'x')",
    # Settings
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET VARIABLE x = 1",
    "RESET allowed_paths",
    "SET allowed_directories = ['/']",
    "PRAGMA enable_logging",
    "PRAGMA version",
    "CALL enable_logging()",
    "FROM enable_logging()",
    "FROM enable_profiling()",
    "SELECT set_config('threads', '9', false)",
    "USE memory",
    "CHECKPOINT",
    "VACUUM",
    # Several at once, and none
    "SELECT 1; SELECT 2",
    "SELECT 1; SET threads = 9",
    "SELECT 1) AS x; COPY rows TO '{place}/out.csv'; SELECT * FROM (SELECT 1",
    "SELECT 1) UNION ALL (SELECT 2",
    "SELECT 1) --",
    "SELECT 1 /*",
    "SELECT 1 */ ; DROP VIEW rows --",
    "",
    ";;",
    "-- nothing",
    "/* nothing */",
    "EXPLAIN ANALYZE COPY rows TO '{place}/out.csv'",
    "EXPLAIN SELECT 1",
    "PREPARE x AS SELECT 1",
    "EXECUTE x",
    "SELECT $1",
    "SELECT ?",
    "BEGIN",
    "PIVOT rows ON n USING count(*)",
    "FROM json_execute_serialized_sql(json_serialize_sql('COPY (SELECT 1) TO ''{place}/out.csv'''))",
    # What only a Python program or a shell knows
    "SELECT getenv('SECRET_KEY')",
    "FROM asked",
    "FROM os",
    "FROM python_map_function(1)",
    "FROM pandas_scan(1)",
    "FROM arrow_scan(1, 2, 3)",
    "SELECT * FROM nowhere",
    ".shell id",
    "\\! id",
]
HARMLESS = {
    "SELECT current_setting('allowed_paths') AS it": 1,
    "SELECT name, value FROM duckdb_settings()": None,
    "SELECT current_setting('lock_configuration') AS it": 1,
    "FROM duckdb_logs()": 0,
    "FROM duckdb_databases()": None,
    "FROM duckdb_views()": None,
    "FROM duckdb_temporary_files()": None,
    "FROM pragma_database_size()": None,
    "SELECT write_log('x') AS it": 1,
    "FROM query('SELECT 42 AS it')": 1,
    "FROM query_table('rows')": 3,
    "FROM read_parquet('{place}/part.parquet')": 3,
    "FROM parquet_metadata('{place}/part.parquet')": None,
    "SELECT * FROM rows; -- DROP VIEW rows": 3,
    "/* SELECT 2; */ SELECT * FROM rows": 3,
    "SELECT ';' AS it, '--' AS also": 1,
    "SELECT 'ü' AS it; ; /* ; */ -- ü;": 1,
    "DESCRIBE rows": 1,
    "SUMMARIZE rows": 1,
    "VALUES (1), (2)": 2,
    "WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r WHERE x < 9) FROM r": 9,
    "SELECT regexp_matches(repeat('a', 100000), '(a*)*b') AS it": 1,
}
ENDLESS = [
    "WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r",
    "SELECT count(*) FROM range(10000000000000)",
    "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b",
    "SELECT x FROM range(100000000000) t(x) WHERE x < 0",
    "SELECT max(regexp_extract(repeat('ab', 20000) || x, '(.*a.*){20}c')) FROM range(10000000) t(x)",
]
GREEDY = [
    "SELECT list(x) AS it FROM range(200000000) t(x)",
    "SELECT string_agg(repeat('x', 100000), '') AS it FROM range(1000000)",
    "SELECT length(repeat('x', 2000000000) || repeat('y', 2000000000)) AS it",
    "SELECT range(1000000000) AS it",
    "SELECT repeat('x', 400000000) AS it",
    "SELECT repeat('x', 40000000) AS it",
    "SELECT array_agg(a) AS it FROM (SELECT repeat('x', 1000000) AS a FROM range(10000))",
]


@pytest.mark.parametrize("text", REFUSED)
def test_a_way_out_is_refused_in_words_and_nothing_changes(place, text):
    before = everything_in(place)
    with pytest.raises(StatementError) as refused:
        answer(place, text)
    assert str(refused.value)
    assert SECRET not in str(refused.value)
    assert everything_in(place) == before


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_not_refused_tells_nothing(place, text):
    before = everything_in(place)
    rows = answer(place, text)
    assert SECRET not in json.dumps(rows)
    assert HARMLESS[text] in (None, len(rows))
    assert everything_in(place) == before


@pytest.mark.parametrize("text", ENDLESS)
def test_what_would_never_end_ends_at_the_time_limit(place, text):
    began = time.monotonic()
    with pytest.raises(QueryTimeoutError):
        answer(place, text, QUICK)
    assert time.monotonic() - began < 20
    assert not (place / "scratch").exists()


@pytest.mark.parametrize("text", GREEDY)
def test_what_needs_too_much_memory_is_told_so(place, text):
    with pytest.raises((MemoryLimitError, StatementError)) as refused:
        answer(place, text)
    assert "memory" in str(refused.value) or "larger than" in str(refused.value)


def test_a_sort_larger_than_memory_is_done_on_the_disk_and_leaves_nothing(place):
    text = "SELECT max(h) AS it FROM (SELECT hash(x) AS h, repeat('x', 50) FROM range(2000000) t(x) ORDER BY h LIMIT 1900000)"
    assert len(answer(place, text)) == 1
    assert not (place / "scratch").exists()


def test_spilling_is_bounded_too(place):
    text = "SELECT hash(x) AS h, repeat(x::VARCHAR, 40) AS t FROM range(50000000) t(x) ORDER BY h"
    small = RefineBounds(memory_bytes=200 * 2**20, spill_bytes=2**24, seconds=30)
    with pytest.raises(MemoryLimitError):
        answer(place, text, small)


def test_a_reach_for_a_file_is_told_apart_from_a_mistake(place):
    with pytest.raises(
        ClosedError, match="reads the rows of its result and nothing else"
    ):
        answer(place, "FROM read_text('{place}/secret.txt')")


def test_the_place_of_a_mistake_is_told(place):
    with pytest.raises(StatementError) as wrong:
        answer(place, "SELECT n,\n  m\nFROM rows")
    assert (wrong.value.line, wrong.value.column) == (2, 3)
    with pytest.raises(StatementError) as wrong:
        answer(place, "SELECT n\nFORM rows")
    assert wrong.value.line == 2


def test_the_process_has_none_of_our_environment_and_is_bounded(place):
    seen = {}

    def look():
        for _ in range(200):
            for child in psutil.Process().children():
                with suppress(psutil.NoSuchProcess):  # ended while it was looked at
                    if "queries.results.refine.child" in " ".join(child.cmdline()):
                        seen["environment"] = child.environ()
                        seen["memory"] = child.rlimit(psutil.RLIMIT_AS)
                        seen["files"] = child.rlimit(psutil.RLIMIT_FSIZE)
            time.sleep(0.01)

    watcher = threading.Thread(target=look)
    watcher.start()
    with pytest.raises(QueryTimeoutError):
        answer(place, ENDLESS[1], QUICK)
    watcher.join()
    assert SECRET not in json.dumps(seen["environment"])
    assert set(seen["environment"]) <= {"PYTHONPATH", "HOME", "LC_ALL"}
    assert seen["memory"][0] < 3 * 2**30
    assert seen["files"] == (2**28, 2**28)


def test_abort_ends_the_process_at_once_and_without_an_error(place):
    question = asked(place, ENDLESS[1])
    with RefineProcess(question, place / "scratch", BOUNDS) as refinery:
        threading.Timer(1.0, refinery.abort).start()
        began = time.monotonic()
        assert list(refinery.batches()) == []
        assert time.monotonic() - began < 10


def test_the_process_ends_with_the_one_that_asked(place):
    script = f"""
import sys
from pathlib import Path
from tests.results.refine.test_escapes import BOUNDS, ENDLESS, RefineProcess, asked
place = Path({str(place)!r})
with RefineProcess(asked(place, ENDLESS[1]), place / "scratch", BOUNDS) as refinery:
    list(refinery.batches())
"""
    root = ROOT
    asker = subprocess.Popen(
        [sys.executable, "-c", script], cwd=root, env={**os.environ}
    )
    child = _first_child(asker.pid)
    asker.kill()
    asker.wait()
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def _first_child(pid):
    for _ in range(1000):
        if found := psutil.Process(pid).children():
            return found[0]
        time.sleep(0.02)
    raise AssertionError("the process never came")


def test_abort_while_the_question_is_asked_is_no_error(place):
    class Aborted(RefineProcess):
        def _question(self):
            self.abort()
            self._process.wait()
            return super()._question()

    with Aborted(asked(place, "FROM rows"), place / "scratch", BOUNDS) as refinery:
        assert list(refinery.batches()) == []


def test_a_full_disk_is_told_without_the_names_of_our_files(place):
    class LittleRoom(RefineProcess):
        def _question(self):
            question = super()._question()
            question["bounds"]["file_bytes"] = 2**20
            return question

    text = "SELECT x, md5(x::VARCHAR) AS m FROM range(20000000) t(x) ORDER BY m"
    with (
        LittleRoom(asked(place, text), place / "scratch", BOUNDS) as refinery,
        pytest.raises(ResultError, match="disk has no room") as told,
    ):
        list(refinery.batches())
    assert not isinstance(told.value, StatementError)
    assert str(place) not in str(told.value)


def test_a_place_that_cannot_be_made_is_told(place):
    (place / "file").touch()
    with (
        RefineProcess(
            asked(place, "FROM rows"), place / "file" / "x", BOUNDS
        ) as refinery,
        pytest.raises(ResultError, match="disk has no room"),
    ):
        list(refinery.batches())


@pytest.mark.parametrize("content", [b"", b"PAR1 and nothing else"])
def test_a_damaged_part_is_told_and_not_blamed_on_the_statement(place, content):
    (place / "part.parquet").write_bytes(content)
    with pytest.raises(ResultsDamagedError):
        answer(place, "FROM rows")


def test_a_missing_part_is_told(place):
    question = asked(place, "FROM rows")
    (place / "part.parquet").unlink()
    with (
        RefineProcess(question, place / "scratch", BOUNDS) as refinery,
        pytest.raises(ResultsMissingError),
    ):
        list(refinery.batches())


CONFINED = """
import socket, sys
from queries.results.refine.landlock import restrict_process
readable, secret, folder = sys.argv[1:]
if not restrict_process(readable=[readable], writable=[folder]):
    print("not offered here")
    sys.exit()
open(readable).read()
open(folder + "/new", "w").write("x")
def tried(action):
    try:
        action()
    except PermissionError:
        return "refused"
    except OSError as error:
        return type(error).__name__
    return "done"
print(
    tried(lambda: open(secret).read()),
    tried(lambda: open(readable, "w")),
    tried(lambda: open(secret + ".new", "w")),
    tried(lambda: open("/proc/self/environ").read()),
)
"""


def test_the_kernel_refuses_other_files_even_if_duckdb_did_not(place):
    (place / "allowed").write_text("rows")
    (place / "folder").mkdir()
    names = [str(place / name) for name in ("allowed", "secret.txt", "folder")]
    done = subprocess.run(
        [sys.executable, "-c", CONFINED, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    if "not offered" in done.stdout:
        pytest.skip("This kernel has no Landlock, or a container forbids it.")
    assert done.stdout.split() == ["refused"] * 4
    assert (place / "allowed").read_text() == "rows"


def test_a_long_answer_arrives_whole(place):
    """Long enough that DuckDB would print its progress, and larger than any pipe."""
    text = "SELECT x, repeat(md5(x::VARCHAR), 20) AS t FROM range(600000) t(x)"
    count = 0
    with RefineProcess(asked(place, text), place / "scratch", BOUNDS) as refinery:
        for batch in refinery.batches():
            count += batch.num_rows
    assert count == 600_000


def test_an_error_after_the_first_rows_is_told_after_them(place):
    text = "SELECT CASE WHEN x = 500000 THEN error('too far') ELSE x END AS it FROM range(1000000) t(x)"
    counts = []
    with RefineProcess(asked(place, text), place / "scratch", BOUNDS) as refinery:
        counted = (counts.append(batch.num_rows) for batch in refinery.batches())
        with pytest.raises(StatementError, match="too far"):
            list(counted)
    assert 100_000 < sum(counts) <= 500_000
