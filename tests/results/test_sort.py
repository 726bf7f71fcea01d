"""Sorting is over the whole result, stable, and puts rows without a value last."""

from __future__ import annotations

import pytest

from queries.results import ResultsDamagedError, Sort
from tests.results.samples import write, write_column, write_rows


def ascending(written):
    return column_sorted(written, Sort("x"))


def column_sorted(written, *sort):
    return [cells[0] for _, cells in written.page(sort=sort, columns=["x"]).rows]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, None, 1, 2], [1, 2, 3, None]),
        (["b", None, "B", "a", "10", "9"], ["10", "9", "B", "a", "b", None]),
        ([2.5, 2, 3, 1.5], [1.5, 2, 2.5, 3]),
        ([10, "9", 9, "a", None], [9, 10, "9", "a", None]),
        ([2**64, 5, -(2**70), 2**63], [-(2**70), 5, 2**63, 2**64]),
        ([2**53 + 1, 2**53, 0.5], [0.5, 2**53, 2**53 + 1]),
        ([2**62 + 1, 3, 2**62], [3, 2**62, 2**62 + 1]),
        ([2**53 + 1, 2.0**53, 1], [1, 2.0**53, 2**53 + 1]),
        ([2**64 + 1, 2**64, "x", None], [2**64, 2**64 + 1, "x", None]),
        ([10**400 + 1, 10**400, "x"], [10**400, 10**400 + 1, "x"]),
        ([True, False, None], [False, True, None]),
        ([[2], "x", [1]], ["[1]", "[2]", "x"]),
    ],
)
def test_values_are_compared_as_what_they_are(directory, values, expected):
    assert ascending(write_column(directory, values)) == expected


def test_descending_keeps_empty_cells_last(directory):
    written = write_column(directory, [1, None, 3, 2])
    assert column_sorted(written, Sort("x", descending=True)) == [3, 2, 1, None]


def test_rows_that_are_equal_stay_in_order(directory):
    written = write(directory, [{"x": number % 2} for number in range(10)])
    assert written.sorted(Sort("x")) == [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    assert written.sorted(Sort("x", descending=True)) == [1, 3, 5, 7, 9, 0, 2, 4, 6, 8]


def test_a_number_is_the_same_with_and_without_a_point(directory):
    assert write_column(directory, [5.0, 5, 4, 5.0]).sorted(Sort("x")) == [2, 0, 1, 3]


def test_integers_too_long_to_be_written_out_are_numbers_still(directory):
    values = ["x", 10**5_000, None, -(10**5_000), 3]
    written = write_rows(directory, [({"x": value}, b"{}") for value in values])
    assert written.sorted(Sort("x")) == [3, 4, 1, 0, 2]


def test_several_columns_can_be_sorted_by(directory):
    written = write(directory, [{"x": n % 2, "y": -n} for n in range(6)])
    assert written.sorted(Sort("x", descending=True), Sort("y")) == [5, 3, 1, 4, 2, 0]


def test_severities_are_sorted_by_weight(directory):
    values = ["Error", "Info", "1", "odd", None, "Critical", "Warning"]
    written = write_column(directory, values, hints={"x": "severity"})
    assert ascending(written) == [
        "Debug",
        "Info",
        "Warning",
        "Error",
        "Critical",
        "odd",
        None,
    ]


def test_times_are_sorted_to_the_nanosecond(directory):
    values = [f"2025-06-19T00:00:00.00000000{digit}" for digit in (3, 1, 2)]
    written = write_column(directory, values, hints={"x": "timestamp"})
    assert written.sorted(Sort("x")) == [1, 2, 0]


def test_a_column_without_values_leaves_the_order_alone(directory):
    written = write(directory, [{"x": None, "y": n} for n in range(3)])
    assert written.sorted(Sort("x", descending=True)) == [0, 1, 2]


def test_a_sorted_page_is_cut_from_the_whole_result(directory):
    written = write(directory, [{"x": -number} for number in range(50)])
    page = written.page(sort=[Sort("x")], offset=10, size=3)
    assert page.rows == [(39, [-39]), (38, [-38]), (37, [-37])]
    assert page.matched == 50


def test_the_next_page_does_not_sort_again(directory):
    written = write(directory, [{"x": -number, "y": number} for number in range(50)])
    written.page(sort=[Sort("x")], offset=0, size=1)
    for name in written.names[1:]:
        (directory / name).unlink()
        (directory / name).write_bytes(b"cannot be sorted any more")
    assert written.page(sort=[Sort("x")], offset=49, size=1).rows == [(0, [0, 0])]
    with pytest.raises(ResultsDamagedError):
        written.page(sort=[Sort("y")], offset=49, size=1)
