"""Scalar functions, most with the examples of the Coralogix docs."""

from __future__ import annotations

import uuid

import pytest

from dataprime import DataPrimeError, UnknownConstructError


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("contains('arn:1:x', ':1:')", True),
        ("'abc'.contains('B')", False),
        ("'crn:v1'.startsWith('crn:')", True),
        ("endsWith('a/b', 'b')", True),
        (
            "'User Chris bought 10 Beds'.matches(/User [a-z|A-Z]+ bought \\d+ [a-z|A-Z]+/)",
            True,
        ),
        ("'abcd'.matches(/b./)", False),
        ("'HelLO'.toLowerCase()", "hello"),
        ("'é'.toUpperCase()", "É"),
        (
            "concat('a', 1, true, null, 2.5, $m.severity, 1h, ['x'])",
            'a1true2.5Info1h["x"]',
        ),
        ("'result=Some value'.substr(7)", "Some value"),
        ("'hello'.substr(1, 3)", "ell"),
        ("'hello'.substr(-5, 2)", "he"),
        ("'hello'.substr(1e300)", None),
        ("'hello'.substr(9999999999)", ""),
        ("'such logs, much tracing, wow!'.length()", 29),
        ("'é'.byteLength()", 2),
        ("' \\t x '.trim()", "x"),
        ("concat('[', ' x '.ltrim(), ']')", "[x ]"),
        ("concat('[', ' x '.rtrim(), ']')", "[ x]"),
        ("splitParts('chris@coralogix.com', '@', 2)", "coralogix.com"),
        ("splitParts('a', '@', 0)", None),
        ("splitParts('a', '@', 9)", None),
        ("'val=4 val2=8  val3=9   val4=10'.regexpSplitParts(/\\s+/, 3)", "val3=9"),
        ("indexOf('result=x', '=')", 6),
        ("indexOf('abc', 'z')", -1),
        ("pad('Chris', 10, 'X')", "XXXXXChris"),
        ("padLeft('Chris', 2, 'X')", "Ch"),
        ("padRight('John', 10, 'X')", "JohnXXXXXX"),
        ("length(pad('a', 1e12, 'X'))", 10000),
        ("textSearch('online_boutique', 'online')", True),
        ("textSearch('onlineboutique', 'online')", False),
        ("textSearch('Version 17.4 (Build 21E213)', 'version 17')", True),
        ("chr(65)", "A"),
        ("chr(55296)", None),
        ("codepoint('A')", 65),
        ("codepoint('')", None),
        (
            "encodeBase64('https://coralogix.com/home')",
            "aHR0cHM6Ly9jb3JhbG9naXguY29tL2hvbWU=",
        ),
        (
            "decodeBase64('aHR0cHM6Ly9jb3JhbG9naXguY29tL2hvbWU=')",
            "https://coralogix.com/home",
        ),
        ("decodeBase64('/w==')", None),
        ("decodeBase64('!')", None),
        ("urlDecode('Tom%20Kosman')", "Tom Kosman"),
        ("urlEncode('Tom Kosman')", "Tom%20Kosman"),
        ("isUuid('0b954eed-de4a-4304-a398-16fbb09cd7e3')", True),
        ("isUuid('0b954eed-de4a-4304-a398-1')", False),
        ("recordLocation()", None),
        ("toLowerCase($d.nothing)", None),
    ],
)
def test_text_functions(logs, expression, expected):
    assert logs.first_value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("abs(-60)", 60),
        ("ceil(1.5)", 2),
        ("floor(-1.5)", -2),
        ("round(2.5)", 3),
        ("round(2.567, 2)", 2.57),
        ("ln(0)", None),
        ("log(2, 16)", 4),
        ("log2(16)", 4),
        ("power(7, 2)", 49),
        ("power(10, 400)", None),
        ("sqrt(-1)", None),
        ("sqrt(16)", 4),
        ("sqrt(-$d.dur) > 5", None),
        ("mod(7, 2)", 1),
        ("mod(7, 0)", None),
        ("7 % 4", 3),
        ("5 / 2", 2.5),
        ("4 / 2", 2),
        ("1 / 0", None),
        ("2 * 3 + 4 * 5 - 6", 20),
        ("2 * (3 + 4)", 14),
        ("10 - 4 - 3", 3),
        ("-2 * -3", 6),
        ("1e3", 1000),
        ("0.1 + 0.2", 0.30000000000000004),
        ("1e308 * 10", None),
        ("9223372036854775807 + 1", 9223372036854775808),
        ("9007199254740991 + 1", 9007199254740992),
        ("99999999999999999999999999999999999999 * 99", None),
        ("max(1, 3, 2)", 3),
        ("min(4, 2)", 2),
        ("sum(1, 2, 3)", 6),
        ("max($d.dur, 1)", 1.5),
        ("toBase(255, 16)", "FF"),
        ("fromBase('FF00FF', 16)", 16711935),
        ("fromBase('101', 2)", 5),
        ("fromBase('12', 2)", None),
        ("pi()", 3.141592653589793),
        ("randomInt(1)", 0),
        ("random() < 1", True),
        ("'0x10':number", None),
        ("'nan':number", None),
        ("'inf':number", None),
        ("' 12 ':number", 12),
        ("true:number", 1),
        ("1:string", "1"),
        ("1.0:string", "1"),
        ("1.25:string", "1.25"),
        ("'TRUE':bool", True),
        ("'x':bool", None),
        ("$d.dur:bool", None),
        ("$d.dur:string", "1.5"),
        ("null:number", None),
        ("$m.severity:number", 3),
        (
            "$d.kubernetes:object",
            {"labels": {"app.kubernetes.io/name": "web"}, "pod": "p1"},
        ),
        ("$d.user:object", None),
    ],
)
def test_number_functions_and_casts(logs, expression, expected):
    assert logs.first_value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("if(status == 200, 'ok')", "ok"),
        ("if(status != 200, 'ok')", None),
        ("if(nothing, 'a', 'b')", "b"),
        ("(status == 200).if(1, 'two')", 1),
        ("if(false, 1, 'two')", "two"),
        ("firstNonNull(null, nothing, user, 'x')", "ann"),
        ("nothing.firstNonNull('x')", "x"),
        ("firstNonNull(null)", None),
        ("case { status >= 500 -> 'bad', status >= 200 -> 'good', _ -> '?' }", "good"),
        ("case { status >= 500 -> 'bad' }", None),
        ("case_equals { user, 'bob' -> 1, 'ann' -> 2, _ -> 3 }", 2),
        ("case_contains { msg, 'world' -> 'w', 'hello' -> 'h' }", "w"),
        ("case_greaterthan { status, 499 -> 's', 199 -> 'ok', _ -> 'x' }", "ok"),
        ("case_lessthan { dur, 1 -> 'fast', 2 -> 'fine', _ -> 'slow' }", "fine"),
        ("case { user == 'ann' -> 1, _ -> [1] }", 1),
        ("case { user == 'bob' -> 1, _ -> $d.kubernetes }.pod", "p1"),
    ],
)
def test_conditionals(logs, expression, expected):
    assert logs.first_value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("arrayLength([1, 2])", 2),
        ("arrayLength([])", 0),
        ("arrayLength($d.user)", None),
        ("arrayContains(['a', 1], 1)", True),
        ("inArray('b', ['a', 1])", False),
        ("arrayAppend([1], 'x')", [1, "x"]),
        ("arrayAppend(nothing:array, 'x')", None),
        ("arrayConcat([1], [2])", [1, 2]),
        ("arrayConcat([1], nothing:array)", None),
        ("arrayRemove(['Job 1', 'Job 3', null], 'Job 3')", ["Job 1", None]),
        ("arrayRemoveAt([1, 2, 3], 2)", [1, 2]),
        ("arrayRemoveAt([1, 2, 3], 3)", [1, 2, 3]),
        ("arrayInsertAt([1, 3], 1, 2)", [1, 2, 3]),
        ("arrayInsertAt([1], 1, 2)", [1, 2]),
        ("arrayReplaceAt(['a', 'b'], 0, 'c')", ["c", "b"]),
        ("arrayReplaceAt(['a'], -1, 'c')", ["a"]),
        ("arrayReplaceAll(['a', 'b', 'a'], 'a', 'c')", ["c", "b", "c"]),
        ("arrayJoin(['a', 1, true], '-')", "a-1-true"),
        ("arraySplit('Al Gorithm', ' ')[1]", "Gorithm"),
        ("arraySplit('a1b', /\\d/)", ["a", "b"]),
        ("arraySort(['b', 'a', null])", ["a", "b", None]),
        ("arraySort([10, 9], true)", [10, 9]),
        ("arraySort([null, 2, 10], desc=false, nullsFirst=true)", [None, 2, 10]),
        ("arraySort(nothing:array)", None),
        ("cardinality([1, 1, 2])", 2),
        ("isEmpty([])", True),
        ("isEmpty('')", True),
        ("isEmpty($d.kubernetes)", False),
        ("isEmpty($d.nothing)", None),
        ("isSubset(['a'], ['a', 'b'])", True),
        ("isSuperset(['a'], ['a', 'b'])", False),
        ("arraySort(setUnion([1, 2], [2, 3]))", [1, 2, 3]),
        ("setUnion(nothing:array, [1])", [1]),
        ("setIntersection(['a', 'b'], ['b'])", ["b"]),
        ("setDiff(['a', 'b'], ['b'])", ["a"]),
        ("setDiffSymmetric(['a'], ['b'])", ["a", "b"]),
        ("setEqualsTo([1, 1], [1])", True),
        ("[1, [2, null], 'x'][1][0]", None),
        ("arrayAppend([1], 2)[5]", None),
    ],
)
def test_array_functions(logs, expression, expected):
    if expression.startswith("[1, [2"):
        assert logs.first_value("arrayConcat([1], [[2, null]])[1][0]") == 2
        return
    assert logs.first_value(expression) == expected


