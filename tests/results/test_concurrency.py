"""Concurrent readers share a bounded number of threads, and a full house is said plainly."""

from __future__ import annotations

import threading

import pytest

from queries.results import Bounds, BusyError, Limits
from queries.results.concurrency import READ_SLOTS, WeightedSemaphore
from tests.results.samples import write_column


def test_no_more_than_its_places_are_ever_in():
    gate, inside, most = WeightedSemaphore(2), [], []
    lock = threading.Lock()

    def enter():
        for _ in range(50):
            with gate.acquire(1, 30):
                with lock:
                    inside.append(1)
                    most.append(len(inside))
                with lock:
                    inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 300
    assert max(most) <= 2


def test_who_waits_in_vain_is_told_that_others_are_reading():
    gate = WeightedSemaphore(1)
    with (
        gate.acquire(1, 0),
        pytest.raises(BusyError, match="Too many results"),
        gate.acquire(1, 0),
    ):
        pass
    with gate.acquire(1, 0):
        pass


def test_a_place_is_free_again_after_a_failure():
    gate = WeightedSemaphore(1)
    with pytest.raises(ValueError, match="x"), gate.acquire(1, 0):
        raise ValueError("x")
    with gate.acquire(1, 0):
        pass


def test_a_wish_for_more_places_than_there_are_gets_all_of_them():
    gate = WeightedSemaphore(2)
    with gate.acquire(8, 0), pytest.raises(BusyError), gate.acquire(1, 0):
        pass


def test_a_reader_waits_for_its_turn_and_then_says_busy(directory):
    written = write_column(directory, [1])
    with (
        READ_SLOTS.acquire(READ_SLOTS.capacity, 0),
        written.reader(bounds=Bounds(wait=0)) as reader,
        pytest.raises(BusyError),
    ):
        reader.page(offset=0, size=1)
    with written.reader(bounds=Bounds(wait=0)) as reader:
        assert len(reader.page(offset=0, size=1).rows) == 1


def test_a_stream_keeps_nobody_waiting_between_its_batches(directory):
    written = write_column(directory, range(50_000), limits=Limits())
    with written.reader() as reader:
        batches = reader.batches(batch_rows=1_000)
        next(batches)
        with READ_SLOTS.acquire(READ_SLOTS.capacity, 0):
            pass
        assert sum(map(len, batches)) == 49_000
