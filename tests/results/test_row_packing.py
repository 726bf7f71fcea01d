"""Rows whose text their cells can write are stored without it, and give it back byte for byte."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queries.providers.coralogix.provider import Coralogix
from queries.providers.coralogix.rows import parse_row
from queries.results import WHOLE, Limits, ResultsDamagedError, compact
from queries.results.columns import ORIGINAL, TEMPLATE
from tests.benchmarks.rows import wire_rows
from tests.results.samples import SMALL, Written, write_rows
from tests.results.test_properties import ROWS

ROOTS = {root: (root, "json") for root in ("$m", "$l", "$d")}


def packed(directory, texts, *, documents=WHOLE, rows=None, limits=SMALL, **options):
    """The rows of these texts, compacted; `rows` are their values where they differ from the texts."""
    values = rows or [json.loads(text) for text in texts]
    pairs = list(zip(values, texts, strict=True))
    result = write_rows(directory, pairs, limits, **options)
    whole = compact(result.directory, result.names, result.columns, documents)
    return Written(result.directory, [whole], result.columns)


def texts_kept(result):
    """How many rows kept their text."""
    table = pq.read_table(result.directory / result.names[0])
    return len(table) - table[ORIGINAL].null_count


def texts_read(result, every=1):
    """The rows' texts in one go; every row read alone, or some, has the same."""
    with result.reader() as reader:
        alone = [reader.row(n) for n in range(0, reader.total, every)]
        together = [
            text
            for batch in reader.batches(columns=[], with_original=True)
            for text in batch[ORIGINAL].to_pylist()
        ]
    assert together[::every] == alone
    return together


