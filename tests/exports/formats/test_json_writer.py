"""JSON and NDJSON files, read back with the standard library."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from queries.exports.formats import FORMATS, Options, Report, stream
from tests.exports.formats.rows import HARD_TEXTS, Shown, columns, made, originals

ORIGINAL_FORMATS = [form.slug for form in FORMATS.values() if form.originals]
ORIGINALS = [
    '{"a": 1.0, "a": 2, "big": 123456789012345678901234567890}',
    '{"n": 1e400, "u": "\\ud83d\\ude00", "lone": "\\ud800"}',
    "[1, [2, {}]]",
    '"text"',
    "null",
]


def from_originals(
    slug: str, texts: list[str | None], report: Report | None = None
) -> str:
    options = Options(original=True)
    chunks = stream(slug, [], originals(texts), options=options, report=report)
    return b"".join(chunks).decode()


def rows_of(slug: str, data: bytes) -> list:
    if slug == "json":
        return json.loads(data)
    return [json.loads(line) for line in data.decode().split("\n")[:-1]]


def test_raw_rows_are_written_byte_for_byte():
    assert from_originals("ndjson", ORIGINALS).split("\n") == [*ORIGINALS, ""]
    assert from_originals("json", ORIGINALS) == "[\n" + ",\n".join(ORIGINALS) + "\n]\n"


def test_a_raw_row_of_several_lines_becomes_one_line():
    pretty = json.dumps({"a": [1, "x\ny"], "b": {}}, indent=2).replace("\n", "\r\n")
    text = from_originals("ndjson", [pretty])
    assert text.count("\n") == 1
    assert json.loads(text) == json.loads(pretty)


@pytest.mark.parametrize(
    "text", ["oops", "", "{'a': 1}", "NaN", "[1", "1 2", "[" * 5000]
)
def test_a_raw_row_that_is_not_json_is_written_as_a_string(text):
    report = Report()
    data = from_originals("json", ['{"a":1}', text, None], report)
    assert json.loads(data) == [{"a": 1}, text, None]
    assert report.values_quoted == 1


@pytest.mark.parametrize("slug", ORIGINAL_FORMATS)
def test_texts_survive_a_round_trip(slug):
    shown = columns(a="text", b="severity")
    rows = [(text, None) for text in [*HARD_TEXTS, *map(chr, range(0x20)), None]]
    assert rows_of(slug, made(slug, shown, rows)) == [
        {"a": text, "b": None} for text, _ in rows
    ]


@pytest.mark.parametrize("slug", ORIGINAL_FORMATS)
def test_values_keep_their_types(slug):
    shown = columns(i="integer", n="number", b="boolean", j="json", t="timestamp")
    nested = {"a": [1, None, {"\u00fc": "\n"}], "big": 2**70}
    rows = [
        (2**63 - 1, 0.1, True, json.dumps(nested), 1),
        (-(2**53) - 1, 1e300, False, "[]", -(2**62)),
        (None, None, None, None, None),
    ]
    assert rows_of(slug, made(slug, shown, rows)) == [
        {
            "i": 2**63 - 1,
            "n": 0.1,
            "b": True,
            "j": nested,
            "t": "1970-01-01T00:00:00.000000001Z",
        },
        {
            "i": -(2**53) - 1,
            "n": 1e300,
            "b": False,
            "j": [],
            "t": "1823-11-12T00:06:21.572612096Z",
        },
        dict.fromkeys("inbjt"),
    ]


def test_a_column_with_a_missing_value_is_written_like_one_without():
    shown = columns(a="text", t="timestamp", b="text")
    rows = [("x", 0, "y"), (None, None, None)]
    whole, alone = made("ndjson", shown, rows), made("ndjson", shown, rows[:1])
    assert whole == alone + b'{"a":null,"t":null,"b":null}\n'


def test_nan_and_infinity_are_written_by_name():
    rows = [(float("nan"),), (float("inf"),), (float("-inf"),), (1.5,), (None,)]
    data = made("json", columns(n="number"), rows)
    assert [row["n"] for row in json.loads(data)] == [
        "NaN",
        "Infinity",
        "-Infinity",
        1.5,
        None,
    ]


def test_timestamps_are_utc_in_every_zone():
    zone = ZoneInfo("Europe/Berlin")
    data = made("ndjson", columns(t="timestamp"), [(0,)], zone=zone)
    assert data == b'{"t":"1970-01-01T00:00:00.000Z"}\n'


def test_a_json_cell_that_is_not_json_is_written_as_a_string():
    report = Report()
    data = made("json", columns(j="json"), [("{",), ("1",)], report=report)
    assert json.loads(data) == [{"j": "{"}, {"j": 1}]
    assert report.values_quoted == 1


def test_an_empty_result_is_an_empty_array_or_nothing():
    assert made("json", columns(a="text"), []) == b"[]\n"
    assert made("ndjson", columns(a="text"), []) == b""
    assert from_originals("json", []) == "[]\n"


def test_repeated_column_names_are_numbered():
    names = ["a", "a", "", "a (2)", "a", 'q"']
    shown = [Shown(name, "integer") for name in names]
    data = made("ndjson", shown, [tuple(range(6))])
    assert json.loads(data) == {
        "a": 0,
        "a (3)": 1,
        "": 2,
        "a (2)": 3,
        "a (4)": 4,
        'q"': 5,
    }


def test_text_that_looks_like_a_formula_is_unchanged():
    assert json.loads(made("ndjson", columns(a="text"), [("=1+1",)])) == {"a": "=1+1"}


def test_other_arrow_types_are_written_as_text_or_number():
    arrays = [
        pa.array([19_000], pa.date32()),
        pa.array([5]).cast(pa.decimal128(38, 0)),
        pa.nulls(1),
    ]
    batch = pa.RecordBatch.from_arrays(arrays, names=list("abc"))
    shown = [Shown(name, "text") for name in "abc"]
    data = b"".join(stream("ndjson", shown, iter([batch])))
    assert json.loads(data) == {"a": "2022-01-08", "b": 5, "c": None}


def test_invalid_utf_8_in_a_raw_row_replaces_only_those_bytes():
    values = [b'{"a": "\xff"}', None, '{"a": "\u00fc"}'.encode()]
    batch = pa.record_batch([pa.array(values, pa.binary())], ["_original"])
    options = Options(original=True)
    data = b"".join(stream("json", [], iter([batch]), options=options))
    assert json.loads(data) == [{"a": "\ufffd"}, None, {"a": "\u00fc"}]


def test_integers_beyond_2_to_the_53_become_text_if_chosen():
    report = Report()
    shown = columns(i="integer", g="json", t="text")
    nested = '{"a":[9007199254740993,1.9007199254740993,"9007199254740993",90071992547409930e1,-9007199254740993]}'
    rows = [
        (2**53, nested, "id 9007199254740993"),
        (2**53 + 1, "12345678901234567890", None),
    ]
    data = made("ndjson", shown, rows, exact_as_text=True, report=report)
    assert data.decode().splitlines() == [
        '{"i":9007199254740992,"g":'
        '{"a":["9007199254740993",1.9007199254740993,"9007199254740993",90071992547409930e1,"-9007199254740993"]}'
        ',"t":"id 9007199254740993"}',
        '{"i":"9007199254740993","g":"12345678901234567890","t":null}',
    ]
    assert report.integers_as_text == 4


def test_large_integers_of_raw_rows_become_text_if_chosen():
    texts = ['{"id": 18446744073709551615, "s": "\\"18446744073709551615"}']
    data = b"".join(
        stream(
            "json",
            [],
            originals(texts),
            options=Options(original=True, exact_as_text=True),
        )
    )
    assert json.loads(data) == [
        {"id": "18446744073709551615", "s": '"18446744073709551615'}
    ]
