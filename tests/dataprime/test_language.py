"""Reading queries: tokens, precedence, and what is said about mistakes."""

from __future__ import annotations

import pytest

from dataprime import DataPrimeError, Query, UnknownConstructError, parse


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'it\\'s'", "it's"),
        ('"say \\"hi\\""', 'say "hi"'),
        ("'a\\nb\\tc\\\\d'", "a\nb\tc\\d"),
        ("'\\d+'", "\\d+"),
        ("'two\nlines'", "two\nlines"),
        ("'// no # comment /* here */'", "// no # comment /* here */"),
        ("1 /* one */ + // two\n 2 # three\n + 3", 6),
        ("1.5e3", 1500),
        ("true && !false || false", True),
        ("1 + 2 * 3 == 7 && 2 < 3", True),
        ("1 == 2 || 1 == 1 && 2 == 3", False),
        ("!(1 == 2)", True),
        ("10 / 5 / 2", 1),
        ("2 in [1, 2] == true", True),
        ("-1 - -2", 1),
        ("[1, 'a', null, true]", [1, "a", None, True]),
        ("12.5.round()", 13),
        ("'ab'.length().power(2)", 4),
        ("(kubernetes).labels['app.kubernetes.io/name'].toUpperCase()", "WEB"),
        ("$d.kubernetes.pod:string.length()", 2),
        ("$d . user", "ann"),
        ("$d.status / 100 / 2", 1),
        ("kubernetes['pod']", "p1"),
    ],
)
def test_expressions_mean_what_they_look_like(logs, expression, expected):
    assert logs.first_value(expression) == expected


def test_a_query_is_a_source_and_commands():
    query = parse("source logs | filter a == 1 | limit 5")
    assert isinstance(query, Query)
    assert query.source is not None
    assert [type(command).__name__ for command in query.commands] == ["Filter", "Limit"]
    assert parse("from default/logs").commands == ()
    assert parse("limit 5").source is None


@pytest.mark.parametrize(
    ("query", "message", "line", "column"),
    [
        ("", "the query is empty", 1, 1),
        ("  \n // nothing", "the query is empty", 2, 12),
        (
            "filter",
            "the query ends where a value, a keypath or a function is needed",
            1,
            7,
        ),
        (
            "filter a == 1 filter b",
            "unexpected 'filter': '|' before the next command",
            1,
            15,
        ),
        ("filter a = 1", "a single '=' does not compare: use '=='", 1, 10),
        ("filter a == 1 AND b == 2", "use '&&' for and", 1, 15),
        ("filter a == 1 or b == 2", "use '||' for or", 1, 15),
        ("filter a not in [1]", "use '!' for not", 1, 10),
        ("filter a like 'x%'", "there is no 'like'", 1, 10),
        ("filter a contains 'x'", "'contains' is a function", 1, 10),
        ("filter a is null", "compare with null", 1, 10),
        ("filter a <> 1", "use '!=' for not equal", 1, 10),
        ("filter a ? b : c", "use if(condition, then, else)", 1, 10),
        ("limit 5;", "steps are separated with '|'", 1, 8),
        ("filter a == 'b", "unterminated string: a closing ' is missing", 1, 13),
        ('filter a == "b', 'unterminated string: a closing " is missing', 1, 13),
        ("filter a.matches(/b)", "unterminated regular expression", 1, 18),
        ("limit 5 /* why", "unterminated comment", 1, 9),
        ("filter a == ^", "unexpected character '^'", 1, 13),
        ("filter a == 5min", "'5min' is not a number or an interval", 1, 13),
        ("filter $x.a == 1", "unknown root '$x'", 1, 8),
        ("filter a[", "a quoted key or a whole number", 1, 10),
        ("filter a[b] == 1", "a quoted key or a whole number", 1, 10),
        ("filter a['b' == 1", "']' after the key", 1, 14),
        ("filter (a == 1", "')' to close the bracket", 1, 15),
        ("filter a.5 == 1", "a key or a method", 1, 10),
        ("filter a in [1 2]", "',' or ']'", 1, 16),
        ("filter f(1 2)", "',' or ')'", 1, 12),
        ("filter case { a 1 }", "'->' before the result", 1, 17),
        ("filter case { _ -> 1, a -> 2 }", "the default '_' comes last", 1, 21),
        ("filter case { a -> 1 b -> 2 }", "',' or '}'", 1, 22),
        ("filter case_equals { a -> 1 }", "after the value to compare", 1, 24),
        ("create x 5", "'from' before the value", 1, 10),
        ("create x from 5 on error skip", "'keypath' after 'on'", 1, 20),
        ("move a b", "'to' before the new keypath", 1, 8),
        ("dedupeby a", "'keep' before the number of rows", 1, 11),
        ("find x in y", "a quoted text is needed", 1, 6),
        ("top 5 a", "'by' before what to rank by", 1, 8),
        ("roundtime a.b + 1 to 5m", "'into' and a keypath", 1, 24),
        ("extract a into b using regexp(/x/)", "an option is needed", 1, 31),
        ("limit 5 | source logs", "'source' can only come first", 1, 11),
        ("source", "a dataset such as logs", 1, 7),
        ("sort a", "use 'orderby'", 1, 1),
        ("limit 1\n| stats count()", "use 'groupby", 2, 3),
        ("limit 1 |\n\n  timechart", "use 'groupby $m.timestamp / 5m", 3, 3),
        ("| limit 5", "a command such as filter", 1, 1),
    ],
)
def test_mistakes_are_explained_at_their_place(query, message, line, column):
    with pytest.raises(DataPrimeError) as caught:
        parse(query)
    error = caught.value
    assert message in error.message
    assert (error.line, error.column) == (line, column)
    assert not isinstance(error, UnknownConstructError)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("stitch (source logs) into x", "unknown command 'stitch'"),
        ("limit 1 | join (source logs) on a == b into c", "unknown command 'join'"),
        ("filtre a == 1", "unknown command 'filtre': did you mean 'filter'?"),
        ("wibble", "unknown command 'wibble'"),
        ("source logs(teamId='5')", "unknown construct: arguments of a dataset"),
        ("filter a == `b {c}`", "unknown construct: text between backticks"),
    ],
)
def test_what_is_not_implemented_says_so(query, message):
    with pytest.raises(UnknownConstructError) as caught:
        parse(query)
    assert caught.value.message == message


def test_words_of_the_language_can_be_keys(logs):
    query = (
        "limit 1 | create $d.filter from 1 | create by from 2 | create matching from 8 "
        "| choose $d.filter, by as desc, $d.matching / 4 as ERROR"
    )
    assert logs.data(query) == [{"filter": 1, "desc": 2, "ERROR": 2}]