def compactly(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def test_rows_that_are_written_alike_keep_no_text(directory):
    texts = [
        compactly({"n": n, "who": {"name": f"n°{n}", "age": n / 4}, "ok": n % 2 == 0})
        for n in range(20)
    ]
    result = packed(directory, texts)
    assert texts_kept(result) == 0
    assert texts_read(result) == texts


def test_a_log_of_the_wire_takes_an_eighth_of_its_text(directory):
    texts = list(wire_rows(20_000))
    rows = [parse_row(text).values for text in texts]
    result = packed(
        directory,
        texts,
        rows=rows,
        documents=Coralogix.row_documents,
        hints=Coralogix.column_hints,
        limits=Limits(),
    )
    assert texts_kept(result) == 0
    assert result.parts[0].size < sum(map(len, texts)) / 8
    assert texts_read(result, every=1_999) == texts


@pytest.mark.parametrize(
    "odd",
    [
        b'{"n":1, "a":"x"}',  # another spacing than the others'
        b'{"a":"x","n":1}',  # another order
        b'{"n":1,"n":2,"a":"x"}',  # a key twice
        b'{"n":1.50,"a":"x"}',  # digits nobody needs
        b'{"n":1E3,"a":"x"}',
        b'{"n":-0,"a":"x"}',
        b'{"n":1,"a":"\\u0078"}',  # escapes nobody needs
        b'{"n":1,"a":"\\/"}',
        b'{"n":1,"a":null,"b":{}}',
        b'{"n":1,"a":"\\ud800"}',  # half a character
        b'{"n":123456789012345678901234567890,"a":"x"}',
        b'{"n":1e400,"a":"x"}',
        b'{"n":[1, 2],"a":"x"}',
        b'{"n":{"a":1},"a":"x"}',
        b"{}",
    ],
)
def test_a_row_that_is_written_otherwise_keeps_its_text(directory, odd):
    usual = [b'{"n":%d,"a":"x%d"}' % (n, n) for n in range(12)]
    texts = [*usual[:7], odd, *usual[7:]]
    result = packed(directory, texts)
    assert texts_kept(result) <= 1
    assert texts_read(result) == texts


def test_values_are_spelled_as_in_the_files_that_are_there_already(directory):
    # Should DuckDB spell any of these otherwise one day, texts stored without would change.
    texts = [
        b'{"f":0.1,"s":"a/b","i":-7,"b":true}',
        b'{"f":12.0,"s":"\\"\\\\\\b\\f\\n\\r\\t","i":9007199254740993,"b":false}',
        b'{"f":-0.0,"s":"\\u0001\x7f","i":0,"b":true}',
        b'{"f":1e-7,"s":"","i":9223372036854775807,"b":true}',
        b'{"f":123456789.125,"s":"<&>\xe2\x80\xa8\xf0\x9f\x98\x80","i":1,"b":true}',
        b'{"f":5e-324,"s":"x","i":2,"b":true}',
        b'{"f":1.5e300,"s":"x","i":3,"b":true}',
    ]
    result = packed(directory, texts)
    assert texts_kept(result) == 0
    assert texts_read(result) == texts


def test_one_template_does_not_do_for_rows_in_two_orders_but_two_do(directory):
    texts = [
        compactly({"a": n, "b": -n} if n % 3 else {"b": -n, "a": n}) for n in range(20)
    ]
    result = packed(directory, texts)
    assert texts_kept(result) == 0
    assert texts_read(result) == texts


@pytest.mark.parametrize("spaced", [False, True])
def test_members_that_are_null_or_not_there_are_told_apart(directory, spaced):
    write = json.dumps if spaced else lambda value: compactly(value).decode()
    values = [
        {"n": n}
        | ({} if n % 2 else {"sometimes": {"a": n, "b": None if n % 4 else "x"}})
        for n in range(24)
    ]
    texts = [write(value).encode() for value in values]
    result = packed(directory, texts)
    assert texts_kept(result) == 0
    assert texts_read(result) == texts


TIMES = {
    "nanoseconds": "2026-06-19T00:44:47.{n:09}",
    "milliseconds in UTC": "2026-06-19T00:44:47.{n:03}Z",
    "seconds with a blank": "2026-06-19 00:44:{n:02}",
    "an offset of nothing": "2026-06-19T00:44:{n:02}+00:00",
}


@pytest.mark.parametrize("form", TIMES.values(), ids=TIMES)
def test_times_are_written_as_they_came(directory, form):
    texts = [compactly({"at": form.format(n=n), "n": n}) for n in range(20)]
    result = packed(directory, texts, hints={"at": "timestamp"})
    assert result.kinds["at"] == "timestamp"
    assert texts_kept(result) == 0
    assert texts_read(result) == texts


@pytest.mark.parametrize("power", [0, 3, 6, 9])
def test_times_that_are_counted_are_counted_again(directory, power):
    texts = [compactly({"at": (1_781_830_000 + n) * 10**power}) for n in range(20)]
    result = packed(directory, texts, hints={"at": "timestamp"})
    assert result.kinds["at"] == "timestamp"
    assert texts_kept(result) == 0
    assert texts_read(result) == texts


@pytest.mark.parametrize(
    "levels",
    [(1, 3, 5), ("1", "3", "5"), ("info", "error"), ("INFO", "ERROR"), ("Info", "Error")],
    ids=str,
)  # fmt: skip
def test_levels_are_written_as_they_came(directory, levels):
    texts = [compactly({"level": levels[n % len(levels)]}) for n in range(20)]
    result = packed(directory, texts, hints={"level": "severity"})
    assert texts_kept(result) == 0
    assert texts_read(result) == texts


def test_a_text_that_holds_json_and_one_that_does_not_are_both_written(directory):
    inner = [
        compactly({"said": f'"{n}" \\ \n'}).decode() if n % 2 else f"plain {n}"
        for n in range(20)
    ]
    texts = [
        compactly({"labels": [{"key": "app", "value": "x"}], "userData": text})
        for text in inner
    ]
    rows = [parse_row(text).values for text in texts]
    documents = Coralogix.row_documents
    result = packed(directory, texts, rows=rows, documents=documents)
    assert texts_kept(result) == 0
    assert texts_read(result) == texts


def test_more_columns_than_are_worth_it_leave_the_texts(directory):
    texts = [compactly({f"c{at}": at for at in range(n, n + 700)}) for n in (0, 700, 1)]
    result = packed(directory, texts)
    assert texts_kept(result) == 3
    assert texts_read(result) == texts


def test_parts_with_and_without_texts_are_read_as_one_and_compacted_again(directory):
    texts = [compactly({"n": n, "a": f"x{n}"}) for n in range(20)]
    result = write_rows(directory, [(json.loads(t), t) for t in texts])
    first = compact(directory, result.names[:3], result.columns)
    mixed = Written(directory, [first, *result.parts[3:]], result.columns)
    assert texts_read(mixed) == texts
    again = compact(directory, mixed.names, result.columns)
    merged = Written(directory, [again], result.columns)
    assert texts_kept(merged) == len(texts) - first.rows
    assert texts_read(merged) == texts


def test_a_file_that_lost_its_templates_is_damaged_not_guessed(directory):
    result = packed(directory, [compactly({"n": n}) for n in range(20)])
    path = result.directory / result.names[0]
    table = pq.read_table(path)
    assert table[TEMPLATE].null_count == 0
    path.unlink()
    pq.write_table(table.replace_schema_metadata({}), path)
    with result.reader() as reader:
        with pytest.raises(ResultsDamagedError):
            reader.row(3)
        with pytest.raises(ResultsDamagedError):
            list(reader.batches(columns=[], with_original=True))


@settings(deadline=None, max_examples=60)
@given(
    rows=ROWS.filter(bool),
    roots=st.booleans(),
    hint=st.sampled_from(["", "timestamp", "severity"]),
    spaced=st.booleans(),
)
def test_any_rows_come_back_byte_for_byte(rows, roots, hint, spaced):
    values = [{"$d": row, "$l": {"a": "b"}} if roots else row for row in rows]
    separators = (", ", ": ") if spaced else (",", ":")
    texts = [json.dumps(value, separators=separators).encode() for value in values]
    hints = {name: hint for name in ("a", "b", "$d.a") if hint}
    with tempfile.TemporaryDirectory() as scratch:
        result = packed(
            Path(scratch) / "r",
            texts,
            documents=ROOTS if roots else WHOLE,
            hints=hints,
        )
        assert texts_read(result) == texts
