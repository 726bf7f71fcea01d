"""No text, however odd, leaves its place or fails with anything but DataPrimeError."""

from __future__ import annotations

from contextlib import suppress

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dataprime import DataPrimeError, compile_dataprime
from dataprime.errors import Position, printable
from dataprime.patterns import check_pattern
from tests.dataprime import typed
from tests.dataprime.logs import NOW, TABLE

# One table for all examples: every query only reads.
several = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
ODD = [
    "'; DROP TABLE x; --",
    '"',
    "\\",
    "\0",
    "$1",
    "\0001\0",
    "💥",
    "%",
    "{",
    "/*",
    "é\n",
]
texts = (
    st.text(max_size=40)
    | st.sampled_from(ODD)
    | st.lists(st.sampled_from(ODD)).map("".join)
)


def literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


@several
@given(text=texts)
@example(text='it\'s \\n "x" $1 \0')
def test_a_literal_comes_out_as_it_went_in(logs, text):
    query = (
        f"limit 1 | choose {literal(text)} as it, concat({literal(text)}, '') as too"
    )
    assert logs.data(query) == [{"it": text, "too": text}]


@several
@given(key=texts, other=texts)
def test_a_key_of_any_text_can_be_written_and_read(logs, key, other):
    path, below = f"$d[{literal(key)}]", f"[{literal(other)}]"
    query = f"limit 1 | create {path}{below} from 7 | choose {path} as all, {path}{below} as it"
    assert logs.data(query) == [{"all": {other: 7}, "it": 7}]
    alias = f"limit 1 | groupby 1 as {path} agg count() as $d[{literal(key + '!')}]"
    assert logs.data(alias)[0][key] == 1


@several
@given(text=texts)
def test_a_search_for_any_text_runs(logs, text):
    phrase = literal(text)
    logs.rows(
        f"filter $d ~ {phrase} || msg ~~ {phrase} || $l.applicationname ~ {phrase}"
    )
    logs.rows(
        f"wildfind {phrase} | find {phrase} in kubernetes | filter msg.contains({phrase})"
    )


@several
@given(
    text=st.text(max_size=60)
    | st.text('ab:*?"\\()[]{}<>=/-+!&|~^. TO AND OR NOT', max_size=40)
)
@example(text="coralogix.metadata.severity:5")
@example(text="a:[now-1h TO *}")
def test_any_lucene_text_runs_or_is_refused(logs, text):
    with suppress(DataPrimeError):
        logs.lucene(text)


PIECES = st.sampled_from(
    [
        "source",
        "logs",
        "spans",
        "last",
        "1h",
        "between",
        "and",
        "|",
        "filter",
        "block",
        "choose",
        "create",
        "from",
        "remove",
        "move",
        "to",
        "replace",
        "with",
        "limit",
        "orderby",
        "desc",
        "count",
        "into",
        "countby",
        "groupby",
        "aggregate",
        "as",
        "distinct",
        "top",
        "by",
        "dedupeby",
        "keep",
        "find",
        "in",
        "lucene",
        "extract",
        "using",
        "regexp",
        "kv",
        "(",
        "e",
        "=",
        ")",
        "datatypes",
        "roundtime",
        "5m",
        "1d2h",
        "$d",
        "$m",
        "$l",
        "$p",
        ".a",
        ".timestamp",
        ".severity",
        ".applicationname",
        "['x.y']",
        "[0]",
        "user",
        "msg",
        "status",
        "dur",
        "tags",
        "kubernetes",
        "nested",
        "1",
        "2.5",
        "10000000000000000000",
        "'text'",
        '"it"',
        "/a+(?<n>b)/",
        "@'now'",
        "@'2024-01-01'",
        "true",
        "null",
        "ERROR",
        "==",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        "!",
        "+",
        "-",
        "*",
        "/",
        "%",
        "~",
        "~~",
        ":",
        ":num",
        ":string",
        ":timestamp",
        ":interval",
        ":bool",
        ":array",
        ",",
        "[",
        "]",
        "{",
        "}",
        "->",
        "case",
        "case_equals",
        "_",
        "count()",
        "sum(",
        "avg(",
        "max(",
        "min_by(",
        "percentile(0.5,",
        "if(",
        "toLowerCase(",
        "concat(",
        "substr(",
        "arraySort(",
        "arrayLength(",
        "formatTimestamp(",
        "extractTime(",
        "now()",
        "parseTimestamp(",
        "toUnixTime(",
        "firstNonNull(",
        "splitParts(",
        "round(",
        "log(",
        ".length()",
        "'s'",
        "'%Y'",
        "'h'",
        "collect(",
        "any_value(",
        "distinct_count(",
        "setUnion(",
        "arraySplit(",
        "roundTime(",
        "toInterval(",
    ]
)