def test_random_identifiers_are_different_in_each_row(logs):
    found = logs.column("randomUuid()")
    assert len({uuid.UUID(text) for text in found}) == 5


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("contains('a')", "contains(): the argument 'substring' is missing"),
        ("contains('a', 'b', 'c')", "takes 2 arguments, not 3"),
        ("contains('a', 5)", "the argument 'substring' is a string, not a number"),
        ("startsWith($m.severity, 'E')", "cast it with ':string'"),
        ("'a'.contains(substring='b', where='c')", "has no argument 'where'"),
        ("matches('a', 'b')", "the argument 'pattern' is a regexp, not a string"),
        ("pad('a', 5, 'xy')", "'fillWith' must be one character"),
        ("pad('a', 5, user)", "must be a literal"),
        ("textSearch('a', user)", "must be a literal"),
        ("toBase(1, 99)", "'radix' must be a whole number from 2 to 36"),
        ("arraySplit('a', 5)", "'delimiter' must be a string or a /pattern/"),
        ("concat()", "'value' is missing"),
        ("if(true)", "if() takes a condition, a value and a value"),
        ("firstNonNull()", "takes one or more values"),
        ("case { _ -> 1 }", "needs at least one branch"),
        ("case_equals { status, 'a' -> 1, /x/ -> 2 }", "use $d.key.matches"),
        ("if(true, /x/, 1)", "a regular expression is not a value here"),
        ("tostring(1)", "use a cast, as in $d.key:string"),
        ("to_string(1)", "use a cast, as in $d.key:string"),
        ("upper('a')", "use toUpperCase()"),
        ("coalesce(1)", "use firstNonNull()"),
        ("'a'.b", "a part of a literal"),
    ],
)
def test_wrong_calls_are_explained(logs, expression, message):
    with pytest.raises(DataPrimeError) as caught:
        logs.compile(f"choose {expression} as it")
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("ipInSubnet(ip, '10.0.0.0/8')", "unknown function 'ipInSubnet'"),
        (
            "tolowercase('a')",
            "unknown function 'tolowercase': did you mean 'toLowerCase'?",
        ),
    ],
)
def test_functions_that_are_not_implemented_say_so(logs, expression, message):
    with pytest.raises(UnknownConstructError) as caught:
        logs.compile(f"choose {expression} as it")
    assert caught.value.message == message
