"""Round trip of generated JSON rows: exported files hold the same values as the stored rows."""

from __future__ import annotations

import gzip
import json
import tempfile
from contextlib import contextmanager
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from queries.exports.formats import Options, Report, stream
from queries.results import compact
from tests.results.samples import Written, original, write
from tests.results.test_properties import LIMITS, ROWS

EXACT = 2**53


@contextmanager
def stored(rows, limits, *, compacted):
    """The rows as the product stores them: in parts, or merged into one file."""
    with tempfile.TemporaryDirectory() as scratch:
        result = write(Path(scratch) / "r", rows, limits=limits)
        if compacted and rows:
            whole = compact(
                result.directory, result.names, result.columns, group_rows=3
            )
            result = Written(result.directory, [whole], result.columns)
        yield result


def exported(result, form, **options):
    """The file of the stored rows: their originals, or the columns of the grid."""
    chosen = Options(**options)
    columns = [] if chosen.original else result.columns
    report = Report()
    with result.reader() as reader:
        batches = reader.batches(
            columns=[column.name for column in columns], with_original=chosen.original
        )
        data = b"".join(stream(form, columns, batches, options=chosen, report=report))
    assert report.size == len(data)
    assert report.values_quoted == 0
    return gzip.decompress(data) if chosen.compression else data


def lines_of(data):
    return data.decode().split("\n")[:-1]


def same(one, other):
    """Equal in value and in type: for Python 1, 1.0 and True are one, and so are 0.0 and -0.0."""
    return repr(one) == repr(other)


def spelled(value):
    """A value with the integers that a double cannot hold as text, at any depth."""
    if isinstance(value, dict):
        return {key: spelled(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [spelled(inner) for inner in value]
    is_large = type(value) is int and abs(value) > EXACT
    return str(value) if is_large else value


@settings(deadline=None, max_examples=40)
@given(
    rows=ROWS,
    limits=LIMITS,
    compacted=st.booleans(),
    compression=st.sampled_from(["", "gzip"]),
)
def test_a_file_of_raw_rows_holds_every_row_unchanged(
    rows, limits, compacted, compression
):
    chosen = {"original": True, "compression": compression}
    with stored(rows, limits, compacted=compacted) as result:
        array = exported(result, "json", **chosen)
        lines = lines_of(exported(result, "ndjson", **chosen))
    assert same(json.loads(array), rows)
    assert [line.encode() for line in lines] == [original(row) for row in rows]


@settings(deadline=None, max_examples=20)
@given(rows=ROWS, limits=LIMITS, compacted=st.booleans())
def test_exact_as_text_changes_only_large_integers(rows, limits, compacted):
    with stored(rows, limits, compacted=compacted) as result:
        array = exported(result, "json", original=True, exact_as_text=True)
        lines = lines_of(exported(result, "ndjson", original=True, exact_as_text=True))
    assert same(json.loads(array), spelled(rows))
    assert same([json.loads(line) for line in lines], spelled(rows))


def is_written(cell, kind, value):
    """Whether `value` is how a JSON file of columns writes a cell of the grid (formats.json_writer)."""
    if cell is None or kind == "json":
        return same(value, cell and json.loads(cell))
    if kind in {"integer", "boolean"} or isinstance(cell, str):
        return same(value, cell)
    # In a column of several types a number or a boolean is text; 2.0 is written as 2.
    if isinstance(value, str) is (kind == "number"):
        return False
    if isinstance(cell, float):
        return float(value) == cell
    return str(value) == json.dumps(cell)


@settings(deadline=None, max_examples=40)
@given(rows=ROWS, limits=LIMITS, compacted=st.booleans())
def test_a_file_of_columns_holds_every_cell_of_the_grid(rows, limits, compacted):
    with stored(rows, limits, compacted=compacted) as result:
        assume(result.columns)
        array = json.loads(exported(result, "json"))
        lines = [json.loads(line) for line in lines_of(exported(result, "ndjson"))]
        grid = result.cells()
    assert same(array, lines)
    assert len(array) == len(rows)
    for written, cells in zip(array, grid, strict=True):
        assert list(written) == [column.name for column in result.columns]
        for column, cell in zip(result.columns, cells, strict=True):
            value = written[column.name]
            assert is_written(cell, column.kind, value), (column, cell, value)
