"""Columns are named as DataPrime would name the place."""

from __future__ import annotations

import pytest

from tests.results.samples import write


def names(directory, *rows):
    return [column.name for column in write(directory, rows).columns]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"$m": {"severity": 1}}, "$m.severity"),
        (
            {"$d": {"kubernetes": {"labels": {"app.kubernetes.io/name": 1}}}},
            "$d.kubernetes.labels['app.kubernetes.io/name']",
        ),
        ({"$d": {"it's": 1}}, r"$d['it\'s']"),
        ({"$d": {"a\\b": 1}}, r"$d['a\\b']"),
        ({"$d": {"": 1}}, "$d['']"),
        ({"$d": {"9lives": 1}}, "$d['9lives']"),
        ({"$d": {"_x9": 1}}, "$d._x9"),
        ({"$d": {"größe": 1}}, "$d['größe']"),
        ({"$d": {"line\nbreak\x00": 1}}, r"$d['line\u000abreak\u0000']"),
        ({"$d": {"\ud83d": 1}}, r"$d['\ud83d']"),
        ({"First Name": 1}, "First Name"),
        ({"a.b": 1}, "a.b"),
        ({"": 1}, "['']"),
        ({"\x00": 1}, r"\u0000"),
    ],
)
def test_a_place_has_one_name(directory, row, name):
    written = write(directory, [row])
    assert [column.name for column in written.columns] == [name]
    assert written.column(name) == [1]


def test_places_that_want_the_same_name_get_different_ones(directory):
    written = write(directory, [{"a.b": 1, "a": {"b": 2}}])
    assert [column.name for column in written.columns] == ["a.b", "a['b']"]
    assert written.cells() == [[1, 2]]


def test_a_name_that_has_no_other_spelling_gets_a_number(directory):
    written = write(directory, [{"a['x y']": 1, "a": {"x y": 2}}])
    assert [column.name for column in written.columns] == ["a['x y']", "a['x y'] (2)"]
    assert written.cells() == [[1, 2]]


def test_names_that_differ_only_in_what_was_escaped_stay_apart(directory):
    row = {r"\u0000": 1, "\x00": 2, "": 3, "['']": 4}
    written = write(directory, [row])
    assert len({column.name for column in written.columns}) == 4
    assert written.cells() == [[1, 2, 3, 4]]


def test_names_that_differ_only_in_case_stay_apart(directory):
    written = write(directory, [{"A": 1, "a": 2}, {"a": 3}])
    assert written.cells() == [[1, 2], [None, 3]]


def test_columns_may_be_called_like_our_own(directory):
    written = write(directory, [{"_n": "n", "_original": "o"}, {"_n": 7}])
    assert written.cells() == [["n", "o"], [7, None]]


def test_a_value_and_an_object_in_one_place_are_both_kept(directory):
    written = write(
        directory, [{"d": {"a": "x"}}, {"d": {"a": {"b": 1}}}, {"d": {"a": {}}}]
    )
    assert [column.name for column in written.columns] == ["d.a", "d.a.b"]
    assert written.cells() == [["x", None], [None, 1], ["{}", None]]


def test_what_is_nested_very_deeply_is_one_cell_of_json(directory):
    value = 1
    for _ in range(40):
        value = {"k": value}
    written = write(directory, [value])
    ((cell,),) = written.cells()
    assert cell == '{"k":' * 8 + "1" + "}" * 8


def test_a_name_too_long_to_show_is_left_out(directory):
    assert names(directory, {"k" * 501: 1, "quoted" * 10: {"'" * 400: 1}, "b": 2}) == [
        "b"
    ]
