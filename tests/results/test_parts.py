"""Files are whole or not there, and a full disk is said to be full."""

from __future__ import annotations

import errno
import os
import sys

import pytest

from queries.results import (
    Limits,
    PartWriter,
    StorageError,
    StorageFullError,
    compact,
    orphan_directories,
    remove_result,
)
from tests.results.full_disk import files_no_larger_than
from tests.results.samples import rows_of, write

NOISE = [{"noise": os.urandom(2_000).hex()} for _ in range(50)]


def test_a_full_disk_is_reported_and_leaves_no_half_file(directory):
    writer = PartWriter(directory, limits=Limits(first_part_rows=1))
    parts = []
    with (
        files_no_larger_than(10_000),
        pytest.raises(StorageFullError, match="no room left"),
    ):
        parts.extend(writer.write(rows_of(NOISE)))
    assert {path.name for path in directory.iterdir()} == {part.name for part in parts}
    assert writer.rows == sum(part.rows for part in parts) > 0


def test_a_full_disk_during_compaction_leaves_the_result_readable(directory):
    result = write(directory, NOISE)
    with files_no_larger_than(10_000), pytest.raises(StorageFullError):
        compact(directory, result.names, result.columns)
    assert {path.name for path in directory.iterdir()} == set(result.names)
    assert result.cells() == [[row["noise"]] for row in NOISE]


def test_rows_that_found_no_room_are_written_when_there_is_some(directory):
    writer = PartWriter(directory)
    with files_no_larger_than(100), pytest.raises(StorageFullError):
        list(writer.write(rows_of([{"a": 1}])))
    (part,) = writer.write(rows_of([{"a": 2}]))
    assert (part.first_row, part.rows) == (0, 2)


def test_other_trouble_with_the_disk_is_reported(directory):
    directory.write_text("a file where the directory should be")
    with pytest.raises(StorageError, match="could not be written") as caught:
        list(PartWriter(directory).write(rows_of([{"a": 1}])))
    assert not isinstance(caught.value, StorageFullError)
    assert caught.value.__cause__.errno in {errno.EEXIST, errno.ENOTDIR}


def test_orphans_are_files_that_nobody_records_any_more(directory):
    result = write(directory, [{"a": n} for n in range(6)])
    (directory / ".half.tmp").write_text("")
    (directory / ".spill-1").mkdir()
    later = (directory / result.names[0]).stat().st_mtime + 3_601
    found = orphan_directories(directory, result.names[1:], now=later)
    assert {path.name for path in found} == {".half.tmp", ".spill-1", result.names[0]}


def test_fresh_files_are_no_orphans_yet(directory):
    write(directory, [{"a": 1}])
    assert orphan_directories(directory, []) == []
    assert len(orphan_directories(directory, [], min_age=0.0, now=sys.maxsize)) == 1


def test_there_are_no_orphans_where_there_is_no_directory(directory):
    assert orphan_directories(directory, []) == []


def test_a_result_is_removed_with_everything_in_it(directory):
    write(directory / "generation", [{"a": 1}])
    remove_result(directory)
    assert not directory.exists()


def test_removing_twice_is_no_trouble(directory):
    remove_result(directory)
    remove_result(directory)


def test_what_cannot_be_removed_is_reported(directory):
    directory.write_text("not a directory")
    with pytest.raises(StorageError, match="could not be deleted"):
        remove_result(directory)
