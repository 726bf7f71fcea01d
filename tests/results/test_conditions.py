"""Conditions compare cells as what they are: numbers, times, severities, texts."""

from __future__ import annotations

import pytest

from queries.results import Condition, ConditionError, Filter, Sort
from tests.results.samples import write, write_column

MIXED = [5, 5.0, "5", "5.0", 5.5, True, "true", None, 2**64, [1, 2], "x", -3, ""]
LEVELS = ["Error", "1", "odd", None, "Critical", "info"]
TIMES = [
    "2025-06-19T00:44:47.461000000",
    "2025-06-19T00:44:47.461999000",
    "2025-06-19T00:44:48Z",
    "2025-06-20T00:00:00+02:00",
    "2025-06-20T00:00:00Z",
    None,
]


def numbers(written, operation, *values, column="x"):
    only = Filter(conditions=(Condition(column, operation, values),))
    return [n for n, _ in written.page(filter=only).rows]


@pytest.fixture
def mixed(directory):
    return write_column(directory, MIXED)


@pytest.fixture
def levels(directory):
    return write_column(directory, LEVELS, hints={"x": "severity"})


@pytest.fixture
def times(directory):
    return write_column(directory, TIMES, hints={"x": "timestamp"})


@pytest.mark.parametrize(
    ("operation", "values", "expected"),
    [
        ("is", ["5"], [0, 1, 2]),
        ("is", ["5.0"], [0, 1, 3]),
        ("is", [" 5 "], [0, 1]),
        ("is", ["5e0"], [0, 1]),
        ("is", ["true"], [5, 6]),
        ("is", ["18446744073709551616"], [8]),
        ("is", ["18446744073709551617"], []),
        ("is", ["[1,2]"], [9]),
        ("is", ["[1, 2]"], [9]),
        ("is", [""], [12]),
        ("is", ["x", "-3", "nothing"], [10, 11]),
        ("not", ["5", "x"], [3, 4, 5, 6, 7, 8, 9, 11, 12]),
        ("contains", ["5"], [0, 1, 2, 3, 4, 8]),
        ("lacks", ["5"], [5, 6, 7, 9, 10, 11, 12]),
        ("matches", [r"^5(\.0)?$"], [0, 1, 2, 3]),
        ("matches", [r"^TR"], []),
        ("matches", [r"(?i)^TR"], [5, 6]),
        ("between", ["5", "5.4"], [0, 1, 2, 3]),
        ("between", ["5.4", ""], [4, 8]),
        ("between", ["", "-1"], [11]),
        ("between", ["18446744073709551616", ""], [8]),
        ("between", ["18446744073709551617", ""], []),
        ("between", ["x", "z"], [10]),
        ("empty", [], [7]),
        ("present", [], [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]),
    ],
)
def test_cells_of_many_types_in_one_column(mixed, operation, values, expected):
    assert numbers(mixed, operation, *values) == expected


@pytest.mark.parametrize(
    ("operation", "values", "expected"),
    [
        ("is", ["error"], [0]),
        ("is", ["5"], [0]),
        ("is", ["Debug", "6"], [1, 4]),
        ("is", ["odd"], [2]),
        ("is", ["ODD"], []),
        ("between", ["Info", "error"], [0, 5]),
        ("between", ["5", ""], [0, 4]),
        ("between", ["", "debug"], [1]),
        ("not", ["Error"], [1, 2, 3, 4, 5]),
    ],
)
def test_severities_are_compared_by_word_and_weight(
    levels, operation, values, expected
):
    assert numbers(levels, operation, *values) == expected


@pytest.mark.parametrize(
    ("operation", "values", "expected"),
    [
        ("is", ["2025-06-19"], [0, 1, 2, 3]),
        ("is", ["2025-06-19 00:44:47"], [0, 1]),
        ("is", ["2025-06-19T00:44:47.461Z"], [0, 1]),
        ("is", ["2025-06-19T00:44:47.461000Z"], [0]),
        ("is", ["2025-06-19T02:44:48+02:00"], [2]),
        ("is", ["2025-06-19T00"], [0, 1, 2]),
        ("is", ["yesterday"], []),
        ("between", ["2025-06-19T00:44:48", ""], [2, 3, 4]),
        ("between", ["", "2025-06-19"], [0, 1, 2, 3]),
        ("between", ["2025-06-20", "2025-06-20"], [4]),
        ("contains", ["2025-06-19T00:44:47"], [0, 1]),
        ("matches", [r"\.4619"], [1]),
        ("empty", [], [5]),
    ],
)
def test_times_are_compared_as_times(times, operation, values, expected):
    assert numbers(times, operation, *values) == expected


