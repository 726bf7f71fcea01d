"""Compaction makes one file of many and changes nothing that can be read."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from queries.results import (
    ResultReader,
    ResultsDamagedError,
    ResultsMissingError,
    compact,
)
from tests.results.samples import original, write

VALUES = [
    {"n": n, **({"late": f"x{n}"} if n > 10 else {"mixed": n % 2 or "even"})}
    for n in range(30)
]


@pytest.fixture
def result(directory):
    return write(directory, VALUES)


def test_the_new_part_reads_like_the_old_ones(result):
    whole = compact(result.directory, result.names, result.columns)
    with ResultReader(result.directory, [whole.name], result.columns) as reader:
        assert reader.page(offset=0, size=100) == result.page()
        assert [reader.row(n) for n in range(30)] == [original(row) for row in VALUES]


def test_the_new_part_holds_all_rows(result):
    whole = compact(result.directory, result.names[::-1], result.columns)
    assert (whole.first_row, whole.rows) == (0, 30)
    assert whole.size == (result.directory / whole.name).stat().st_size


def test_the_old_parts_stay_until_the_caller_deletes_them(result):
    compact(result.directory, result.names, result.columns)
    assert set(result.names) < {path.name for path in result.directory.iterdir()}


@pytest.mark.parametrize(
    ("limits", "groups"),
    [
        ({}, [30]),
        ({"group_rows": 10}, [10, 8, 8, 4]),
        ({"group_bytes": 1}, [2, 4, 4, 4, 4, 4, 4, 4]),
    ],
)
def test_row_groups_are_as_large_as_memory_allows(result, limits, groups):
    whole = compact(result.directory, result.names, result.columns, **limits)
    metadata = pq.read_metadata(result.directory / whole.name)
    sizes = [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]
    assert sizes == groups


def test_a_compacted_part_can_be_compacted_again(result):
    first = compact(result.directory, result.names[:4], result.columns)
    whole = compact(result.directory, [first.name, *result.names[4:]], result.columns)
    assert whole.rows == 30


def test_parts_that_do_not_follow_one_another_are_refused(result):
    with pytest.raises(ResultsDamagedError):
        compact(result.directory, [result.names[0], *result.names[2:]], result.columns)


def test_nothing_cannot_be_compacted(directory):
    with pytest.raises(ResultsMissingError):
        compact(directory, [], [])


def test_a_part_that_is_gone_is_missed(result):
    (result.directory / result.names[1]).unlink()
    with pytest.raises(ResultsMissingError):
        compact(result.directory, result.names, result.columns)


def test_a_damaged_part_is_reported_and_leaves_no_half_file(result):
    path = result.directory / result.names[1]
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[:100] + bytes(100) + whole[200:])
    before = set(result.directory.iterdir())
    with pytest.raises(ResultsDamagedError):
        compact(result.directory, result.names, result.columns)
    assert set(result.directory.iterdir()) == before
