"""A thread reads ahead: in order, bounded, heard when it fails, gone when nobody wants more."""

from __future__ import annotations

import threading
import time

import pyarrow as pa
import pytest

from queries.results import Bounds, BusyError, QueryTimeoutError, Sort
from queries.results.concurrency import READ_SLOTS
from queries.results.engine import STREAM_WAIT, Engine, Interrupt
from queries.results.prefetch import MAX_BATCHES, MAX_BYTES, prefetch
from tests.results.samples import write_column

SOON = STREAM_WAIT / 2


def batch(number: int, size: int = 8) -> pa.RecordBatch:
    return pa.record_batch([pa.array([number]), pa.array([b"x" * size])], ["n", "x"])


def numbers(batches) -> list[int]:
    return [n for batch in batches for n in batch["n"].to_pylist()]


def readers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("rows")]


def nothing() -> None:
    """For sources that nothing keeps."""


class Source:
    """Batches that tell how many were read, where, and whether the source was closed."""

    def __init__(self, count: int, size: int = 8, failure: Exception | None = None):
        self.count, self.size, self.failure = count, size, failure
        self.read, self.closed = 0, False
        self.threads: set[str] = set()
        self.reading = threading.Condition()

    def batches(self):
        try:
            for number in range(self.count):
                with self.reading:
                    self.read += 1
                    self.reading.notify_all()
                self.threads.add(threading.current_thread().name)
                yield batch(number, self.size)
            if self.failure:
                raise self.failure
        finally:
            self.closed = True

    def wait_until_read(self, count: int) -> None:
        with self.reading:
            assert self.reading.wait_for(lambda: self.read >= count, 30)


def test_all_batches_come_in_order_from_a_thread_that_ends():
    source = Source(50)
    assert numbers(prefetch(source.batches(), nothing)) == list(range(50))
    assert source.threads == {"rows_0"}
    assert source.closed
    assert readers() == []


def test_no_batches_are_none():
    assert list(prefetch(Source(0).batches(), nothing)) == []


def test_what_the_source_raises_comes_after_the_batches_before_it():
    source = Source(5, failure=OSError("gone"))
    batches = prefetch(source.batches(), nothing)
    assert numbers(next(batches) for _ in range(5)) == list(range(5))
    with pytest.raises(OSError, match="gone"):
        next(batches)
    assert readers() == []


def test_a_few_batches_are_read_before_they_are_asked_for_and_no_more():
    source = Source(50)
    batches = prefetch(source.batches(), nothing)
    for used in range(1, 20):
        next(batches)
        source.wait_until_read(used + MAX_BATCHES)
        assert source.read == used + MAX_BATCHES
    batches.close()


def test_batches_too_large_to_wait_are_read_when_they_are_asked_for():
    source = Source(4, size=MAX_BYTES)
    for used, _ in enumerate(prefetch(source.batches(), nothing), 1):
        assert source.read == used
    assert used == 4


def test_closing_early_ends_the_thread_and_closes_the_source():
    source = Source(50)
    batches = prefetch(source.batches(), nothing)
    next(batches)
    batches.close()
    assert source.closed
    assert source.read <= 1 + MAX_BATCHES
    assert readers() == []


def test_closing_stops_what_is_being_read():
    stopped, begun = threading.Event(), threading.Event()

    def slow():
        yield batch(0)
        begun.set()
        assert stopped.wait(30)
        raise OSError("interrupted, and nobody is left to hear it")

    batches = prefetch(slow(), stopped.set)
    next(batches)
    assert begun.wait(30)
    batches.close()
    assert readers() == []


@pytest.fixture
def written(directory):
    return write_column(directory, range(400))


def test_who_lets_go_of_an_export_ends_its_thread(written):
    with written.reader() as reader:
        batches = reader.batches(batch_rows=10)
        next(batches)
        assert len(readers()) == 1
        del batches
        assert readers() == []


@pytest.mark.parametrize("sort", [(), (Sort("x", descending=True),)])
def test_a_reader_that_is_closed_ends_the_exports_left_half_way(written, sort):
    with written.reader() as reader:
        left = [reader.batches(batch_rows=10, sort=sort) for _ in range(2)]
        assert [next(batches).num_rows for batches in left] == [10, 10]
        assert len(readers()) == 2
    assert readers() == []
    assert {path.suffix for path in written.directory.iterdir()} == {".parquet"}


def test_two_exports_of_one_reader_do_not_disturb_each_other(written):
    with written.reader() as reader:
        first, second = reader.batches(batch_rows=10), reader.batches(batch_rows=10)
        next(first), next(second)
        first.close()
        assert sum(map(len, second)) == 390


def test_rows_that_fit_in_one_batch_need_no_thread(written):
    with written.reader() as reader:
        assert next(reader.batches()).num_rows == 400
        assert next(reader.batches(limit=7, batch_rows=10)).num_rows == 7
        assert readers() == []


def test_a_stream_that_waits_for_its_turn_gives_up_when_it_is_told_to(tmp_path):
    halt = Interrupt()
    with (
        Engine([], tmp_path / "scratch", Bounds(wait=STREAM_WAIT)) as engine,
        READ_SLOTS.acquire(READ_SLOTS.capacity, 0),
    ):
        stopping = threading.Timer(0.1, halt)
        stopping.start()
        begun = time.monotonic()
        with pytest.raises(BusyError):
            next(engine.stream("SELECT 1", {}, 10, halt))
        stopping.join()
        assert time.monotonic() - begun < SOON


def test_a_query_in_the_midst_of_its_work_is_stopped(tmp_path):
    halt = Interrupt()
    endless = "SELECT count(*) AS n FROM range(100000000000) AS t(i) WHERE i % 7 = 9"
    with Engine([], tmp_path / "scratch", Bounds(seconds=SOON)) as engine:
        batches = engine.stream(endless, {}, 10, halt)
        stopping = threading.Timer(0.1, halt)
        stopping.start()
        begun = time.monotonic()
        with pytest.raises(QueryTimeoutError):
            next(batches)
        stopping.join()
        assert time.monotonic() - begun < SOON


def test_a_stream_gives_what_it_has_before_it_has_ten_megabytes(tmp_path):
    ask = "SELECT value FROM duckdb_settings() WHERE name = 'streaming_buffer_size'"
    with Engine([], tmp_path / "scratch", Bounds()) as engine:
        (found,) = engine.stream(ask, {}, 10)
        assert found["value"].to_pylist() == ["976.5 KiB"]
