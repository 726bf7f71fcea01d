"""The extract command."""

from __future__ import annotations

import pytest

from dataprime import DataPrimeError, UnknownConstructError


@pytest.mark.parametrize(
    ("text", "method", "expected"),
    [
        (
            "user Chris has logged in",
            "regexp(e=/user (?<user>.*) has logged in/)",
            {"user": "Chris"},
        ),
        ("no match", "regexp(e=/user (?<user>.*)/)", None),
        (
            "x=5",
            "regexp(e='(?P<k>[a-z])=(?<n>[0-9]+)') datatypes n:number",
            {"k": "x", "n": 5},
        ),
        ("user 1 did 2 things on 3 pages", "multi_regexp(e=/\\d+/)", ["1", "2", "3"]),
        (
            "a=b&b=c&c=d=e",
            "kv(pair_delimiter='&', key_delimiter='=')",
            {"a": "b", "b": "c", "c": "d=e"},
        ),
        (
            "query_type=fetch query_id=100 junk took=232 =x took=9",
            "kv() datatypes took:number",
            {"query_type": "fetch", "query_id": "100", "took": 232},
        ),
        ("nothing here", "kv()", {}),
        (
            '{"key": "value", "n": [1, null]}',
            "jsonobject",
            {"key": "value", "n": [1, None]},
        ),
        (
            '{"n": "5"}',
            "jsonobject(max_unescape_count=1) datatypes n:number, m:string",
            {"n": 5},
        ),
        ("[1]", "jsonobject()", None),
        ("{broken", "jsonobject()", None),
        (
            "10,20,x,3.5",
            "split(delimiter=',', element_datatype=number)",
            [10, 20, None, 3.5],
        ),
        ("a|b", "split(delimiter='|')", ["a", "b"]),
        ("true,no", "split(element_datatype=bool)", [True, None]),
    ],
)
def test_extractions(logs, text, method, expected):
    query = f"limit 1 | create raw from '{text}' | extract raw into got using {method}"
    assert logs.data(query)[0]["got"] == expected


def test_extracted_values_can_be_used(logs):
    query = (
        "e kv into pairs using kv() datatypes a:number "
        "| filter pairs.a == 1 && pairs.b == '2' | choose pairs.a as a, pairs.b as b"
    )
    assert logs.data(query) == [{"a": 1, "b": "2"}]
    assert logs.data(
        "extract msg into words using split(delimiter=' ') | choose words[1] as w"
    )[0] == {"w": "ERROR"}


def test_a_missing_text_gives_null(logs):
    query = "extract nothing into x using {} | limit 1 | choose x"
    for method in (
        "regexp(e=/(?<a>b)/)",
        "kv()",
        "jsonobject()",
        "split()",
        "multi_regexp(e=/a/)",
    ):
        assert logs.data(query.format(method)) == [{"x": None}]


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("regexp()", "needs a pattern, as in regexp(e="),
        ("regexp(e=5)", "needs a pattern"),
        ("regexp(e=/(a)/)", "needs a named group"),
        ("regexp(e=/(?<a>(/)", "a '(' is not closed"),
        ("regexp(e=/(?<a>b)/, x=1)", "regexp() has no option 'x'"),
        ("kv(pair_delimiter=5)", "'pair_delimiter' must be a quoted text"),
        ("kv(key_delimiter='')", "'key_delimiter' must be a quoted text"),
        ("kv() datatypes a:money", "unknown type 'money'"),
        ("split(element_datatype=money)", "unknown type 'money'"),
        ("split() datatypes a:number", "needs an extraction with keys"),
    ],
)
def test_wrong_extractions_are_explained(logs, method, message):
    with pytest.raises(DataPrimeError) as caught:
        logs.compile(f"extract msg into x using {method}")
    assert message in caught.value.message


def test_unknown_extractions_say_so(logs):
    with pytest.raises(UnknownConstructError, match="unknown extraction 'grok'"):
        logs.compile("extract msg into x using grok()")


def test_roundtime_rounds_a_timestamp_down(logs):
    assert logs.data("roundtime to 1h into hour | limit 1 | choose hour") == [
        {"hour": 1735725600000000000}
    ]
    query = "create at from $m.timestamp | roundtime at to 1d | limit 1 | choose at"
    assert logs.data(query) == [{"at": 1735689600000000000}]
    with pytest.raises(DataPrimeError, match="roundtime takes a timestamp"):
        logs.compile("roundtime $m.timestamp to 5 into x")