def _runs(logs, query: str) -> None:
    with suppress(DataPrimeError):
        logs.rows(query)


@settings(parent=several, max_examples=300)
@given(query=st.lists(PIECES, max_size=25).map(" ".join))
def test_any_words_of_the_language_run_or_are_refused(logs, query):
    _runs(logs, query)


@several
@given(expression=typed.anything)
def test_any_well_typed_expression_gives_a_value(logs, expression):
    assert len(logs.rows(f"choose {expression} as it")) == 5


@several
@given(condition=typed.bools, one=typed.anything, two=typed.anything)
def test_any_well_typed_expression_can_be_filtered_sorted_and_grouped_by(
    logs, condition, one, two
):
    logs.rows(
        f"filter {condition} | create x from {one} | orderby {two}, x desc | limit 3"
    )
    logs.rows(f"dedupeby {one}, {two} keep 1 | block x == 1 && {condition}")
    grouped = f"groupby {one} as a agg any_value({two}) as b, collect({two}, true) as c"
    logs.rows(
        f"{grouped}, min_by({one}, {two}) as d | filter a != null | orderby b, a, d"
    )


@several
@given(condition=typed.bools, number=typed.numbers)
def test_any_well_typed_expression_can_be_aggregated(logs, condition, number):
    logs.rows(f"aggregate sum({number}), avg({number}), max({number}) - min({number})")
    logs.rows(
        f"aggregate count({condition}), stddev({number}), percentile(0.9, {number})"
    )
    logs.rows(f"top 2 {condition} as t by sum({number}) as n | filter n > 0")


def _compiles(logs, pattern: str) -> None:
    query = "SELECT regexp_matches('ab1', ?)"
    logs.connection.execute(query, [pattern]).fetchall()


@settings(parent=several, max_examples=400)
@given(pattern=st.text("ab(|)*+?{}[]^$.\\d1,0-:?<P>=!iwWpLzZxéQ_", max_size=14))
@example(pattern="(?:a{100}){11}")
@example(pattern="(?:\\pL{100}){4}")
@example(pattern="[[:^alpha:]\\x{10FFFF}-\\x{0}]")
def test_any_pattern_compiles_or_is_refused(logs, pattern):
    with suppress(DataPrimeError):
        checked = check_pattern(pattern, Position(3, 5))
        _compiles(logs, checked.text)


@pytest.mark.parametrize(
    "query",
    [
        "filter " + "(" * 5000 + "1",
        "filter " + "!" * 5000 + "true",
        "filter " + "-" * 5000 + "1 == 1",
        "filter " + " + ".join(["1"] * 5000) + " > 1",
        "filter $d" + ".a" * 20_000 + " == 1",
        "filter x" + ".trim()" * 5000 + " == 'a'",
        "filter " + "[" * 5000,
        "filter " + "case { true -> " * 2000,
        "filter " + " && ".join(["true"] * 5000),
        " | ".join(["limit 1"] * 500),
        "filter 1" + "0" * 60_000 + " == 1",
        "filter " + "1" * 60_000 + "d == 1",
        "filter 1e99999 == 1",
        "filter x == '" + "a" * 70_000 + "'",
        "filter x.matches(/" + "(" * 5000 + "/)",
        "choose " + "abs(" * 55 + "x" + ")" * 55 + " as y",
        "choose " + "toInterval(" * 50 + "x" + ")" * 50 + " as y",
        "choose " + "concat(x, " * 50 + "x" + ")" * 50 + " as y",
        "choose x" + ":string:number" * 25 + " as y",
        "choose " + "round(x, " * 50 + "x" + ")" * 50 + " as y",
        "create x from y + y" + " | create x from x + x" * 90,
        "create x from y" + " | create x.a from x" * 90,
        "filter x in [" + "1," * 30_000 + "1]",
        "lucene '" + "(" * 5000 + "'",
        "lucene '" + "a " * 5000 + "'",
        "\ud800",
    ],
    ids=lambda query: query[:24].encode(errors="replace").decode(),
)
def test_huge_and_deep_queries_are_bounded(logs, query):
    _runs(logs, query)


def test_an_identifier_that_quotes_itself_stays_one_name(logs):
    name = 'a"b; SELECT 1 --'
    table = type(TABLE)(name, TABLE.fields, TABLE.roots)
    compiled = compile_dataprime("count", tables={"logs": table}, now=NOW)
    with duckdb.connect() as connection, pytest.raises(duckdb.CatalogException):
        connection.execute(compiled.sql, list(compiled.params))


def test_messages_show_user_text_short_and_printable():
    assert printable("a\0b\x1b[31m") == "'a·b·[31m'"
    assert printable("x" * 100) == f"'{'x' * 60}…'"
