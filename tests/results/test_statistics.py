"""A column's statistics say what is in it, and its top values find exactly the rows counted."""

from __future__ import annotations

import math
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queries.results import Condition, Filter, UnknownColumnError, statistics
from queries.results.cache import ANSWERS
from tests.results.samples import write, write_column
from tests.results.test_properties import VALUES

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def of(written, column="x", **wanted):
    with written.reader() as reader:
        return reader.statistics(column, **wanted)


def only(column, operation, *values):
    return Filter(conditions=(Condition(column, operation, values),))


@pytest.mark.parametrize(
    ("values", "low", "high", "mean"),
    [
        ([3, None, 1, 2], 1, 3, 2.0),
        ([1.5, 2, "x"], 1.5, 2.0, 1.75),
        ([2**53 + 1, 1], 1, 2**53 + 1, (2**53 + 2) / 2),
        ([2**70, -(2**80), -(2**81), 5], -(2**81), 2**70, None),
        ([1.0, float("nan"), float("inf")], 1.0, math.inf, 1.0),
        (["a", "b"], None, None, None),
        ([None], None, None, None),
    ],
)
def test_numbers_have_a_low_a_high_and_a_mean(directory, values, low, high, mean):
    found = of(write_column(directory, values))
    assert (found.low, found.high) == (low, high)
    assert mean is None or found.mean == pytest.approx(mean)


def test_times_have_a_low_a_high_and_a_mean(directory):
    values = ["2025-06-19T00:00:00Z", "2025-06-19T00:00:10Z", None]
    found = of(write_column(directory, values, hints={"x": "timestamp"}))
    first = datetime(2025, 6, 19, tzinfo=UTC)
    assert (found.low, found.mean, found.high) == (
        first,
        first.replace(second=5),
        first.replace(second=10),
    )
    assert found.top[0] == ("2025-06-19T00:00:00.000Z", 1)


def test_values_are_counted(directory):
    found = of(write_column(directory, ["a", "b", "a", None, "c", "a", "b"]), top=2)
    assert (found.rows, found.present, found.types) == (7, 6, "s")
    assert (found.distinct, found.distinct_is_exact) == (3, True)
    assert found.top == (("a", 3), ("b", 2), (None, 1))


def test_a_filter_restricts_what_is_counted(directory):
    written = write(directory, [{"x": f"v{n % 3}", "y": n} for n in range(9)])
    found = of(written, filter=only("y", "between", "0", "3"))
    assert found.rows == 4
    assert found.top == (("v0", 2), ("v1", 1), ("v2", 1))


def test_many_different_values_are_estimated_and_marked(directory, monkeypatch):
    monkeypatch.setattr(statistics, "MAX_GROUPS", 50)
    values = [f"v{n}" for n in range(500)] + ["often"] * 300
    found = of(write_column(directory, values))
    assert not found.distinct_is_exact
    assert found.distinct == pytest.approx(501, rel=0.2)
    assert found.top[0] == ("often", 300)


def test_a_text_too_long_to_choose_is_counted_but_not_listed(directory):
    found = of(write_column(directory, ["x" * 5_000, "y"]))
    assert (found.present, found.distinct, found.top) == (2, 2, (("y", 1),))


def test_presence_counts_all_columns_at_once(directory):
    rows = [{"a": n, "b": None if n % 2 else "x"} for n in range(6)] + [{"c": [1]}, {}]
    written = write(directory, rows)
    with written.reader() as reader:
        assert reader.presence() == {"a": 6, "b": 3, "c": 1}
        assert reader.presence(filter=only("a", "between", "4", "")) == {
            "a": 2,
            "b": 1,
            "c": 0,
        }


def test_rows_without_a_key_have_no_presence(directory):
    with write(directory, [{}, {}]).reader() as reader:
        assert reader.presence() == {}


def test_a_result_without_rows_has_statistics_too(directory):
    written = write(directory, [])
    with written.reader() as reader:
        assert reader.presence() == {}
        with pytest.raises(UnknownColumnError):
            reader.statistics("x")


def test_an_answer_is_remembered_for_the_same_rows_only(directory):
    written = write_column(directory, [1, 2])
    found = of(written)
    assert of(written) is found
    assert of(written, top=3) is not found
    ANSWERS.clear()
    assert of(written) is not found


@settings(deadline=None, max_examples=30)
@given(values=st.lists(VALUES, min_size=1, max_size=25), estimated=st.booleans())
def test_each_top_value_finds_exactly_the_rows_counted(values, estimated):
    with (
        tempfile.TemporaryDirectory() as scratch,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(statistics, "MAX_GROUPS", 0 if estimated else 50_000)
        written = write_column(Path(scratch) / "r", values)
        with written.reader() as reader:
            for column in written.columns:
                found = reader.statistics(column.name)
                assert found.top
                assert all(rows for _, rows in found.top)
                for text, rows in found.top:
                    condition = ("empty",) if text is None else ("is", text)
                    assert reader.count(only(column.name, *condition)) == rows


@settings(deadline=None, max_examples=25)
@given(
    values=st.lists(
        st.integers(-8_000_000_000, 8_000_000_000).map(
            lambda ms: (
                EPOCH + timedelta(seconds=ms, microseconds=ms % 999_983)
            ).isoformat()
        ),
        min_size=1,
        max_size=20,
    )
)
def test_each_top_time_finds_exactly_the_rows_counted(values):
    with tempfile.TemporaryDirectory() as scratch:
        written = write_column(Path(scratch) / "r", values, hints={"x": "timestamp"})
        with written.reader() as reader:
            for text, rows in reader.statistics("x").top:
                assert reader.count(only("x", "is", text)) == rows
