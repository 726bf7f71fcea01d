"""Pages: any rows of the result, in the order asked for, with only the columns asked for."""

from __future__ import annotations

import pytest

from queries.results import (
    Column,
    Filter,
    Limits,
    ResultReader,
    ResultsDamagedError,
    ResultsMissingError,
    RowNotFoundError,
    Sort,
    UnknownColumnError,
)
from queries.results.pages import around
from tests.results.samples import original, write, write_column, write_rows

VALUES = [{"n": number, "x": {"y": f"text {number}"}} for number in range(23)]


@pytest.fixture
def result(directory):
    return write(directory, VALUES)


@pytest.mark.parametrize("offset", [0, 1, 2, 5, 20, 22])
def test_a_page_holds_the_rows_from_its_offset_on(result, offset):
    page = result.page(offset=offset, size=3)
    expected = range(offset, min(offset + 3, 23))
    assert page.rows == [(n, [n, f"text {n}"]) for n in expected]
    assert (page.total, page.matched) == (23, 23)


@pytest.mark.parametrize(("offset", "size"), [(23, 10), (1_000, 10), (0, 0), (5, -1)])
def test_a_page_past_the_end_is_empty(result, offset, size):
    assert result.page(offset=offset, size=size).rows == []


def test_a_negative_offset_is_the_start(result):
    assert result.page(offset=-5, size=1).rows[0][0] == 0


def test_a_page_has_the_columns_asked_for_in_that_order(result):
    page = result.page(offset=3, size=1, columns=["x.y", "n"])
    assert [column.name for column in page.columns] == ["x.y", "n"]
    assert page.rows == [(3, ["text 3", 3])]


def test_a_page_of_no_columns_has_row_numbers(result):
    assert result.page(offset=1, size=2, columns=[]).rows == [(1, []), (2, [])]


def test_a_column_may_be_asked_for_twice(result):
    assert result.page(offset=1, size=1, columns=["n", "n"]).rows == [(1, [1, 1])]


def test_long_texts_are_cut_and_say_so(directory):
    written = write_column(directory, ["abcdef", "abcde", ["abcdef"], 1234567])
    assert written.cells(cell_characters=5) == [
        ["abcde…"],
        ["abcde"],
        ['["abc…'],
        [1234567],
    ]


def test_a_column_that_a_part_lacks_is_null_there(directory):
    written = write(directory, [{"a": 1}] * 6 + [{"b": 2}])
    assert written.cells()[5:] == [[1, None], [None, 2]]
    assert written.page(offset=0, size=1, columns=["b"]).rows == [(0, [None])]


def test_a_result_without_rows_has_empty_pages(directory):
    with ResultReader(directory, [], [Column("x", "null", "")]) as reader:
        plain = reader.page(offset=0, size=10)
        found = reader.page(offset=0, size=10, filter=Filter("x"), sort=[Sort("x")])
    assert (plain.rows, plain.total, plain.matched) == ([], 0, 0)
    assert found == plain


@pytest.mark.parametrize("number", [0, 1, 2, 13, 22])
def test_a_row_is_given_back_byte_for_byte(result, number):
    with result.reader() as reader:
        assert reader.row(number) == original(VALUES[number])


def test_a_rows_bytes_need_not_even_be_text(directory):
    rows = [({"a": 1}, b"\xff\x00\xfe"), ({"a": 1}, b"")]
    with write_rows(directory, rows).reader() as reader:
        assert [reader.row(0), reader.row(1)] == [b"\xff\x00\xfe", b""]


@pytest.mark.parametrize("number", [-1, 23, 10**12])
def test_a_row_that_is_not_there_is_an_error_of_its_own(result, number):
    with (
        result.reader() as reader,
        pytest.raises(RowNotFoundError, match="no such row"),
    ):
        reader.row(number)


