"""Rows become durable parts: small ones first, and also when the stream breaks."""

from __future__ import annotations

import itertools

import pytest

from queries.results import Column, Limits, PartWriter, ResultReader
from tests.results.samples import rows_of, write, write_column

ROWS = rows_of({"n": number} for number in range(1_000))


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def counts(parts):
    return [part.rows for part in parts]


def test_parts_are_small_at_first_and_grow(directory):
    writer = PartWriter(directory, limits=Limits(part_rows=400, first_part_rows=50))
    parts = list(writer.write(ROWS))
    assert counts(parts) == [50, 100, 200, 400, 250]


def test_a_part_says_which_rows_it_holds_and_how_large_it_is(directory):
    parts = list(PartWriter(directory, limits=Limits(first_part_rows=600)).write(ROWS))
    assert [part.first_row for part in parts] == [0, 600]
    assert [(directory / part.name).stat().st_size for part in parts] == [
        part.size for part in parts
    ]


def test_a_part_is_on_the_disk_when_it_is_yielded(directory):
    writer = PartWriter(directory, limits=Limits(first_part_rows=10))
    part = next(writer.write(ROWS))
    assert [path.name for path in directory.iterdir()] == [part.name]


def test_parts_cannot_be_written_again(directory):
    part = next(PartWriter(directory).write(ROWS))
    assert (directory / part.name).stat().st_mode & 0o777 == 0o400


def test_rows_of_a_slow_stream_show_after_a_while(directory):
    clock = Clock()

    def slow():
        for row in ROWS[:6]:
            yield row
            clock.now += 0.6

    writer = PartWriter(directory, clock=clock)
    assert counts(writer.write(slow())) == [3, 3]


def test_the_wait_grows_so_that_a_very_slow_stream_leaves_few_files(directory):
    clock = Clock()

    def trickle():
        for row in itertools.islice(itertools.cycle(ROWS), 3_600):
            yield row
            clock.now += 1.0

    parts = list(PartWriter(directory, clock=clock).write(trickle()))
    assert sum(counts(parts)) == 3_600
    assert len(parts) < 260


def test_large_rows_make_a_part_before_memory_fills(directory):
    rows = [({"n": 1}, b"x" * 1_000)] * 10
    writer = PartWriter(directory, limits=Limits(part_bytes=4_000))
    assert counts(writer.write(rows)) == [4, 4, 2]


def test_wide_rows_make_a_part_before_memory_fills(directory):
    rows = rows_of({f"c{number}": 1 for number in range(10)} for _ in range(10))
    writer = PartWriter(directory, limits=Limits(part_cells=40))
    assert counts(writer.write(rows)) == [4, 4, 2]


def broken(rows):
    yield from rows
    raise ConnectionError("cut")


def test_rows_received_before_the_stream_broke_are_kept(directory):
    writer = PartWriter(directory, limits=Limits(first_part_rows=5))
    parts = []
    with pytest.raises(ConnectionError, match="cut"):
        parts.extend(writer.write(broken(ROWS[:8])))
    # list.extend keeps what came before the exception
    assert counts(parts) == [5, 3]
    with ResultReader(directory, [p.name for p in parts], writer.columns) as reader:
        assert reader.row(7) == ROWS[7][1]


def test_a_stream_that_breaks_at_once_leaves_nothing(directory):
    with pytest.raises(ConnectionError):
        list(PartWriter(directory).write(broken([])))
    assert not directory.exists()


def test_a_consumer_that_stops_gets_what_it_had(directory):
    writer = PartWriter(directory, limits=Limits(first_part_rows=2))
    parts = writer.write(ROWS)
    next(parts)
    parts.close()
    assert writer.rows == 2
    assert len(list(directory.iterdir())) == 1


def test_no_rows_make_no_part(directory):
    writer = PartWriter(directory)
    assert list(writer.write([])) == []
    assert (writer.rows, writer.size, writer.columns) == (0, 0, [])


def test_rows_and_bytes_are_counted(directory):
    writer = PartWriter(directory, limits=Limits(first_part_rows=300))
    parts = list(writer.write(ROWS))
    assert writer.rows == 1_000
    assert writer.size == sum(part.size for part in parts)


def test_a_writer_takes_several_streams(directory):
    writer = PartWriter(directory)
    parts = [*writer.write(ROWS[:3]), *writer.write(ROWS[3:5])]
    assert [(part.first_row, part.rows) for part in parts] == [(0, 3), (3, 2)]


def test_a_result_can_be_continued_by_another_writer(directory):
    first = write(directory, [{"a": 1, "b": None}])
    second = write(
        directory, [{"c": 1.5, "a": "x"}], columns=first.columns, first_row=1
    )
    assert second.parts[0].first_row == 1
    assert second.columns == [
        Column("a", "text", "is"),
        Column("b", "null", ""),
        Column("c", "number", "f"),
    ]
    both = [first.parts[0].name, second.parts[0].name]
    with ResultReader(directory, both, second.columns) as reader:
        page = reader.page(offset=0, size=10)
    assert page.rows == [(0, [1, None, None]), (1, ["x", None, 1.5])]


def test_columns_beyond_the_limit_are_counted_and_stay_in_the_json(directory):
    values = {f"c{number}": {"deep": number} for number in range(8)}
    writer = PartWriter(directory, limits=Limits(columns=5))
    (part,) = writer.write(rows_of([values, values]))
    assert len(writer.columns) == 5
    assert writer.columns_dropped == 3
    with ResultReader(directory, [part.name], writer.columns) as reader:
        assert b'"c7": {"deep": 7}' in reader.row(1)


def test_keys_made_of_data_do_not_fill_the_memory(directory):
    """One new key per row, holding only what cannot be a column."""
    rows = rows_of({f"id-{number}": {"k" * 600: 1}} for number in range(200))
    writer = PartWriter(directory, limits=Limits(columns=10))
    list(writer.write(rows))
    assert writer.columns == []
    assert writer.columns_dropped == 200


def test_counting_left_out_columns_ends_somewhere(directory, monkeypatch):
    monkeypatch.setattr("queries.results.flatten.MAX_DROPPED", 7)
    writer = PartWriter(directory, limits=Limits(columns=1))
    list(writer.write(rows_of({f"id-{number}": 1} for number in range(50))))
    assert writer.columns_dropped == 7


def test_a_place_that_was_an_object_may_find_no_room_as_a_value(directory):
    limits = Limits(columns=1)
    written = write(directory, [{"a": {"b": 1}}, {"a": "text"}], limits=limits)
    assert [column.name for column in written.columns] == ["a.b"]


def test_columns_appear_in_the_order_they_arrived(directory):
    written = write(directory, [{"z": 1, "a": {"y": 1}}, {"b": 1, "a": {"x": 1}}])
    assert [column.name for column in written.columns] == ["z", "a.y", "b", "a.x"]


def test_values_that_are_missing_are_null(directory):
    written = write_column(directory, [1, None, 3, None, None, 6, None])
    assert written.column("x") == [1, None, 3, None, None, 6, None]
