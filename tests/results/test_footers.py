"""What parts say of themselves is true, also after they became one, and spares a look at the rows."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from queries.results import (
    Condition,
    Filter,
    Limits,
    ResultsDamagedError,
    ResultsMissingError,
    Sort,
    compact,
)
from queries.results.cache import ANSWERS
from queries.results.columns import physical_name
from queries.results.engine import Engine
from queries.results.footers import (
    FOOTERS,
    has_few,
    presence_counts,
    read_footer,
    stored_columns,
    time_bounds,
)
from tests.results.samples import Written, write

ROWS = [
    {"n": 1, "s": "a", "t": "2025-06-19T00:00:00Z"},
    {"n": "x", "s": None},
    {"n": 2.5, "t": "2025-06-19T00:00:00.000000001Z"},
    {"n": -7, "s": "b", "more": [1]},
    {"n": None, "s": "a"},
    {"n": 3, "t": None},
]
HINTS = {"t": "timestamp"}
FIRST = 1_750_291_200 * 10**9


def paths(written):
    return [written.directory / name for name in written.names]


def whole(written):
    part = compact(written.directory, written.names, written.columns, group_rows=2)
    return Written(written.directory, [part], written.columns)


@pytest.fixture(params=["parts", "compacted"])
def result(directory, request):
    written = write(directory, ROWS, hints=HINTS)
    assert len(written.parts) > 1
    return written if request.param == "parts" else whole(written)


def test_values_are_counted_by_type(result):
    told = presence_counts(paths(result))
    counts = {
        name: told[physical_name(*name)]
        for name in [
            ("n", "i"),
            ("n", "s"),
            ("n", "f"),
            ("s", "s"),
            ("t", "t"),
            ("more", "j"),
        ]
    }
    assert counts == {
        ("n", "i"): 3,
        ("n", "s"): 1,
        ("n", "f"): 1,
        ("s", "s"): 3,
        ("t", "t"): 2,
        ("more", "j"): 1,
    }
    assert set(told) == stored_columns(paths(result))


def test_the_least_and_the_greatest_are_known_to_the_nanosecond(result):
    times = time_bounds(paths(result), physical_name("t", "t"))
    assert (min(times), max(times)) == (FIRST, FIRST + 1)
    numbers = time_bounds(paths(result), physical_name("n", "i"))
    assert (min(numbers), max(numbers)) == (-7, 3)
    assert time_bounds(paths(result), physical_name("none", "t")) == []
    assert time_bounds(paths(result), physical_name("s", "s")) is None


def test_few_values_are_told_from_many(directory):
    rows = [
        {"few": f"v{n % 9}", "many": f"{n * 7919:x} and more"} for n in range(5_000)
    ]
    written = whole(write(directory, rows, limits=Limits()))
    assert has_few(paths(written), physical_name("few", "s"))
    assert not has_few(paths(written), physical_name("many", "s"))


def test_presence_is_known_without_a_look_at_the_rows(result):
    for path in paths(result):
        spoil_rows(path)
    with result.reader() as reader:
        assert reader.presence() == {"n": 5, "s": 3, "t": 2, "more": 1}
        with pytest.raises(ResultsDamagedError):
            reader.page(offset=0, size=10, columns=["s"])


def spoil_rows(path):
    """All but the footer becomes noise."""
    data = bytearray(path.read_bytes())
    footer = int.from_bytes(data[-8:-4], "little") + 8
    data[4:-footer] = b"\x55" * (len(data) - footer - 4)
    path.unlink()
    path.write_bytes(data)


def test_parts_that_say_nothing_are_read(result):
    for path in paths(result):
        table = pq.read_table(path)
        path.unlink()
        pq.write_table(
            table.replace_schema_metadata(None), path, write_statistics=False
        )
    assert {read_footer(path).present for path in paths(result)} == {None}
    with result.reader() as reader:
        assert reader.presence() == {"n": 5, "s": 3, "t": 2, "more": 1}
        assert reader.histogram("t").series == (("rows", (2,)),)
        assert [n for n, _ in reader.page(offset=0, size=10).rows] == [*range(6)]


def test_what_is_gone_or_damaged_is_said(directory):
    written = write(directory, ROWS)
    path = paths(written)[0]
    path.unlink()
    with pytest.raises(ResultsMissingError):
        read_footer(path)
    path.write_bytes(b"no part at all")
    with pytest.raises(ResultsDamagedError):
        read_footer(path)


def test_a_footer_is_read_once(result):
    path = paths(result)[0]
    found = read_footer(path)
    path.unlink()
    assert read_footer(path) is found
    FOOTERS.clear()
    with pytest.raises(ResultsMissingError):
        read_footer(path)


def test_texts_are_searched_once_for_all_questions_about_a_filter(result, monkeypatch):
    asked = []
    table = Engine.table
    monkeypatch.setattr(
        Engine,
        "table",
        lambda self, sql, *rest: asked.append(sql) or table(self, sql, *rest),
    )
    only = Filter("a", "s", (Condition("n", "not", ("3",)),))
    with result.reader() as reader:
        page = reader.page(offset=0, size=10, columns=["n"], filter=only)
        assert (page.matched, [n for n, _ in page.rows]) == (2, [0, 4])
        assert reader.count(only) == 2
        assert reader.presence(filter=only) == {"n": 1, "s": 2, "t": 1, "more": 0}
        assert reader.histogram("t", by="s", filter=only).without_time == 1
        assert reader.statistics("s", filter=only).top == (("a", 2),)
        ANSWERS.clear()
        sort = [Sort("n")]
        ordered = reader.page(offset=0, size=10, sort=sort, filter=only)
        assert [n for n, _ in ordered.rows] == [0, 4]
    assert len([sql for sql in asked if "contains(" in sql]) == 1
    assert len(asked) > 5
