"""Whatever JSON rows go in, every row comes back byte for byte and every value is in the grid."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from queries.results import Limits, Sort, compact
from tests.results.samples import Written, original, write, write_column

NUMBERS = st.one_of(
    st.integers(-(2**80), 2**80),
    st.sampled_from(
        [0, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, 2**63, -(2**63), 2**64]
    ),
    st.floats(allow_nan=False, allow_infinity=False),
)
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ["", "\x00", "a.b", "A", "a", "_n", "_original", "2025-06-19T00:44:47Z", "5"]
    ),
)
KEYS = st.one_of(
    st.sampled_from(["a", "A", "b", "a.b", "", "_n", "it's", "\x00"]),
    st.text(max_size=4),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(KEYS, VALUES, max_size=5), max_size=12)
LIMITS = st.builds(
    Limits, part_rows=st.integers(1, 8), first_part_rows=st.integers(1, 8)
)


def leaves(value):
    """The cells a row should have: scalars, and lists and empty objects as JSON text."""
    if isinstance(value, dict) and value:
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list | dict):
        return [json.dumps(value)]
    return [] if value is None else [value]


def comparable(cells):
    """Cells in one order, JSON in one spelling; repr tells 1 from 1.0 and True, 0.0 from -0.0."""
    return sorted(repr(respelled(cell)) for cell in cells if cell is not None)


def respelled(cell):
    if not (isinstance(cell, str) and cell[:1] in {"[", "{"}):
        return cell
    try:
        return json.dumps(json.loads(cell))
    except ValueError:
        return cell


@settings(deadline=None, max_examples=50)
@given(rows=ROWS, limits=LIMITS, compacted=st.booleans())
def test_every_row_and_every_value_comes_back(rows, limits, compacted):
    with tempfile.TemporaryDirectory() as scratch:
        result = write(Path(scratch) / "r", rows, limits=limits)
        if compacted and rows:
            whole = compact(
                result.directory, result.names, result.columns, group_rows=3
            )
            result = Written(result.directory, [whole], result.columns)
        page = result.page()
        with result.reader() as reader:
            assert [reader.row(n) for n in range(len(rows))] == [
                original(row) for row in rows
            ]
    assert [n for n, _ in page.rows] == list(range(len(rows)))
    assert [comparable(cells) for _, cells in page.rows] == [
        comparable(leaves({"row": row})) if row else [] for row in rows
    ]
    assert len({column.name for column in result.columns}) == len(result.columns)


@settings(deadline=None, max_examples=30)
@given(values=st.lists(VALUES, min_size=1, max_size=15), descending=st.booleans())
def test_any_column_can_be_sorted_searched_and_exported(values, descending):
    with tempfile.TemporaryDirectory() as scratch:
        result = write_column(Path(scratch) / "r", values)
        by = [Sort(column.name, descending) for column in result.columns]
        order = result.sorted(*by)
        with result.reader() as reader:
            exported = [
                n
                for batch in reader.batches(sort=by, with_original=True)
                for n in batch.column(len(batch.schema) - 1).to_pylist()
            ]
        assert exported == [original({"x": values[n]}) for n in order]
        assert sorted(order) == list(range(len(values)))


@settings(deadline=None, max_examples=30)
@given(values=st.lists(NUMBERS, min_size=1, max_size=20))
def test_numbers_of_any_size_are_sorted_by_value(values):
    with tempfile.TemporaryDirectory() as scratch:
        result = write_column(Path(scratch) / "r", values)
        found = [cells[0] for _, cells in result.page(sort=[Sort("x")]).rows]
    assert found == sorted(values)


@settings(deadline=None, max_examples=30)
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=10),
    needle=st.text("aAbB%_\\'5.\x00", max_size=2),
)
def test_a_filter_finds_exactly_the_texts_that_contain_it(texts, needle):
    with tempfile.TemporaryDirectory() as scratch:
        result = write_column(Path(scratch) / "r", texts)
        found = result.found(needle)
    assert found == [
        n for n, text in enumerate(texts) if needle.lower() in text.lower()
    ]