def test_integers_beyond_what_a_double_holds_stay_apart(directory):
    written = write_column(directory, [2**53, 2**53 + 1, float(2**53), 2**63 - 1])
    assert numbers(written, "is", str(2**53 + 1)) == [1]
    assert numbers(written, "is", str(2**53)) == [0, 2]
    assert numbers(written, "between", str(2**53 + 1), "") == [1, 3]
    assert numbers(written, "between", "", str(2**53)) == [0, 2]


@pytest.mark.parametrize(
    "bound", ["9" * 30, "-" + "9" * 30, "1e300", "-1e300", "9" * 400, "-" + "9" * 400]
)
def test_a_bound_may_be_larger_than_any_cell(directory, bound):
    written = write_column(directory, [1, 1.5, 2**70])
    below = numbers(written, "between", bound, "")
    above = numbers(written, "between", "", bound)
    assert sorted(below + above) == [0, 1, 2]


def test_the_word_nan_and_the_number_are_told_apart_from_numbers(directory):
    written = write_column(directory, ["NaN", float("nan"), 1.0])
    assert numbers(written, "is", "NaN") == [0, 1]
    assert numbers(written, "is", "nan") == [1]
    assert numbers(written, "between", "0", "") == [2]


def test_texts_that_look_like_numbers_are_within_a_range_of_numbers(directory):
    written = write_column(directory, ["9", "10", "1e1", "abc", "Infinity"])
    assert numbers(written, "between", "9.5", "") == [1, 2]
    assert numbers(written, "between", "a", "b") == [3]


def test_conditions_text_and_sort_go_together(directory):
    rows = [{"a": n % 3, "b": f"t{n % 2}", "n": -n} for n in range(12)]
    written = write(directory, rows)
    only = Filter(
        "t1", "b", (Condition("a", "is", ("1", "2")), Condition("n", "not", ("-5",)))
    )
    page = written.page(filter=only, sort=[Sort("a"), Sort("n")], columns=["n"])
    assert [cells[0] for _, cells in page.rows] == [-7, -1, -11]
    assert (page.matched, page.total) == (3, 12)


def test_an_export_holds_the_rows_that_pass(directory):
    written = write_column(directory, range(20))
    only = Filter(conditions=(Condition("x", "between", ("15", "")),))
    with written.reader() as reader:
        found = [
            n for batch in reader.batches(filter=only) for n in batch[0].to_pylist()
        ]
        assert reader.count(only) == 5
    assert found == [15, 16, 17, 18, 19]


@pytest.mark.parametrize(
    ("operation", "values", "words"),
    [
        (
            "matches",
            ["a(b"],
            r"“x” cannot .* regular expression is not valid .*missing \)",
        ),
        ("between", ["many", ""], "“x” cannot be used: give numbers"),
    ],
)
def test_what_cannot_be_understood_is_said(directory, operation, values, words):
    written = write_column(directory, [1, 2])
    with pytest.raises(ConditionError, match=words):
        numbers(written, operation, *values)


def test_a_time_that_is_none_and_a_severity_that_is_none_are_said(times, levels):
    with pytest.raises(ConditionError, match="give times such as"):
        numbers(times, "between", "soon", "")
    with pytest.raises(ConditionError, match="give severities: Debug"):
        numbers(levels, "between", "", "loud")


def test_an_interval_of_times_is_all_from_its_first_through_its_last(times):
    interval = "2025-06-19T00:44:47.461Z/2025-06-19T22:00"
    assert numbers(times, "is", interval) == [0, 1, 2, 3]
    assert numbers(times, "not", interval) == [4, 5]
    assert numbers(times, "is", "2025-06-19/soon") == []
    assert numbers(times, "is", "2025-06-20/2025-06-19") == []


def test_a_condition_on_a_column_that_is_not_there_is_said(mixed):
    with pytest.raises(ConditionError, match=r"“y” .* no such column"):
        numbers(mixed, "is", "5", column="y")


@pytest.mark.parametrize(
    ("operation", "values"),
    [
        ("like", ["a"]),
        ("is", []),
        ("contains", []),
        ("contains", ["a", "b"]),
        ("contains", [""]),
        ("matches", [""]),
        ("between", ["1"]),
        ("between", ["", ""]),
        ("empty", ["x"]),
    ],
)
def test_a_condition_that_makes_no_sense_cannot_be_made(operation, values):
    with pytest.raises(ConditionError, match="“x”"):
        Condition("x", operation, tuple(values))


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE x; --", "$v0", '"', "\\", "\x00", "\ud800"]
)
@pytest.mark.parametrize("operation", ["is", "not", "contains", "lacks"])
def test_what_is_typed_is_never_sql(mixed, operation, text):
    expected = range(len(MIXED)) if operation in {"not", "lacks"} else []
    assert numbers(mixed, operation, text) == list(expected)


def test_a_column_without_values_is_empty_everywhere(directory):
    written = write_column(directory, [None, None])
    assert numbers(written, "empty") == [0, 1]
    assert numbers(written, "not", "a") == [0, 1]
    assert numbers(written, "between", "a", "") == []
