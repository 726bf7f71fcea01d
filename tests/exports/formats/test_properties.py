"""Promises that must hold for any rows at all."""

from __future__ import annotations

import json
import math
import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from queries.exports.formats import safe_file_name
from tests.exports.formats.rows import (
    columns,
    made,
    read_csv,
    sheet_values,
    sheet_xml,
    workbook,
)

#: Arrow text is UTF-8: no lone surrogates.
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
#: Texts on the edge of being a formula, an escape, or markup.
EDGY_TEXT = st.text(
    "=+-@\t\r\n \"',;'0.5eE_x41FAa<>&]\uff1d\uff20\u00a0\u200b\x00", max_size=12
)
TEXT = st.none() | ANY_TEXT | EDGY_TEXT
INTEGER = st.none() | st.integers(-(2**63), 2**63 - 1)
NUMBER = st.none() | st.floats()
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | ANY_TEXT
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3)
    ),
    max_leaves=6,
)
ROWS = st.lists(
    st.tuples(TEXT, INTEGER, NUMBER, st.none() | st.booleans(), JSON), max_size=8
)
SHOWN = columns(t="text", i="integer", n="number", b="boolean", j="json")

TRIGGER = re.compile("[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20]")
PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)


def table(rows):
    return [(*row[:4], json.dumps(row[4])) for row in rows]


def first_seen(value: str) -> str:
    """The text as a spreadsheet sees it, after what importers drop.

    Code points not assigned (Cn) are shown as boxes, and differ from one version of Unicode to the next.
    """
    for index, character in enumerate(value):
        if TRIGGER.match(character):
            return value[index:]
        category = unicodedata.category(character)
        dropped = category[0] in "ZC" and category != "Cn"
        if not dropped and character not in "\"'":
            return ""
    return ""


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), max_size=8), TEXT)
def test_no_cell_of_a_csv_file_begins_like_a_formula(rows, name):
    data = made("csv", columns(**{name or "x": "text", "b": "json"}), rows)
    for line in read_csv(data):
        for value in line:
            harmless = PLAIN_NUMBER.match(value) or value.startswith("'")
            assert harmless or not first_seen(value)


@settings(deadline=None)
@given(ROWS)
def test_csv_loses_nothing(rows):
    shown = columns(t="text", i="integer", n="number", b="boolean", j="json")
    read = read_csv(made("csv", shown, table(rows), raw=True))[1:]
    assert [(line[0], line[1]) for line in read] == [
        (row[0] or "", "" if row[1] is None else str(row[1])) for row in rows
    ]
    for line, row in zip(read, rows, strict=True):
        assert line[2] == "" if row[2] is None else same(float(line[2]), row[2])
        assert json.loads(line[4]) == row[4]


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


@settings(deadline=None)
@given(ROWS)
def test_json_loses_nothing(rows):
    read = json.loads(made("json", SHOWN, table(rows)))
    lines = made("ndjson", SHOWN, table(rows)).decode().split("\n")
    assert [json.loads(line) for line in lines[:-1]] == read
    assert [(each["t"], each["i"], each["b"], each["j"]) for each in read] == [
        (t, i, b, j) for t, i, _, b, j in rows
    ]
    for each, row in zip(read, rows, strict=True):
        assert each["n"] is row[2] or same(float(each["n"]), row[2])


@settings(deadline=None)
@given(ROWS)
def test_xlsx_loses_nothing_and_computes_nothing(rows):
    # A first column without gaps, so that a row of missing values is a row for openpyxl too.
    shown = [*columns(row="integer"), *SHOWN]
    data = made("xlsx", shown, [(n, *row) for n, row in enumerate(table(rows))])
    assert b"<f" not in sheet_xml(data)
    read = sheet_values(workbook(data)["Rows"])[1:]
    assert [line[0] for line in read] == list(range(len(rows)))
    for line, (text, integer, number, boolean, value) in zip(read, rows, strict=True):
        assert (line[1], line[4]) == (text, boolean)
        assert line[2] is integer or int(line[2]) == integer
        assert line[3] is number or same(float(line[3]), number)
        assert json.loads(line[5]) == value


@settings(deadline=None)
@given(st.text(), st.sampled_from(["csv", "xlsx", "csv.zip"]))
def test_a_file_name_is_always_one_short_harmless_segment(name, extension):
    safe = safe_file_name(name, extension)
    assert safe.endswith(f".{extension}")
    assert 0 < len(safe) <= 120
    assert len(safe.encode()) <= 255
    assert not re.search(r'[\x00-\x1f\x7f<>:"/\\|?*]', safe)
    assert safe[0] not in ". -"
    assert safe_file_name(safe, extension) == safe
