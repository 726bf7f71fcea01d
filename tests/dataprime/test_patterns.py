"""Regular expressions: what passes, what is refused, and where."""

from __future__ import annotations

import duckdb
import pytest

from dataprime import DataPrimeError
from dataprime.errors import Position
from dataprime.patterns import check_pattern

AT = Position(1, 1)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^a.c$", "abc", True),
        ("a/b", "a/b", True),
        ("[^/]+/[/]", "a//", True),
        ("\\d{2,3}?x", "12x", True),
        ("a{2}b{1,}", "aab", True),
        ("\\w+@\\w+\\.com", "me@x.com", True),
        ("(?i)ERROR", "an error", True),
        ("(?i:E)rror", "error", True),
        ("(?s-i:a.b)", "a\nb", True),
        ("a(?:b|c|)d", "ad", True),
        ("[a-c\\-x]+", "a-x", True),
        ("[]a]", "]", True),
        ("[a-]", "-", True),
        ("[[:alpha:]\\d]", "7", True),
        ("\\bword\\b", "a word.", True),
        ("\\Aab\\z", "ab", True),
        ("ab\\Z", "ab\n", True),
        ("\\x41\\u0042\\x{43}", "ABC", True),
        ("\\pL+", "é", True),
        ("\\p{N}", "٣", True),
        ("[\\p{L}\\s]+$", "é x", True),
        ("\\t\\n\\r", "\t\n\r", True),
        ("\\e", "\x1b", True),
        ("a\\Rb", "a\r\nb", True),
        ("\\h", "\t", True),
        ("\\/\\.\\\\", "/.\\", True),
        ("{", "{", True),
        ("a{x}", "a{x}", True),
        ("x|", "", True),
        ("é+", "éé", True),
        ("^*a", "a", True),
        ("\\bx{0}", "", False),
    ],
)
def test_patterns_match_as_elsewhere(pattern, text, found):
    checked = check_pattern(pattern, AT)
    with duckdb.connect() as connection:
        query = "SELECT regexp_matches(?, ?)"
        assert connection.execute(query, [text, checked.text]).fetchone() == (found,)


@pytest.mark.parametrize(
    ("pattern", "message", "column"),
    [
        ("a(?=b)", "look-around", 2),
        ("(?<!a)b", "look-around", 1),
        ("(a)\\1", "the escape '\\1' is unknown", 4),
        ("a**", "two repetitions", 3),
        ("a+{2}", "two repetitions", 3),
        ("*a", "nothing to repeat", 1),
        ("a|{2}", "nothing to repeat", 3),
        ("a{5,2}", "too large", 2),
        ("a{1001}", "too large", 2),
        ("(a{50}){50}", "too large", 8),
        ("(?:\\pL{100}){3}", "the pattern is too large", 1),
        ("(a", "a '(' is not closed", 1),
        ("a)", "a ')' without its '('", 2),
        ("[a", "a '[' is not closed", 1),
        ("[z-a]", "the range of characters is not one", 2),
        ("[a-\\d]", "the range of characters is not one", 2),
        ("[\\b]", "the escape '\\b' is unknown", 2),
        ("\\", "it ends too early", 2),
        ("\\q", "the escape '\\q' is unknown", 1),
        ("\\x{110000}", "no such character", 1),
        ("\\uD800", "no such character", 1),
        ("(?<a>b)(?<a>c)", "two groups are called 'a'", 8),
        ("(" * 50 + ")" * 50, "nested too deep", 42),
    ],
)
def test_what_cannot_be_matched_is_refused_at_its_place(pattern, message, column):
    with pytest.raises(DataPrimeError) as caught:
        check_pattern(pattern, AT)
    assert message in caught.value.message
    assert caught.value.column == column


def test_named_groups_are_numbered_among_all_groups():
    checked = check_pattern("(a)(?<first>b(?:c))(?P<second>d)", AT)
    assert checked.groups == {"first": 2, "second": 3}


def test_a_fault_is_placed_inside_the_query(logs):
    with pytest.raises(DataPrimeError) as caught:
        logs.compile("limit 1\n| filter msg.matches(/ab(?=c)/)")
    assert (caught.value.line, caught.value.column) == (2, 25)
