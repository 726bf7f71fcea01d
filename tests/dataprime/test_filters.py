"""Conditions: comparisons, null, types, membership, and which rows come out."""

from __future__ import annotations

import pytest

from dataprime import DataPrimeError


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("$d.status == 200", [0, 4]),
        ("status == 200", [0, 4]),
        ("$d.status != 200", [2]),
        ("$d.status >= 400", [2]),
        ("$d.status:num >= 400", [1, 2]),
        ("$d.status:number in [404, 500]", [1, 2]),
        ("$d.user == 'ann'", [0]),
        ('$d.user == "ann"', [0]),
        ("$d.user == null", [2, 3, 4]),
        ("$d.user != null", [0, 1]),
        ("null == $d.user", [2, 3, 4]),
        ("$d.user > null", []),
        ("!($d.user == 'ann')", [1, 2, 3, 4]),
        ("$d.user == 'ann' || $d.status == 404", [0, 2]),
        ("$d.user != 'x' && $d.dur < 2", [0]),
        ("$d.ok", [4]),
        ("$d.ok == true", [4]),
        ("$d.ok == false", []),
        ("!$d.ok", [0, 1, 2, 3]),
        ("$d.id == 9223372036854775808", [1]),
        ("$d.id == 1234567890123456788", []),
        ("$d.id == 1234567890123456789", [2]),
        ("$d.user in ['ann', 'bob']", [0, 1]),
        ("$d.user.in('ann', 'zoe')", [0]),
        ("in($d.status, 200, '500', null)", [0, 1, 3, 4]),
        ("$d.user in []", []),
        ("'a' in $d.tags", [1]),
        ("$d.status == $d.status", [0, 1, 2, 4]),
        ("$d.status < $d.id", [1, 2]),
        ("$d.user == $d.msg", []),
        ("[1, 2] == [1, 2] && $d.ok", [4]),
        ("$d.dur - 1 == 0.5", [0]),
        ("-$d.dur == -3", [2]),
        ("$d['it\\'s'] == 1", [4]),
        ('$d["it\'s"] == 1', [4]),
        ("$d['quo\"te'] == 2", [4]),
        ("$d['~/'] == 3", [4]),
        ("$d['a.b'] == 'dotted'", [4]),
        ("$d.kubernetes.labels['app.kubernetes.io/name'] == 'web'", [0]),
        ("$data.nested.a.b[1].c == 'deep'", [4]),
        ("$d.nested.a.b[0] == 1", [4]),
        ("$d.nested.a.b[9] == null", [0, 1, 2, 3, 4]),
        ("$l.applicationname == 'shop'", [0, 1]),
        ("$labels.applicationname != 'shop'", [2, 3, 4]),
        ("$l.applicationname == 'o\\'x'", [4]),
        ("$l.applicationname.startsWith('b')", [2, 3]),
        ("$m.logid == 'id2'", [2]),
    ],
)
def test_a_filter_keeps_the_rows_it_is_true_for(logs, condition, expected):
    assert logs.ids(f"filter {condition}") == expected


@pytest.mark.parametrize("word", ["filter", "f", "where"])
def test_filter_has_aliases(logs, word):
    assert logs.ids(f"source logs | {word} $d.status == 404") == [2]


def test_block_drops_what_filter_keeps_and_nothing_else(logs):
    assert logs.ids("block $d.status == 200") == [1, 2, 3]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("$m.severity == ERROR", [1, 2]),
        ("$m.severity != ERROR", [0, 3, 4]),
        ("$m.severity >= ERROR", [1, 2, 3]),
        ("$m.severity < INFO", [4]),
        ("ERROR == $m.severity", [1, 2]),
        ("$m.severity in [DEBUG, CRITICAL]", [3, 4]),
        ("$m.severity:number > 5", [3]),
        ("$m.severity:string == 'Error'", [1, 2]),
        ("$m.severity == null", []),
    ],
)
def test_severity_is_compared_with_bare_words(logs, condition, expected):
    assert logs.ids(f"filter {condition}") == expected


@pytest.mark.parametrize(
    ("condition", "advice"),
    [
        ("$m.severity == 'error'", "write ERROR without quotes"),
        ("$m.severity == 'high'", "one of DEBUG, VERBOSE, INFO"),
        ("$m.severity >= 5", "write ERROR"),
        ("5 <= $m.severity", "write ERROR"),
        ("$m.severity in ['ERROR']", "write ERROR without quotes"),
        ("$m.severity == $d.status", "cast both sides with ':string'"),
        ("$d.level == ERROR", "a severity is compared with a value of type any"),
    ],
)
def test_severity_against_anything_else_is_an_error_with_advice(
    logs, condition, advice
):
    with pytest.raises(DataPrimeError, match=advice.replace("(", r"\(")):
        logs.compile(f"filter {condition}")


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("$m.timestamp > '10'", "write a time as @'2024-01-31T13:45:00Z'"),
        ("$l.applicationname == 5", "cast it with ':number'"),
        ("$l.applicationname > true", "a string is compared with a bool"),
        ("1 == 'a'", "type mismatch"),
        ("[1] < [2]", "have no order"),
        ("$l.applicationname in [1, 2]", "type mismatch"),
        ("1 in 2", "'in' needs an array"),
        ("'text'", "a condition is needed here"),
        ("$d.a + 'x' == 1", "use concat()"),
        ("$m.timestamp / 5 == 1", "divided by an interval"),
        ("-'x' == 1", "does not take a string"),
        ("$d.x:money == 1", "unknown type 'money'"),
        ("$d.x:severity == 1", "unknown type 'severity'"),
        ("[1]:number == 1", "cannot be cast to number"),
        ("$d.x ~ $d.y", "needs a quoted text"),
        ("true:interval == 1h", "cannot be cast to interval"),
        ("'a' == /x/", "use $d.key.matches(/pattern/)"),
    ],
)
def test_a_known_type_that_cannot_match_is_an_error(logs, condition, message):
    with pytest.raises(DataPrimeError) as caught:
        logs.compile(f"filter {condition}")
    assert message in caught.value.message


def test_an_error_names_its_line_and_column(logs):
    with pytest.raises(DataPrimeError) as caught:
        logs.compile("source logs\n  | filter $m.severity == 'x'")
    error = caught.value
    assert (error.line, error.column) == (2, 24)
    assert str(error) == f"{error.message} in line 2 at column 24"


def test_many_conditions_in_a_row_are_no_problem(logs):
    chain = " || ".join(f"$d.status == {n}" for n in range(150, 450))
    assert logs.ids(f"filter {chain}") == [0, 2, 4]
