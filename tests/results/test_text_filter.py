"""The filter finds what can be seen in the cells, upper and lower case alike."""

from __future__ import annotations

import pytest

from queries.results import Filter, Sort
from tests.results.samples import write, write_column

ROWS = [
    {"name": "Straße", "n": 404, "ok": True, "when": "2025-06-19T00:44:47.461000000"},
    {"name": "50% off_now", "n": 1.5, "ok": False, "when": None},
    {"name": None, "n": 2**64, "tags": ["Red", {"a": 1}], "level": "5"},
    {"name": "ÄRGER 404", "n": -7, "other": "red"},
    {"name": 404, "n": "x" * 50, "other": 'it\'s \\ "quoted"'},
    {},
]
HINTS = {"when": "timestamp", "level": "severity"}


@pytest.fixture
def result(directory):
    return write(directory, ROWS, hints=HINTS)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("straße", [0]),
        ("ärger", [3]),
        ("RED", [2, 3]),
        ("404", [0, 3, 4]),
        ("50%", [1]),
        ("%", [1]),
        ("_", [1]),
        ("5_", []),
        ("1.5", [1]),
        ("-7", [3]),
        ("18446744073709551616", [2]),
        ("true", [0]),
        ("fals", [1]),
        ("2025-06-19T00:44", [0]),
        ("2025-06-19 00:44:47.461", [0]),
        ("2025-06-19T00:44:47.461000000", [0]),
        ("2025-06-19T00:44:47.461Z", [0]),
        ("error", [2]),
        ('{"a":1}', [2]),
        ("it's", [4]),
        ('\\ "quoted"', [4]),
        ("'; DROP TABLE x; --", []),
        ("nothing has this", []),
        ("", [0, 1, 2, 3, 4, 5]),
    ],
)
def test_text_is_found_in_any_column(result, text, numbers):
    assert result.found(text) == numbers


def test_text_can_be_looked_for_in_one_column(result):
    assert result.found("404", "name") == [3, 4]
    assert result.found("404", "n") == [0]


def test_a_word_cannot_be_in_a_column_of_numbers(directory):
    written = write_column(directory, [1, 2])
    assert written.found("word") == []


def test_a_column_without_values_matches_nothing(directory):
    written = write_column(directory, [None, None])
    assert written.found("null", "x") == []


def test_matches_are_counted(result):
    with result.reader() as reader:
        assert reader.count(Filter("404")) == 3
        assert reader.count() == 6
        page = reader.page(offset=1, size=1, filter=Filter("404"))
    assert (page.matched, page.total) == (3, 6)
    assert [n for n, _ in page.rows] == [3]


def test_control_characters_and_lone_surrogates_can_be_looked_for(directory):
    written = write_column(directory, ["a\x00b", "ab"])
    assert written.found("\x00") == [0]
    assert written.found("\ud800") == []
    assert write_column(directory, ["a\ud800b"]).found("\ud800") == [0]


def test_a_filter_and_a_sort_go_together(directory):
    written = write(directory, [{"x": f"k{n % 3}", "y": -n} for n in range(9)])
    page = written.page(filter=Filter("K1"), sort=[Sort("y")], columns=["y"])
    assert page.rows == [(7, [-7]), (4, [-4]), (1, [-1])]
