"""A thread takes the chunks of a file while the next ones are made."""

from __future__ import annotations

import threading

import pytest

from queries.exports.formats import write
from queries.exports.formats.files import behind
from tests.exports.formats.rows import batch, columns


def takers() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("file")]


def test_every_taker_gets_every_chunk_in_order():
    one, other = [], []
    with behind(one.append, other.append) as put:
        for number in range(100):
            put(b"%d" % number)
    assert one == other == [b"%d" % number for number in range(100)]
    assert takers() == []


def test_a_chunk_is_made_while_the_one_before_is_taken():
    made = threading.Event()

    def slow(chunk: bytes) -> None:
        assert chunk != b"first" or made.wait(30)

    with behind(slow) as put:
        put(b"first")
        made.set()
        put(b"second")


@pytest.mark.parametrize("at", [0, 3, 4])
def test_what_a_taker_raises_is_heard_wherever_it_happens(at):
    def full(chunk: bytes) -> None:
        if chunk == b"%d" % at:
            raise OSError("No space left")

    def put_all() -> None:
        with behind(full) as put:
            for number in range(5):
                put(b"%d" % number)

    with pytest.raises(OSError, match="No space left"):
        put_all()
    assert takers() == []


def test_who_stops_half_way_leaves_no_thread_and_no_file(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()

    def stop(rows: int, size: int) -> None:
        raise InterruptedError

    shown = columns(a="integer")
    rows = [batch(shown, [(number,)]) for number in range(9)]
    with pytest.raises(InterruptedError):
        write("csv", folder / "a.csv", shown, iter(rows), progress=stop)
    assert takers() == []
    assert list(folder.iterdir()) == []
