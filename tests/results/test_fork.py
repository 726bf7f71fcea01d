"""A worker forked from a process that has read and written results can do both.

django-q2 forks its workers; a lock or a thread pool that came along would hang them.
"""

from __future__ import annotations

import os
import signal
import warnings

import pyarrow as pa
import pyarrow.compute as pc

from queries.results import Bounds, Filter, ResultReader, Sort, compact
from queries.results.cache import ORDERS
from tests.results.samples import Written, original, write

VALUES = [{"n": number, "text": f"t{number}"} for number in range(500)]


def use(directory) -> bool:
    """Write, compact, and read in every way there is; true if all went well."""
    result = write(directory, VALUES)
    whole = compact(directory, result.names, result.columns)
    merged = Written(directory, [whole], result.columns)
    with merged.reader(bounds=Bounds(threads=2)) as reader:
        page = reader.page(offset=1, size=1, sort=[Sort("n", descending=True)])
        exported = sum(len(batch) for batch in reader.batches(sort=[Sort("text")]))
        found = reader.count(Filter("T499"))
        seen = (page.rows[0][0], exported, found, reader.row(3))
    return seen == (498, 500, 1, original(VALUES[3]))


def succeeds_in_a_child(work) -> bool:
    with (
        warnings.catch_warnings()
    ):  # newer Pythons warn of forks with threads: our very point
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(30)  # a hang ends in a signal, not in a test that never ends
        os._exit(0 if work() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_forked_child_can_write_and_read_after_its_parent_did(directory):
    assert use(directory / "parent")
    assert succeeds_in_a_child(lambda: use(directory / "child"))
    assert use(directory / "parent again")


def test_a_child_forked_in_the_midst_of_a_query_can_write_and_read(directory):
    """The parent's engine is open, its threads run, and its memory of orders is locked."""
    result = write(directory / "parent", VALUES)
    pc.sum(pa.chunked_array([[1, 2], [3]]))
    bounds = Bounds(threads=2)
    with ResultReader(
        result.directory, result.names, result.columns, bounds=bounds
    ) as reader:
        batches = reader.batches(batch_rows=10)
        first = next(batches)
        with ORDERS._lock:
            assert succeeds_in_a_child(lambda: use(directory / "child"))
        assert sum(map(len, [first, *batches])) == 500
