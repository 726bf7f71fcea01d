"""Several threads and several processes read the same result at once, and forked ones too."""

from __future__ import annotations

import multiprocessing
import threading

from queries.results import Bounds, Column, Condition, Filter, ResultReader, Sort
from tests.results.samples import write
from tests.results.test_fork import succeeds_in_a_child

ROWS = [
    {"n": n, "k": f"v{n % 5}", "t": f"2025-06-19T00:00:{n % 60:02}Z"}
    for n in range(600)
]
ONLY = Filter("v1", "k", (Condition("n", "between", ("100", "")),))
EXPECTED = (100, "v1", [596, 591], 5, {"n": 100, "k": 100, "t": 100})
BOUNDS = Bounds(wait=30)


def explore(directory, names, columns):
    """Every kind of question."""
    with ResultReader(directory, names, columns, bounds=BOUNDS) as reader:
        page = reader.page(
            offset=0, size=2, filter=ONLY, sort=[Sort("n", descending=True)]
        )
        statistics = reader.statistics("k", filter=ONLY)
        timeline = reader.histogram("t", by="k", buckets=10)
        exported = sum(map(len, reader.batches(sort=[Sort("k")])))
        assert exported == sum(sum(counts) for _, counts in timeline.series) == 600
        return (
            page.matched,
            statistics.top[0][0],
            [n for n, _ in page.rows],
            len(timeline.edges),
            reader.presence(filter=ONLY),
        )


def in_process(directory, names, columns, answers):
    answers.put(explore(directory, names, [Column(*column) for column in columns]))


def test_threads_that_explore_at_once_all_get_their_answers(directory):
    written = write(directory, ROWS, hints={"t": "timestamp"})
    answers: list[object] = []

    def ask():
        answers.extend(
            explore(directory, written.names, written.columns) for _ in range(3)
        )

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [EXPECTED] * 18


def test_processes_that_explore_at_once_all_get_their_answers(directory):
    written = write(directory, ROWS, hints={"t": "timestamp"})
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    columns = [(c.name, c.kind, c.types) for c in written.columns]
    started = [
        context.Process(
            target=in_process, args=(directory, written.names, columns, answers)
        )
        for _ in range(3)
    ]
    for process in started:
        process.start()
    found = [answers.get(timeout=60) for _ in started]
    for process in started:
        process.join()
    assert found == [EXPECTED] * 3
    assert [process.exitcode for process in started] == [0] * 3


def test_a_child_forked_while_others_explore_can_explore(directory):
    """As a django-q2 worker is: forked by a process whose other threads are in the midst of it."""
    written = write(directory, ROWS, hints={"t": "timestamp"})
    over = threading.Event()

    def ask():
        while not over.is_set():
            explore(directory, written.names, written.columns)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            assert succeeds_in_a_child(
                lambda: explore(directory, written.names, written.columns) == EXPECTED
            )
    finally:
        over.set()
        for thread in threads:
            thread.join()
