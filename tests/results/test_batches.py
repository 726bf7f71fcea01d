"""Batches carry any selection of the rows, exactly, in the order asked for."""

from __future__ import annotations

import pyarrow as pa
import pytest

from queries.results import (
    ORIGINAL,
    Filter,
    ResultReader,
    Sort,
)
from tests.results.samples import original, write, write_column

VALUES = [{"n": number, "text": f"t{number % 5}"} for number in range(40)]


@pytest.fixture
def result(directory):
    return write(directory, VALUES)


def table(written, **wanted):
    with written.reader() as reader:
        return pa.Table.from_batches(reader.batches(**wanted))


def test_all_rows_come_in_order(result):
    assert table(result).to_pylist() == VALUES


def test_batches_are_as_small_as_asked_for(result):
    with result.reader() as reader:
        sizes = [len(batch) for batch in reader.batches(batch_rows=15)]
    assert sum(sizes) == 40
    assert max(sizes) <= 15


def test_columns_come_in_the_order_asked_for(result):
    assert table(result, columns=["text", "n"]).column_names == ["text", "n"]


@pytest.mark.parametrize(("limit", "rows"), [(None, 40), (7, 7), (0, 0), (100, 40)])
def test_the_first_rows_can_be_asked_for(result, limit, rows):
    with result.reader() as reader:
        numbers = [
            row["n"] for b in reader.batches(limit=limit) for row in b.to_pylist()
        ]
    assert numbers == list(range(rows))


def test_sorted_and_filtered_rows(result):
    found = table(
        result, sort=[Sort("n", descending=True)], filter=Filter("T3", "text"), limit=3
    )
    assert found["n"].to_pylist() == [38, 33, 28]


def test_the_original_can_come_along(result):
    found = table(
        result, columns=["n"], with_original=True, sort=[Sort("n", descending=True)]
    )
    assert found.column_names == ["n", ORIGINAL]
    assert found[ORIGINAL].to_pylist() == [original(row) for row in reversed(VALUES)]


def test_the_original_can_come_alone(result):
    found = table(result, columns=(), with_original=True)
    assert found.schema == pa.schema([(ORIGINAL, pa.binary())])
    assert len(found) == 40


def test_nothing_at_all_is_no_batch(result):
    with result.reader() as reader:
        assert list(reader.batches(columns=())) == []


def test_a_result_without_rows_is_no_batch(directory):
    with ResultReader(directory, [], []) as reader:
        assert list(reader.batches(with_original=True)) == []


@pytest.mark.parametrize(
    ("values", "hint", "type_", "cells"),
    [
        ([1, 2**62, None], "", pa.int64(), [1, 2**62, None]),
        ([1, 1.5], "", pa.float64(), [1.0, 1.5]),
        ([2**53 + 1, 0.5], "", pa.string(), ["9007199254740993", "0.5"]),
        ([2**64, 1], "", pa.string(), [str(2**64), "1"]),
        ([True, None], "", pa.bool_(), [True, None]),
        (
            [True, 2, 0.1, 1e300, "x", [1], None],
            "",
            pa.string(),
            ["true", "2", "0.1", "1e+300", "x", "[1]", None],
        ),
        ([{}, [1]], "", pa.string(), ["{}", "[1]"]),
        ([None, None], "", pa.string(), [None, None]),
        (["5", None], "severity", pa.string(), ["Error", None]),
    ],
)
def test_a_column_comes_in_the_one_type_that_holds_it(
    directory, values, hint, type_, cells
):
    written = write_column(directory, values, hints={"x": hint})
    found = table(written)
    assert found.schema == pa.schema([("x", type_)])
    assert found["x"].to_pylist() == cells
    assert written.columns[0].arrow_type == type_


def test_times_come_with_nanoseconds(directory):
    values = ["2025-06-19T00:44:47.461000001"]
    found = table(write_column(directory, values, hints={"x": "timestamp"}))
    assert found.schema.field("x").type == pa.timestamp("ns", "UTC")
    assert found["x"].cast(pa.int64()).to_pylist() == [1750293887461000001]


def test_times_among_texts_are_written_out(directory):
    values = ["2025-06-19T00:44:47.461000001", "never"]
    found = table(write_column(directory, values, hints={"x": "timestamp"}))
    assert found["x"].to_pylist() == ["2025-06-19T00:44:47.461000001Z", "never"]


def test_names_may_repeat_and_be_anything(directory):
    written = write(directory, [{"a": 1, "A": 2, "_original": 3, 'x"; --': 4}])
    found = table(
        written, columns=["a", "A", "a", "_original", 'x"; --'], with_original=True
    )
    assert found.column_names == ["a", "A", "a", "_original", 'x"; --', "_original"]
    assert [column.to_pylist()[0] for column in found.columns[:5]] == [1, 2, 1, 3, 4]


def test_an_export_does_not_block_other_questions(result):
    with result.reader() as reader:
        batches = reader.batches(batch_rows=5)
        next(batches)
        assert reader.page(offset=1, size=1).rows == [(1, [1, "t1"])]
        assert sum(len(batch) for batch in batches) == 35


def test_an_export_may_be_left_half_way(result):
    with result.reader() as reader:
        next(reader.batches(batch_rows=5))
    assert {path.suffix for path in result.directory.iterdir()} == {".parquet"}
