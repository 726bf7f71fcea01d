"""Pages, counts and panels of any rows are what a literal reference in Python says (`reference`)."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queries.results import (
    NO_VALUE,
    Condition,
    ConditionError,
    Filter,
    Limits,
    Sort,
    compact,
)
from tests.results import reference
from tests.results.samples import Written, write

HINTS = {"t": "timestamp", "level": "severity"}
NAMES = ("a", "b", "a.a", "a.b", "t", "level", "n")
GIANTS = [2**63, 2**64, 2**64 + 1, -(2**64), -(2**64) - 1, 2**70, 10**400, 10**400 + 1]
INTEGERS = [0, 1, -1, 5, 2**53, 2**53 + 1, 2**53 + 2, -(2**53) - 1, 2**63 - 1, -(2**63)]
NEAR = [
    2**53,
    2.0**53,
    2**53 + 1,
    2**64,
    2.0**64,
    2**64 + 1,
    5,
    5.0,
    0,
    -0.0,
    10**400,
    10**400 + 1,
]
DOUBLES = [0.0, -0.0, 5.0, 5.5, -2.25, 2.0**53, 2.0**63, 2.0**64, 1e22, 1e300, 5e-324]
WORDS = [
    "",
    "a",
    "A",
    "ab",
    "é",
    "x5",
    "5",
    "5.0",
    "10",
    "true",
    "[5]",
    "\x00",
    "it's",
    "%",
]
NUMBERS = st.one_of(
    st.integers(-20, 20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([*GIANTS, *INTEGERS, *DOUBLES]),
)
TEXTS = st.one_of(
    st.sampled_from(WORDS), st.text("abAB5 .é\U0001f600\ufffd", max_size=4)
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    ),
    max_leaves=4,
)
SECONDS = st.one_of(
    st.integers(1_750_000_000, 1_750_000_009), st.integers(-(10**9), 2 * 10**9)
)
MOMENTS = st.builds(
    lambda seconds, part: str(reference.Time(seconds * 10**9 + part)),
    SECONDS,
    st.sampled_from([0, 1, 999_999_999, 461_000_000]),
)
TIMES = st.one_of(MOMENTS, MOMENTS, st.none(), st.sampled_from(["soon", True, []]))
LEVELS = st.sampled_from(["Error", "1", 3, "odd", None, "critical", "info", "Info"])
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "a": VALUES,
            "b": SCALARS,
            "t": TIMES,
            "level": LEVELS,
            "n": st.one_of(st.sampled_from(NEAR), NUMBERS),
        },
    ),
    max_size=14,
)
NEEDLES = st.text("abAB5.-:% [e", min_size=1, max_size=2)
PATTERNS = st.sampled_from(
    ["^5", "a|5", r"\d\d", "[A-Z]", "^[ab]+", "(?i)A", r"\.", "tr"]
)
TYPED = st.one_of(
    MOMENTS.map(lambda text: text[:19]),
    MOMENTS.map(lambda text: text[:16].replace(" ", "T")),
    MOMENTS.map(lambda text: f"{text.replace(' ', 'T')}Z"),
    MOMENTS.map(lambda text: text[:10]),
    st.sampled_from(
        [*WORDS, "5e0", " 5 ", "TRUE", "[ 5 ]", "-0", "1e22", "5.25", "4", "error"]
    ),
    NUMBERS.map(str),
)
LIMITS = st.builds(
    Limits, part_rows=st.integers(1, 8), first_part_rows=st.integers(1, 8)
)


@st.composite
def conditions(draw):
    operations = [
        "is",
        "not",
        "contains",
        "lacks",
        "matches",
        "between",
        "empty",
        "present",
    ]
    operation = draw(st.sampled_from(operations))
    values = {
        "is": st.lists(TYPED, min_size=1, max_size=3),
        "not": st.lists(TYPED, min_size=1, max_size=3),
        "contains": NEEDLES.map(lambda text: [text]),
        "lacks": NEEDLES.map(lambda text: [text]),
        "matches": PATTERNS.map(lambda text: [text]),
        "between": st.lists(TYPED, min_size=2, max_size=2).filter(any),
    }
    found = draw(values.get(operation, st.just([])))
    return Condition(draw(st.sampled_from(NAMES)), operation, tuple(found))


FILTERS = st.builds(
    Filter,
    text=st.one_of(st.just(""), st.just(""), NEEDLES),
    column=st.sampled_from([None, *NAMES]),
    conditions=st.lists(conditions(), max_size=3).map(tuple),
)
SORTS = st.lists(
    st.builds(Sort, st.sampled_from(NAMES), st.booleans()),
    max_size=3,
    unique_by=lambda by: by.column,
)


@contextmanager
def stored(rows, limits, *, compacted):
    with tempfile.TemporaryDirectory() as scratch:
        result = write(Path(scratch) / "r", rows, limits=limits, hints=HINTS)
        if compacted and rows:
            whole = compact(
                result.directory, result.names, result.columns, group_rows=3
            )
            result = Written(result.directory, [whole], result.columns)
        yield result


def there(result, only, sorts=()):
    """The filter and the sorts without columns that these rows do not have."""
    names = set(result.kinds)
    found = tuple(by for by in only.conditions if by.column in names)
    column = only.column if only.column in names else None
    return Filter(only.text, column, found), [by for by in sorts if by.column in names]


@settings(deadline=None, max_examples=150)
@given(
    rows=ROWS,
    limits=LIMITS,
    compacted=st.booleans(),
    only=FILTERS,
    sorts=SORTS,
    offset=st.integers(0, 6),
)
def test_any_page_of_any_rows_is_what_the_reference_says(
    rows, limits, compacted, only, sorts, offset
):
    cells = reference.table(rows, HINTS)
    with stored(rows, limits, compacted=compacted) as result:
        only, sorts = there(result, only, sorts)
        try:
            passed = reference.selected(cells, only, HINTS)
        except reference.RefusedError:
            with pytest.raises(ConditionError):
                result.page(filter=only, sort=sorts)
            return
        expected = reference.ordered(cells, passed, sorts, HINTS)
        shown = [name for name in result.kinds if name == "n"]
        with result.reader() as reader:
            pages = [
                reader.page(
                    filter=only, sort=sorts, columns=shown, offset=place, size=5
                )
                for place in (offset, offset + 5, 0)
            ]
        for place, found in zip((offset, offset + 5, 0), pages, strict=True):
            assert [n for n, _ in found.rows] == expected[place : place + 5]
            assert [values for _, values in found.rows] == [
                [cells[n].get(name) for name in shown]
                for n in expected[place : place + 5]
            ]
            assert (found.matched, found.total) == (len(expected), len(rows))
        with result.reader() as reader:
            assert reader.count(only) == len(expected)


@settings(deadline=None, max_examples=60)
@given(
    rows=ROWS,
    limits=LIMITS,
    compacted=st.booleans(),
    only=FILTERS,
    paged_first=st.booleans(),
    stacked=st.sampled_from([None, "level", "b"]),
)
def test_the_panels_of_any_filtered_rows_count_what_the_reference_says(
    rows, limits, compacted, only, paged_first, stacked
):
    cells = reference.table(rows, HINTS)
    with stored(rows, limits, compacted=compacted) as result, result.reader() as reader:
        only, _ = there(result, only)
        try:
            passed = [cells[n] for n in reference.selected(cells, only, HINTS)]
        except reference.RefusedError:
            return
        if paged_first:
            result.page(filter=only, columns=[])
        assert reader.presence(filter=only) == {
            name: sum(name in row for row in passed) for name in result.kinds
        }
        for column in result.columns:
            found = reader.statistics(column.name, filter=only)
            assert (found.rows, found.present) == (
                len(passed),
                sum(column.name in row for row in passed),
            )
            for text, counted in found.top:
                by = Condition(
                    column.name, *(("empty",) if text is None else ("is", (text,)))
                )
                assert counted == sum(reference.passing(passed, by, HINTS))
        if any(column.name == "t" and "t" in column.types for column in result.columns):
            found = reader.histogram(
                "t", by=stacked if stacked in result.kinds else None, filter=only
            )
            matches_the_reference(found, passed, stacked)


def matches_the_reference(found, passed, stacked):
    """Each step holds the rows of its time, however they are stacked."""
    moments = [
        row["t"].at for row in passed if isinstance(row.get("t"), reference.Time)
    ]
    assert found.without_time == len(passed) - len(moments)
    marks = [(edge - reference.EPOCH).total_seconds() * 10**9 for edge in found.edges]
    steps = Counter(
        next(at for at, edge in enumerate(marks[1:]) if moment < edge)
        for moment in moments
    )
    totals = [sum(counts) for counts in zip(*(c for _, c in found.series), strict=True)]
    assert totals == [steps[at] for at in range(len(found.edges[1:]))]
    if moments:
        assert marks[0] <= min(moments)
        assert steps[0]
        assert totals[-1]
    empty = sum(
        isinstance(row.get("t"), reference.Time) and stacked not in row
        for row in passed
    )
    if stacked and found.series and any(name != "rows" for name, _ in found.series):
        assert sum(dict(found.series).get(NO_VALUE, ())) == empty
