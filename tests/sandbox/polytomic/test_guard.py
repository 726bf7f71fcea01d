"""Ways out of the sandbox's SQL, all of them closed."""

from __future__ import annotations

import pytest

ALLOWED = [
    "SELECT 1 AS a",
    "select status, count(*) from orders group by all order by 2 desc limit 3;",
    "WITH a AS (SELECT * FROM orders), b AS (SELECT * FROM a) SELECT count(*) FROM b",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r",
    "SELECT * FROM (VALUES (1, 'x'), (2, 'y')) AS v(a, b)",
    "FROM orders SELECT order_id LIMIT 1 -- a comment",
    "SELECT * FROM main.orders LIMIT 1 /* another */",
    "SELECT * FROM products WHERE sku IN (SELECT sku FROM order_lines) LIMIT 1",
    "SELECT * FROM orders o JOIN customers c USING (customer_id) LIMIT 1",
    "SELECT * FROM numbers(3) UNION ALL SELECT * FROM numbers(2)",
    "SELECT * FROM range(3)",
    "SELECT unnest([1, 2, 3])",
    "SELECT * FROM orders PIVOT (count(*) FOR status IN ('placed', 'shipped')) LIMIT 1",
    "SELECT table_name FROM information_schema.tables",
    "SELECT * FROM information_schema.columns LIMIT 1",
    "SELECT row_number() OVER (PARTITION BY status ORDER BY ordered_at) FROM orders LIMIT 1",
    "SELECT 'DROP TABLE orders; COPY orders TO ''/tmp/x''' AS text",
    "SELECT upper(name), name LIKE '%a%', regexp_matches(name, '^[A-Z]') FROM customers LIMIT 1",
    "SHOW TABLES",
    "DESCRIBE orders",
    "SUMMARIZE products",
]
NO_SELECT = [
    "DROP TABLE orders",
    "DELETE FROM orders",
    "UPDATE orders SET total = 0",
    "INSERT INTO orders SELECT * FROM orders",
    "WITH x AS (INSERT INTO orders SELECT * FROM orders RETURNING *) SELECT * FROM x",
    "WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x",
    "WITH x AS (UPDATE orders SET total = 0 RETURNING *) SELECT * FROM x",
    "CREATE TABLE mine (a INTEGER)",
    "CREATE TEMP TABLE mine (a INTEGER)",
    "CREATE OR REPLACE MACRO numbers(a) AS TABLE SELECT 1",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE SECRET (TYPE s3)",
    "ATTACH '/tmp/stolen.db' AS stolen",
    "DETACH memory",
    "USE information_schema",
    "COPY orders TO '/tmp/stolen.csv'",
    "COPY (SELECT 1) TO '/tmp/stolen.csv'",
    "COPY orders FROM '/etc/passwd'",
    "EXPORT DATABASE '/tmp/stolen'",
    "IMPORT DATABASE '/tmp/stolen'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '64GB'",
    "SET VARIABLE mine = 1",
    "RESET lock_configuration",
    "PRAGMA database_list",
    "PRAGMA memory_limit = '64GB'",
    "CALL pragma_version()",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "EXPLAIN ANALYZE SELECT 1",
]
FILES = [
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM '/etc/passwd.csv'",
    'SELECT * FROM "/etc/passwd"',
    "SELECT * FROM 'https://example.com/x.csv'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json('/etc/passwd')",
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT * FROM parquet_scan('/etc/passwd')",
    "SELECT * FROM parquet_metadata('/etc/passwd')",
    "SELECT * FROM read_duckdb('/etc/passwd')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT (SELECT content FROM read_text('/etc/passwd'))",
    "SELECT * FROM orders WHERE status = (SELECT content FROM read_text('/etc/passwd'))",
    "WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM x",
    "DESCRIBE SELECT * FROM read_csv('/etc/passwd')",
    "DESCRIBE '/etc/passwd'",
    "SUMMARIZE '/etc/passwd'",
    "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    "SELECT * FROM query_table('/etc/passwd')",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    """SELECT * FROM (WITH "/etc/passwd" AS (SELECT 1) SELECT 1) AS a, "/etc/passwd" """,
]
MACHINE = [
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_databases()",
    "SELECT * FROM duckdb_functions()",
    "SELECT * FROM duckdb_logs()",
    "SELECT * FROM duckdb_temporary_files()",
    "SELECT * FROM pragma_version()",
    "SELECT * FROM pragma_platform()",
    "SELECT * FROM pragma_database_size()",
    "SELECT * FROM duckdb_tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pg_catalog.pg_settings",
    "SELECT * FROM pg_settings",
    "SELECT * FROM information_schema.schemata",
    "SELECT * FROM system.information_schema.tables",
    "SELECT * FROM (WITH sqlite_master AS (SELECT 1) SELECT 1) AS a, sqlite_master",
    "SELECT * FROM (WITH PG_settings AS (SELECT 1) SELECT 1) AS a, pg_settings",
    "SELECT current_setting('temp_directory')",
    "SELECT main.current_setting('home_directory')",
    "SELECT system.main.current_setting('home_directory')",
    "SELECT 'home_directory'.current_setting()",
    "SELECT getvariable('x')",
    "SELECT getenv('HOME')",
    "SELECT version()",
    "SELECT set_config('threads', '9', false)",
    "SELECT write_log('x')",
    "SELECT nextval('x')",
    "SELECT * FROM which_secret('s3://x', 's3')",
    "SELECT * FROM test_all_types()",
    "SELECT * FROM sql_auto_complete('SEL')",
    "SHOW DATABASES",
    "SHOW ALL TABLES",
    "SELECT * FROM (SHOW DATABASES)",
]  # fmt: skip
FILLING = [
    "SELECT repeat('x', 2000000000)",
    "SELECT 'x'.repeat(2000000000)",
    "SELECT lpad('x', 2000000000, 'y')",
    "SELECT rpad('x', 2000000000, 'y')",
    "SELECT printf('%2000000000d', 1)",
    "SELECT format('{:>2000000000}', 1)",
    "SELECT bar(1, 0, 1, 2000000000)",
    "SELECT range(2000000000)",
    "SELECT generate_series(1, 2000000000)",
    "SELECT list_resize([1], 2000000000)",
    "SELECT pg_sleep(3600)",
    "SELECT count(*) FROM repeat_row(1, num_rows := 2000000000)",
]
SENSELESS = [
    "",
    "  ",
    "SELECT",
    "SELEC 1",
    "SELECT 1; SELECT 2",
    ";",
    "SELECT 1; DROP TABLE orders",
    "\x00",
    "(" * 5_000,
    "SELECT 1 +" * 20_000,
]


@pytest.mark.parametrize("statement", ALLOWED)
def test_what_only_reads_the_shop_runs(shared, statement):
    data = shared.run(statement)
    assert data["status"] == "done", data
    assert data["count"] > 0


@pytest.mark.parametrize("statement", NO_SELECT + FILES + MACHINE + FILLING)
def test_every_way_out_is_closed(shared, statement):
    data = shared.run(statement)
    assert data["status"] == "failed"
    assert "results" not in data
    assert "root:" not in str(data)
    assert any(
        words in data["error"]
        for words in (
            "Only SELECT",
            "not offered",
            "no table",
            "cannot be shown",
            "is taken",
            "Syntax error",
            "does not exist",
        )
    ), data["error"]


@pytest.mark.parametrize("statement", [text for text in SENSELESS if text.strip()])
def test_what_makes_no_sense_fails_in_words(shared, statement):
    answer = shared.post(json={"query": statement})
    assert answer.status_code == 200
    shared.sandbox.wait_until_idle()
    data = shared.result(answer.json()["data"]["id"]).json()["data"]
    assert data["status"] == "failed"
    assert data["error"]


def test_a_query_has_a_length(shared):
    answer = shared.post(json={"query": "SELECT 1 " + " " * 200_000})
    shared.sandbox.wait_until_idle()
    data = shared.result(answer.json()["data"]["id"]).json()["data"]
    assert data["error"] == "The query is longer than 200,000 characters."


def test_after_all_that_the_shop_is_as_it_was(shared):
    counted = "SELECT (SELECT count(*) FROM orders) AS o, (SELECT count(*) FROM information_schema.tables) AS t"
    assert shared.run(counted)["results"] == [{"o": 300, "t": 5}]


def test_a_variable_of_ours_is_no_table(shared):
    for name in ("config", "self", "cursor", "statement", "database", "request"):
        assert "no table" in shared.run(f"SELECT * FROM {name}")["error"]
