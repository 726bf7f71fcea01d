"""Sorted exports deal rows out to piles on disk: any order, in flat memory, nothing left behind."""

from __future__ import annotations

import pytest

from queries.results import Filter, Sort, StorageFullError, external_sort
from tests.results.full_disk import files_no_larger_than
from tests.results.samples import original, write

VALUES = [{"n": (number * 37) % 100, "text": f"t{number % 3}"} for number in range(100)]
SORTED = sorted(VALUES, key=lambda row: row["n"])


@pytest.fixture(params=[1, 400, 10**9], ids=["tiny piles", "some piles", "one pile"])
def result(request, directory, monkeypatch):
    monkeypatch.setattr(external_sort, "CHUNK_BYTES", request.param)
    monkeypatch.setattr(external_sort, "MAX_CHUNKS", 7)
    return write(directory, VALUES)


def exported(result, **wanted):
    with result.reader() as reader:
        return [row for batch in reader.batches(**wanted) for row in batch.to_pylist()]


def left_behind(result):
    return {path.name for path in result.directory.iterdir()} - set(result.names)


def test_rows_come_in_the_order_asked_for(result):
    assert exported(result, sort=[Sort("n")]) == SORTED
    assert left_behind(result) == set()


@pytest.mark.parametrize("limit", [0, 1, 17, 1_000])
def test_the_first_rows_of_an_order(result, limit):
    by = [Sort("n", descending=True)]
    assert exported(result, sort=by, limit=limit) == SORTED[::-1][:limit]


def test_the_order_of_the_rows_that_match(result):
    found = exported(result, sort=[Sort("n")], filter=Filter("t1"))
    assert found == [row for row in SORTED if row["text"] == "t1"]


def test_originals_keep_company_with_their_rows(result):
    found = exported(result, sort=[Sort("n")], with_original=True, batch_rows=3)
    assert (
        [row.pop("_original") for row in found]
        == list(map(original, found))
        == [original(row) for row in SORTED]
    )


def test_no_match_is_no_batch(result):
    assert exported(result, sort=[Sort("n")], filter=Filter("nothing")) == []


def test_batches_are_as_small_as_asked_for(result):
    with result.reader() as reader:
        sizes = [len(batch) for batch in reader.batches(sort=[Sort("n")], batch_rows=9)]
    assert (sum(sizes), max(sizes)) == (100, 9)


def test_an_export_left_half_way_leaves_no_piles(result):
    with result.reader() as reader:
        batches = reader.batches(sort=[Sort("n")], batch_rows=5)
        next(batches)
        batches.close()
    assert left_behind(result) == set()


def test_a_full_disk_is_reported_and_leaves_no_piles(result):
    with files_no_larger_than(300), pytest.raises(StorageFullError):
        exported(result, sort=[Sort("n")], with_original=True)
    assert left_behind(result) == set()
