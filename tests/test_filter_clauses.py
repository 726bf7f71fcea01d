"""Clauses: a condition becomes text of the statement's language, or nothing where that is not safe."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dataprime
from queries.filter_clauses import accepts_filters, add_filters, can_express
from queries.results import Column, Condition
from queries.results.keypaths import keypath

SEVERITY = Column("$m.severity", "severity", "s")
TEXT = Column("$d.msg", "text", "s")
NUMBER = Column("$d.n", "integer", "i")
TIME = Column("$m.timestamp", "timestamp", "t")


def clause(column: Column, operation: str, *values: str, language="dataprime") -> str:
    """What is added to "source logs" (or to a SELECT)."""
    before = "source logs" if language == "dataprime" else "SELECT 1"
    asked = [(column, Condition(column.name, operation, values))]
    after = add_filters(language, before, asked)
    return after.removeprefix(before).removeprefix("\n| filter ")


@pytest.mark.parametrize(
    ("column", "operation", "values", "expected"),
    [
        (SEVERITY, "is", ["Error"], "$m.severity == ERROR"),
        (SEVERITY, "not", ["Error", "Info"], "$m.severity != ERROR && $m.severity != INFO"),
        (SEVERITY, "is", ["ERROR || true"], ""),
        (TEXT, "is", ["it's \\ \n"], r"$d.msg == 'it\'s \\ \n'"),
        (TEXT, "is", ["a", "b"], "($d.msg == 'a' || $d.msg == 'b')"),
        (TEXT, "is", [""], "$d.msg == ''"),
        (TEXT, "is", ["a\x00"], ""),
        (TEXT, "contains", ["x"], "$d.msg.contains('x')"),
        (TEXT, "lacks", ["x"], "!$d.msg.contains('x')"),
        (TEXT, "matches", ["x.*"], ""),
        (TEXT, "empty", [], "$d.msg == null"),
        (TEXT, "present", [], "$d.msg != null"),
        (NUMBER, "is", ["5"], "$d.n == 5"),
        (NUMBER, "is", ["5 || true"], ""),
        (NUMBER, "between", ["1.5", ""], "$d.n >= 1.5"),
        (NUMBER, "between", ["1", "2"], "$d.n >= 1 && $d.n <= 2"),
        (TIME, "between", ["2026-06-19T02:00+02:00", "2026-06-20"], "$m.timestamp >= @'2026-06-19T00:00:00.000Z' && $m.timestamp < @'2026-06-21T00:00:00.000Z'"),
        (TIME, "between", ["2026-06-19 02:00:00.461062023", ""], "$m.timestamp >= @'2026-06-19T02:00:00.461062023Z'"),
        (TIME, "is", ["2026-06-19T02:00:00.461Z"], "$m.timestamp >= @'2026-06-19T02:00:00.461Z' && $m.timestamp < @'2026-06-19T02:00:00.462Z'"),
        (TIME, "not", ["2026-06-18T22:00Z/2026-06-19T21:59Z"], "($m.timestamp < @'2026-06-18T22:00:00.000Z' || $m.timestamp >= @'2026-06-19T22:00:00.000Z')"),
        (TIME, "is", ["2026", "2026-06-19"], ""),
        (SEVERITY, "between", ["Warning", ""], "($m.severity == WARNING || $m.severity == ERROR || $m.severity == CRITICAL)"),
        (SEVERITY, "between", ["", "debug"], "$m.severity == DEBUG"),
        (SEVERITY, "between", ["loud", ""], ""),
        (TIME, "is", ["yesterday"], ""),
        (Column("$d.ok", "boolean", "b"), "is", ["TRUE"], "$d.ok == true"),
        (Column("$d.list", "json", "j"), "is", ["[1]"], ""),
        (Column("$d.list", "json", "j"), "present", [], "$d.list != null"),
        (Column("count (2)", "integer", "i"), "is", ["1"], ""),
    ],
)  # fmt: skip
def test_a_condition_in_dataprime(column, operation, values, expected):
    found = clause(column, operation, *values)
    assert found == expected
    asked = Condition(column.name, operation, tuple(values))
    assert can_express("dataprime", column, asked) is bool(expected)
    if found:
        dataprime.parse(f"source logs | filter {found}")


@given(st.text(min_size=1), st.text(min_size=1))
def test_whatever_the_key_and_the_value_the_clause_is_one_filter(key, value):
    column = Column(keypath("$d", key), "text", "s")
    found = clause(column, "is", value)
    if not found:
        return
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    query = dataprime.parse(f"source logs | filter {found}")
    plain = dataprime.parse("source logs | filter $d.a == 'b'")
    assert list(map(type, query.commands)) == list(map(type, plain.commands))


def test_a_clause_goes_on_a_line_of_its_own_after_a_comment():
    after = add_filters(
        "dataprime", "source logs // all", [(NUMBER, Condition("$d.n", "is", ("5",)))]
    )
    assert after == "source logs // all\n| filter $d.n == 5"


@pytest.mark.parametrize(
    ("column", "operation", "values", "expected"),
    [
        (Column("plan", "text", "s"), "is", ["pro"], "plan = 'pro'"),
        (Column("plan", "text", "s"), "not", ["a", "b"], "plan NOT IN ('a', 'b')"),
        (Column("plan", "text", "s"), "empty", [], "plan IS NULL"),
        (Column("plan", "text", "s"), "present", [], "plan IS NOT NULL"),
        (Column("n", "integer", "i"), "is", ["5"], "n = 5"),
        (Column("ok", "boolean", "b"), "is", ["true"], "ok = true"),
        (Column("plan", "text", "s"), "is", ["o'clock"], ""),
        (Column("plan", "text", "s"), "is", ["a\\"], ""),
        (Column("plan", "text", "s"), "contains", ["a"], ""),
        (Column('pl"an', "text", "s"), "is", ["a"], ""),
        (Column("n", "integer", "i"), "is", ["5 OR 1=1"], ""),
    ],
)
def test_a_condition_in_sql_wraps_the_statement(column, operation, values, expected):
    asked = [(column, Condition(column.name, operation, tuple(values)))]
    after = add_filters("sql", " SELECT 1 -- all\n;", asked)
    wrapped = f"SELECT * FROM (\nSELECT 1 -- all\n) AS t\nWHERE {expected}"
    assert after == (wrapped if expected else " SELECT 1 -- all\n;")


@pytest.mark.parametrize(
    ("language", "statement", "can"),
    [
        ("dataprime", "source logs", True),
        ("dataprime", " ", False),
        ("sql", "WITH a AS (SELECT 1) SELECT * FROM a;", True),
        ("sql", "DELETE FROM a", False),
        ("sql", "SELECT 1; DELETE FROM a", False),
        ("json", "{}", False),
        ("text", "anything", False),
    ],
)
def test_only_some_statements_take_a_clause(language, statement, can):
    assert accepts_filters(language, statement) is can
    column = Column("$d.a" if language == "dataprime" else "a", "text", "s")
    asked = [(column, Condition(column.name, "is", ("x",)))]
    if statement.strip():
        assert (add_filters(language, statement, asked) != statement) is can