def test_unknown_columns_are_refused(result):
    with result.reader() as reader:
        with pytest.raises(UnknownColumnError):
            reader.page(offset=0, size=1, columns=["nope"])
        with pytest.raises(UnknownColumnError):
            reader.page(offset=0, size=1, sort=[Sort("nope")])


def test_deleted_parts_are_missed(result):
    (result.directory / result.names[1]).unlink()
    with result.reader() as reader, pytest.raises(ResultsMissingError, match="gone"):
        reader.page(offset=0, size=1)


def test_parts_deleted_while_reading_are_missed(result):
    with result.reader() as reader:
        reader.page(offset=0, size=1)
        (result.directory / result.names[0]).unlink()
        with pytest.raises(ResultsMissingError):
            reader.page(offset=0, size=1)


def test_damaged_parts_are_told_from_missing_ones(result):
    path = result.directory / result.names[0]
    path.unlink()
    path.write_bytes(b"not parquet")
    with result.reader() as reader, pytest.raises(ResultsDamagedError):
        reader.page(offset=0, size=1)


def test_a_part_with_other_rows_than_its_name_says_is_damaged(result):
    first, second = result.names[:2]
    (result.directory / first).unlink()
    (result.directory / second).rename(result.directory / first)
    with ResultReader(result.directory, [first], result.columns) as reader:
        with pytest.raises(ResultsDamagedError):
            reader.page(offset=0, size=1)
        with pytest.raises(ResultsDamagedError):
            reader.row(0)


@pytest.mark.parametrize("name", ["../x.parquet", "/etc/passwd", "", "a.parquet"])
def test_only_names_of_parts_are_read(directory, name):
    with pytest.raises(ResultsDamagedError):
        ResultReader(directory, [name], [])


def test_the_order_of_the_parts_names_does_not_matter(result):
    with ResultReader(result.directory, result.names[::-1], result.columns) as reader:
        assert [n for n, _ in reader.page(offset=0, size=30).rows] == list(range(23))


def test_a_reader_can_be_used_again_after_it_was_closed(result):
    reader = result.reader()
    for _ in range(2):
        with reader:
            assert reader.row(1) == original(VALUES[1])


def test_many_columns_are_no_trouble(directory):
    row = {f"column {number}": number for number in range(1_500)}
    written = write(directory, [row, row], limits=Limits())
    assert written.cells() == [list(range(1_500))] * 2


def test_directories_may_have_odd_names(tmp_path):
    written = write(tmp_path / "it's [a] *? result", VALUES)
    assert written.page(offset=22, size=1).rows == [(22, [22, "text 22"])]


@pytest.mark.parametrize(
    ("wanted", "columns", "read"),
    [
        (slice(0, 100), 60, slice(0, 500)),
        (slice(400, 500), 60, slice(0, 500)),
        (slice(500, 600), 60, slice(500, 1000)),
        (slice(500, 1000), 60, slice(500, 1000)),
        (slice(100, 150), 200, slice(0, 250)),
        (slice(100, 200), 500, slice(100, 200)),  # too wide to read more than is shown
        (slice(100, 200), 5_000, slice(100, 200)),
        (slice(3, 103), 0, slice(0, 500)),
        (slice(450, 550), 60, slice(450, 550)),  # across the end of a block
        (slice(7, 7), 60, slice(7, 7)),
    ],
)
def test_neighbouring_pages_are_read_together(wanted, columns, read):
    assert around(wanted, columns) == read


def test_the_next_page_needs_no_second_look_but_the_file(directory):
    written = write(directory, [{"x": n} for n in range(9)], limits=Limits())
    first = written.page(offset=0, size=3)
    part = directory / written.names[0]
    part.unlink()
    part.write_bytes(b"cannot be read any more")
    assert written.page(offset=3, size=3).rows == [(3, [3]), (4, [4]), (5, [5])]
    assert written.page(offset=0, size=3) == first
    part.unlink()
    with pytest.raises(ResultsMissingError):
        written.page(offset=3, size=3)
