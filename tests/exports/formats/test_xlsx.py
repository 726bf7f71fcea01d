"""Excel workbooks, read back with openpyxl."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from queries.exports.formats import FormatError, Report, stream
from queries.exports.formats.xlsx import writer
from queries.exports.formats.xlsx.cells import letters
from tests.exports.formats.rows import (
    HARD_TEXTS,
    Shown,
    columns,
    made,
    sheet_values,
    sheet_xml,
    workbook,
)


def only_sheet(data: bytes) -> list[list]:
    book = workbook(data)
    assert book.sheetnames == ["Rows"]
    return sheet_values(book["Rows"])


def column(kind: str, values: list, **chosen) -> list:
    rows = [(value,) for value in values]
    cells = only_sheet(made("xlsx", columns(c=kind), rows, **chosen))
    return [row[0] for row in cells[1:]]


def test_texts_survive_a_round_trip():
    texts = [text for text in HARD_TEXTS if len(text) < 1000]
    texts += list(map(chr, range(0x20)))
    cells = only_sheet(
        made("xlsx", columns(a="text", b="json"), [(t, t) for t in texts])
    )
    assert cells == [["a", "b"], *([text, text] for text in texts)]


def test_numbers_are_numbers():
    values = [0, -5, 10**15 - 1, -(10**15) + 1]
    assert column("integer", values) == values
    assert column("number", [0.1, -1e-7, 1e300, 5.0, -5.2]) == [
        0.1,
        -1e-7,
        1e300,
        5,
        -5.2,
    ]


def test_integers_that_excel_would_round_are_exact_text():
    report = Report()
    values = [10**15, 2**53 + 1, -(2**63), 2**63 - 1, None, 7]
    data = made(
        "xlsx", columns(c="integer"), [(value,) for value in values], report=report
    )
    assert [row[0] for row in only_sheet(data)[1:]] == [
        *map(str, values[:4]),
        None,
        7,
    ]
    assert report.cells_as_text == 4


def test_nan_and_infinity_are_text():
    values = [float("nan"), float("inf"), float("-inf"), None, 1.5]
    assert column("number", values) == ["NaN", "Infinity", "-Infinity", None, 1.5]


def test_booleans_are_booleans():
    assert column("boolean", [True, None, False]) == [True, None, False]


MOMENT = 1_700_000_000_123_999_999


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (UTC, "2023-11-14 22:13:20.123"),
        (ZoneInfo("Europe/Berlin"), "2023-11-14 23:13:20.123"),
    ],
)
def test_timestamps_are_dates_of_the_zone_to_the_millisecond(zone, expected):
    data = made("xlsx", columns(t="timestamp"), [(MOMENT,)], zone=zone)
    cell = workbook(data)["Rows"]["A2"]
    assert cell.is_date
    assert cell.value.isoformat(" ", "milliseconds") == expected
    assert cell.number_format == r"yyyy\-mm\-dd\ hh:mm:ss.000"


def test_dates_outside_the_range_of_excel_are_text():
    report = Report()
    days = ["1900-02-28T12:00Z", "1900-03-01T00:00Z", "1700-01-01T00:00Z"]
    values = [(datetime.fromisoformat(day),) for day in days]
    data = made("xlsx", columns(t="timestamp"), [(None,), *values], report=report)
    assert [row[0] for row in only_sheet(data)[1:]] == [
        None,
        "1900-02-28T12:00:00.000Z",
        datetime.fromisoformat("1900-03-01"),
        "1700-01-01T00:00:00.000Z",
    ]
    assert report.cells_as_text == 2


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "{=A1}", "https://a.b"]
)
def test_text_never_becomes_a_formula_or_a_link(text):
    data = made("xlsx", columns(**{text: "text"}), [(text,)])
    sheet = workbook(data)["Rows"]
    assert [cell.value for (cell,) in sheet] == [text, text]
    assert {cell.data_type for (cell,) in sheet} <= {"s", "inlineStr", "f"}
    assert b"<f" not in sheet_xml(data)
    assert b"hyperlink" not in sheet_xml(data)


def test_every_part_is_well_formed_xml():
    data = made("xlsx", columns(a="text"), [(text,) for text in HARD_TEXTS])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == "_rels/.rels"
        for name in archive.namelist():
            ElementTree.fromstring(archive.read(name))


def test_no_part_uses_zip64():
    data = made("xlsx", columns(a="text"), [("x",)])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {each.extract_version for each in archive.infolist()} == {20}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("x" * 32_768, 32_767),
        ("\u00fc" * 40_000, 32_767),
        ("\U0001f600" * 20_000, 16_383),
        ("x" * 32_766 + "\U0001f600", 32_766),
    ],
)
def test_a_text_too_long_for_excel_is_cut_counted_and_noted(text, kept):
    report = Report()
    data = made("xlsx", columns(a="text"), [(text,), ("short",)], report=report)
    book = workbook(data)
    assert sheet_values(book["Rows"]) == [["a"], [text[:kept]], ["short"]]
    assert report.cells_cut == 1
    assert book.sheetnames == ["Rows", "Notes"]
    notes = [row[0] for row in sheet_values(book["Notes"])]
    assert notes[1].startswith("Cells cut: 1. Excel holds at most 32,767 characters")
    assert notes[3:] == ["Cut in column a: 1"]


@pytest.mark.parametrize(
    "text", ["x" * 32_767, "\u00fc" * 32_767, "\U0001f600" * 16_383, "\x00" * 30_000]
)
def test_a_text_that_just_fits_is_not_cut(text):
    report = Report()
    data = made("xlsx", columns(a="text"), [(text,)], report=report)
    assert only_sheet(data)[1] == [text]
    assert report.cells_cut == 0


def test_more_rows_than_a_sheet_holds_continue_on_the_next():
    report = Report()
    shown = columns(n="integer")
    rows = [(number,) for number in range(25)]
    book = workbook(made("xlsx", shown, rows, sheet_rows=10, report=report))
    assert book.sheetnames == ["Rows 1", "Rows 2", "Rows 3"]
    assert [sheet_values(book[name]) for name in book.sheetnames] == [
        [["n"], *([n] for n in range(9))],
        [["n"], *([n] for n in range(9, 18))],
        [["n"], *([n] for n in range(18, 25))],
    ]
    assert report.sheets == 3


def test_one_row_beyond_the_limit_of_excel_starts_a_second_sheet():
    numbers = pa.record_batch([pa.array(range(1_048_576))], ["n"])
    data = b"".join(stream("xlsx", columns(n="integer"), iter([numbers])))
    first, second = sheet_xml(data, 1), sheet_xml(data, 2)
    assert first.count(b"<row ") == 1_048_576
    assert first.endswith(
        b'<row r="1048576"><c r="A1048576"><v>1048574</v></c></row></sheetData></worksheet>'
    )
    assert second.count(b"<row ") == 2
    assert b'<row r="2"><c r="A2"><v>1048575</v></c></row>' in second


def test_an_exactly_full_sheet_starts_no_other():
    rows = [(number,) for number in range(9)]
    data = made("xlsx", columns(n="integer"), rows, sheet_rows=10)
    assert len(only_sheet(data)) == 10


def test_a_sheet_ends_before_its_part_gets_too_large(monkeypatch):
    monkeypatch.setattr(writer, "SHEET_BYTES", 1000)
    rows = [(number,) for number in range(40)]
    book = workbook(made("xlsx", columns(n="integer"), rows))
    assert len(book.sheetnames) > 1
    read = [row[0] for sheet in book for row in sheet_values(sheet)[1:]]
    assert read == list(range(40))


def test_an_empty_result_is_a_header():
    assert only_sheet(made("xlsx", columns(a="text", b="number"), [])) == [["a", "b"]]


def test_repeated_empty_and_odd_names_are_kept():
    names = ["a", "a", "", "=x<&>", "\u00fc\n"]
    shown = [Shown(name, "integer") for name in names]
    cells = only_sheet(made("xlsx", shown, [tuple(range(5))]))
    assert cells == [["a", "a", "", "=x<&>", "\u00fc\n"], [0, 1, 2, 3, 4]]


def test_the_header_is_bold_and_frozen():
    sheet = workbook(made("xlsx", columns(a="text"), [("x",)]))["Rows"]
    assert (sheet["A1"].font.bold, sheet["A2"].font.bold) == (True, False)
    assert sheet.freeze_panes == "A2"


def test_the_same_rows_make_the_same_file():
    rows = [(text,) for text in HARD_TEXTS]
    assert made("xlsx", columns(a="text"), rows) == made(
        "xlsx", columns(a="text"), rows
    )


def test_more_columns_than_excel_has_raise_a_format_error():
    shown = [Shown(str(number), "integer") for number in range(16_385)]
    with pytest.raises(FormatError, match="at most 16,384 columns"):
        next(stream("xlsx", shown, iter([])))


def test_columns_are_named_as_excel_names_them():
    names = [letters(index) for index in (0, 25, 26, 51, 701, 702, 16_383)]
    assert names == ["A", "Z", "AA", "AZ", "ZZ", "AAA", "XFD"]


def test_other_arrow_types_are_written():
    arrays = [
        pa.array(["a", None]).dictionary_encode(),
        pa.nulls(2),
        pa.array([19_000, None], pa.date32()),
        pa.array([Decimal(123), Decimal(10**20)], pa.decimal128(38, 0)),
    ]
    shown = [Shown(name, "text") for name in "abcd"]
    batch = pa.RecordBatch.from_arrays(arrays, names=list("abcd"))
    cells = only_sheet(b"".join(stream("xlsx", shown, iter([batch]))))
    assert cells[1:] == [
        ["a", None, "2022-01-08", 123],
        [None, None, None, str(10**20)],
    ]


def test_text_like_a_formula_bears_the_mark_that_keeps_it_text():
    report = Report()
    shown = columns(**{"=h": "text", "n": "integer"})
    data = made("xlsx", shown, [("=1+1", -5), ("plain", 2**60)], report=report)
    sheet = workbook(data)["Rows"]
    marked = [[bool(cell.quotePrefix) for cell in row] for row in sheet]
    assert marked == [[True, False], [True, False], [False, False]]
    assert sheet["A1"].font.bold
    assert sheet["A2"].value == "=1+1"
    assert report.cells_neutralised == 2
