"""CSV files, read back with the standard library."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from queries.exports.formats import Options, Report, stream
from queries.exports.formats.formulas import TRIGGER, looks_like_formula
from tests.exports.formats.rows import HARD_TEXTS, Shown, columns, made, read_csv


def cell(value: str, **chosen) -> str:
    return read_csv(made("csv", columns(a="text"), [(value,)], **chosen))[1][0]


def test_texts_survive_a_round_trip():
    shown = columns(a="text", b="text")
    rows = [(text, text) for text in HARD_TEXTS]
    data = made("csv", shown, rows, raw=True)
    assert read_csv(data) == [["a", "b"], *map(list, rows)]


def test_lines_end_with_crlf_as_in_rfc_4180():
    data = made("csv", columns(a="text", b="integer"), [("x", 1), ("y", None)])
    assert data == b"a,b\r\nx,1\r\ny,\r\n"


def test_a_missing_value_and_an_empty_text_stay_apart():
    data = made("csv", columns(a="text", b="text"), [("", None), (None, "")])
    assert data == b'a,b\r\n"",\r\n,""\r\n'


def test_a_missing_value_in_the_only_column_is_still_a_row():
    data = made("csv", columns(a="text"), [(None,), ("x",), (None,)])
    assert read_csv(data) == [["a"], [""], ["x"], [""]]


def test_an_empty_result_is_a_header():
    assert made("csv", columns(a="text", b="json"), []) == b"a,b\r\n"


def test_repeated_and_empty_names_are_kept():
    shown = [Shown("a", "text"), Shown("a", "text"), Shown("", "text")]
    assert read_csv(made("csv", shown, [("1", "2", "3")])) == [
        ["a", "a", ""],
        ["1", "2", "3"],
    ]


@pytest.mark.parametrize("name", ["ID", 'ID,"x"', "IDENTITY"])
def test_a_file_that_begins_with_id_is_not_taken_for_another_format(name):
    data = made("csv", columns(**{name: "integer", "b": "integer"}), [(1, 2)])
    assert data.startswith(b'"ID')
    assert read_csv(data)[0] == [name, "b"]


def test_numbers_are_exact():
    shown = columns(i="integer", n="number", b="boolean")
    rows = [(2**63 - 1, 0.1, True), (-(2**53) - 1, -1e-7, False), (None, None, None)]
    assert read_csv(made("csv", shown, rows))[1:] == [
        ["9223372036854775807", "0.1", "true"],
        ["-9007199254740993", "-1e-7", "false"],
        ["", "", ""],
    ]


def test_nan_and_infinity_are_written_by_name():
    rows = [(float("nan"),), (float("inf"),), (float("-inf"),), (-float("nan"),)]
    names = [row[0] for row in read_csv(made("csv", columns(n="number"), rows))]
    assert names == ["n", "NaN", "Infinity", "-Infinity", "NaN"]


MOMENT = 1_700_000_000_123_456_789  # 2023-11-14 22:13:20


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (UTC, "2023-11-14T22:13:20.123456789Z"),
        (ZoneInfo("UTC"), "2023-11-14T22:13:20.123456789Z"),
        (ZoneInfo("Europe/Berlin"), "2023-11-14T23:13:20.123456789+01:00"),
        (ZoneInfo("America/St_Johns"), "2023-11-14T18:43:20.123456789-03:30"),
        (
            timezone(timedelta(hours=5, minutes=30)),
            "2023-11-15T03:43:20.123456789+05:30",
        ),
    ],
)
def test_timestamps_are_in_the_chosen_zone(zone, expected):
    data = made("csv", columns(t="timestamp"), [(MOMENT,)], zone=zone)
    assert read_csv(data)[1] == [expected]


def test_timestamps_from_before_standard_time_keep_their_seconds():
    noon = int(datetime(1880, 1, 1, 12, tzinfo=UTC).timestamp()) * 10**9
    data = made("csv", columns(t="timestamp"), [(noon,)], zone=ZoneInfo("Asia/Kolkata"))
    assert read_csv(data)[1] == ["1880-01-01T17:21:10.000+05:21:10"]


def test_timestamps_have_as_many_decimals_as_they_need():
    rows = [(0,), (120_000_000,), (123_400_000,), (1,), (None,), (-1,)]
    assert [row[0] for row in read_csv(made("csv", columns(t="timestamp"), rows))] == [
        "t",
        "1970-01-01T00:00:00.000Z",
        "1970-01-01T00:00:00.120Z",
        "1970-01-01T00:00:00.123400Z",
        "1970-01-01T00:00:00.000000001Z",
        "",
        "1969-12-31T23:59:59.999999999Z",
    ]


@pytest.mark.parametrize(
    ("moments", "expected"),
    [
        ([0, 10**6], ["00.000Z", "00.001Z"]),
        ([1_000, 10**6, -(2**63) + 1], ["00.000001Z", "00.001Z", "43.145224193Z"]),
        ([2**63 - 1, 1_001_000, None], ["16.854775807Z", "00.001001Z", ""]),
    ],
)
def test_the_decimals_of_one_moment_do_not_change_with_its_neighbours(
    moments, expected
):
    data = made("csv", columns(t="timestamp"), [(moment,) for moment in moments])
    assert [row[0][17:] for row in read_csv(data)[1:]] == expected


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\rx",
        "\tx",
        "  =1",
        '"=1',
        "'=1",
        " ' \" =1",
        "\uff1d1",
        "\uff0b1+1",
        "\uff0d1+1",
        "\uff20x",
        "\u00a0=1",
        "\u200b=1",
        "\ufeff=1",
        "\x00=1",
        "\n=1",
        "-5 notes",
        "--5",
        "-5\n",
        "-",
        "-0x10",
    ],
)
def test_text_that_looks_like_a_formula_is_prefixed(text):
    report = Report()
    shown = columns(a="text")
    assert read_csv(made("csv", shown, [(text,)], report=report))[1] == ["'" + text]
    assert report.cells_neutralised == 1
    assert cell(text, raw=True) == text


@pytest.mark.parametrize(
    "text",
    ["-5.2", "+5", "-1e-5", "-.5", "-5.", "5", "a=1", "a-b", "x@y.z", "'quoted'"],
)
def test_numbers_and_other_text_are_unchanged(text):
    assert cell(text) == text


def test_the_first_byte_check_misses_no_formula():
    every = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    texts = pa.array([character + "=" for character in every])
    dangerous = texts.filter(pc.match_substring_regex(texts, TRIGGER)).to_pylist()
    assert len(dangerous) > 100
    one_each = pa.array({text.encode()[0]: text for text in dangerous}.values())
    missed = [text for text in one_each if looks_like_formula(pa.array([text])) is None]
    assert missed == []


@pytest.mark.parametrize("texts", [[], [None, None], [""], ["", None]])
def test_empty_and_missing_texts_are_no_formulas(texts):
    assert looks_like_formula(pa.array(texts, pa.string())) is None


def test_column_names_that_look_like_a_formula_are_prefixed():
    report = Report()
    data = made("csv", columns(**{"=1+1": "integer"}), [(-1,)], report=report)
    assert read_csv(data) == [["'=1+1"], ["-1"]]
    assert report.cells_neutralised == 1


def test_a_byte_order_mark_is_written_if_chosen():
    data = made("csv", columns(ID="text"), [("\u00fc",)], bom=True)
    assert data == b"\xef\xbb\xbfID\r\n\xc3\xbc\r\n"


def test_other_arrow_types_are_written_as_text():
    arrays = [
        pa.array(["=a", None]).dictionary_encode(),
        pa.array(["b", "c"], pa.large_string()),
        pa.nulls(2),
        pa.array([19_000, None], pa.date32()),
        pa.array([123, -5]).cast(pa.decimal128(38, 0)),
    ]
    shown = [Shown(name, "text") for name in "abcde"]
    batch = pa.RecordBatch.from_arrays(arrays, names=list("abcde"))
    data = b"".join(stream("csv", shown, iter([batch]), options=Options()))
    assert read_csv(data)[1:] == [
        ["'=a", "b", "", "2022-01-08", "123"],
        ["", "c", "", "", "-5"],
    ]


def read_tsv(data: bytes) -> list[list[str]]:
    csv.field_size_limit(10**9)
    lines = io.StringIO(data.decode(), newline="")
    return list(csv.reader(lines, delimiter="\t", strict=True))


def test_a_tsv_quotes_texts_that_need_it():
    rows = [(text, text) for text in [*HARD_TEXTS, "a\tb", "c,d"]]
    data = made("tsv", columns(a="text", b="text"), rows, raw=True)
    assert read_tsv(data) == [["a", "b"], *map(list, rows)]
    assert b'"a\tb"\t"a\tb"\r\n' in data
    assert b"\r\nc,d\tc,d\r\n" in data


def test_a_tsv_prefixes_formulas_as_a_csv_does():
    report = Report()
    shown = columns(**{"=a": "text", "n": "integer"})
    data = made("tsv", shown, [("=1+1", -5), ("\t=1", 1)], report=report)
    assert read_tsv(data) == [["'=a", "n"], ["'=1+1", "-5"], ["'\t=1", "1"]]
    assert report.cells_neutralised == 3
