"""Basic Lucene, alone and inside DataPrime."""

from __future__ import annotations

import pytest

from dataprime import DataPrimeError, UnknownConstructError


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("*", [0, 1, 2, 3, 4]),
        ("error", [0, 1, 3]),
        ("ERROR hello", [0]),
        ("error AND failed", [1]),
        ("error && failed", [1]),
        ("failed OR café", [1, 2]),
        ("failed || café", [1, 2]),
        ("error AND (hello OR raw)", [0, 3]),
        ("error hello OR raw line", [0, 3]),
        ("NOT error", [2, 4]),
        ("-error", [2, 4]),
        ("!error", [2, 4]),
        ("+error -hello", [1, 3]),
        ("NOT NOT error", [0, 1, 3]),
        ('"hello error"', [0]),
        ('"error hello"', []),
        ("msg:error", [0, 1]),
        ("msg:(hello OR failed)", [0, 1]),
        ('msg:"hello ERROR"', [0]),
        ("msg:err*", [0, 1]),
        ("msg:caf?", [2]),
        ("msg:hello*world", []),
        ("msg:err*_code", [1]),
        ("hel*", [0]),
        ("msg:/.*failed/", [1]),
        ("user:ann OR user:bob", [0, 1]),
        ("_exists_:dur", [0, 2]),
        ('_exists_:"dur"', [0, 2]),
        ("dur:*", [0, 2]),
        ("NOT _exists_:user", [2, 3, 4]),
        ("status:200", [0, 4]),
        ("status:[400 TO 500]", [1, 2]),
        ("status:{404 TO 500]", [1]),
        ("status:[404 TO 500}", [2]),
        ("status:[* TO *]", [0, 1, 2, 4]),
        ("status.numeric:>=404", [1, 2]),
        ("status:>404", [1]),
        ("status:<404", [0, 4]),
        ("status:<=404", [0, 2, 4]),
        ("dur:[-1 TO 2]", [0]),
        ("user:[a TO b}", [0]),
        ("user.keyword:ann", [0]),
        ("user.keyword:Ann", []),
        ("msg.keyword:hello*world", [0]),
        ('msg.keyword:"hello ERROR world"', [0]),
        ("kubernetes.pod:p1", [0]),
        ("kubernetes.labels.app\\.kubernetes\\.io/name:web", [0]),
        ("it's:1", [4]),
        ("a\\.b:dotted", [4]),
        ("coralogix.metadata.applicationName:shop", [0, 1]),
        ("coralogix.metadata.subsystemName:web AND user:*", []),
        ("coralogix.metadata.severity:5", [1, 2]),
        ("coralogix.metadata.severity:error", [1, 2]),
        ("coralogix.metadata.severity:[5 TO 6]", [1, 2, 3]),
        ("coralogix.metadata.severity:>5", [3]),
        ("coralogix.metadata.logid:id2", [2]),
        ("coralogix.timestamp:[now-1h TO now]", [3]),
        ("coralogix.timestamp:[2025-01-01T10:06:00 TO 2025-01-01T10:07:00]", [1, 2]),
        ('coralogix.timestamp:{"2025-01-01T10:06:00Z" TO *]', [2, 3]),
        ("coralogix.timestamp:<1735689600000", [4]),
        ("coralogix.timestamp:>now+1d", []),
        ("tags:b", [1]),
        ("nested:deep", [4]),
        ("error\nAND\nfailed", [1]),
    ],
)
def test_lucene_finds_rows(logs, query, expected):
    assert logs.lucene(query) == expected


@pytest.mark.parametrize(
    ("query", "message", "line", "column"),
    [
        ("(error", "the Lucene query ends too early", 1, 7),
        ("error)", "unexpected ')'", 1, 6),
        ("error AND", "ends too early", 1, 10),
        ('"open', "unterminated phrase", 1, 1),
        ("a\n  b:c:d", "unexpected ':'", 2, 6),
        ("status:[1 2]", "unexpected '2'", 1, 11),
        ("status:[1 TO 2)", "a range ends with ] or }", 1, 15),
        ("status:[ TO 2]", "unexpected '2'", 1, 13),
        ("status:[1 TO ]", "unexpected ']'", 1, 14),
        ("[1 TO 2]", "needs a field", 1, 1),
        (">5", "needs a field", 1, 1),
        ("/x/", "needs a field", 1, 1),
        ("msg:/(/", "a '(' is not closed", 1, 6),
        ("coralogix.metadata.severity:high", "'high' is not a severity", 1, 1),
        ("coralogix.timestamp:>soon", "'soon' is not a time", 1, 1),
        ("coralogix.timestamp:>now-soon", "is not a time", 1, 1),
        ("msg:(a", "ends too early", 1, 7),
        ("\\", "unexpected character", 1, 1),
    ],
)
def test_wrong_lucene_is_explained_at_its_place(logs, query, message, line, column):
    with pytest.raises(DataPrimeError) as caught:
        logs.lucene(query)
    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize("query", ["eror~", "error^2", '"a b"~3', '"a b"^2'])
def test_lucene_that_is_not_implemented_says_so(logs, query):
    with pytest.raises(UnknownConstructError, match="unknown Lucene construct"):
        logs.lucene(query)


def test_lucene_inside_dataprime_filters(logs):
    query = "lucene 'status:[400 TO *] OR hello' | groupby $m.severity agg count() as n"
    assert logs.data(query) == [
        {"severity": "Info", "n": 1},
        {"severity": "Error", "n": 2},
    ]


def test_an_error_in_embedded_lucene_is_placed_in_the_whole_query(logs):
    with pytest.raises(DataPrimeError) as caught:
        logs.compile("source logs\n| lucene 'a AND ('")
    assert (caught.value.line, caught.value.column) == (2, 18)


def test_lucene_warns_about_fields_nobody_knows(logs):
    compiled = logs.compile("choose user | lucene 'other:x'")
    assert [w.message for w in compiled.warnings] == [
        "keypath does not exist '$d.other'"
    ]


def test_a_long_lucene_query_is_refused(logs):
    with pytest.raises(DataPrimeError, match="longer than"):
        logs.lucene("a" * 70_000)
