"""The timeline counts every row with a time, in steps that look right on the person's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.results import NO_VALUE, OTHER, Condition, Filter, ResultError
from queries.results.steps import bucket_edges, bucket_step
from tests.results.samples import write

HINTS = {"t": "timestamp", "level": "severity"}
START = datetime(2025, 6, 19, tzinfo=UTC)


def timeline(directory, rows, **wanted):
    with write(directory, rows, hints=HINTS).reader() as reader:
        return reader.histogram("t", **wanted)


def at(seconds, **more):
    return {"t": (START + timedelta(seconds=seconds)).isoformat(), **more}


def test_rows_are_counted_per_step_and_gaps_are_zero(directory):
    rows = [at(0), at(0.5), at(3), {"t": None}, {"t": "no time"}]
    found = timeline(directory, rows, buckets=10)
    assert found.step == "1s"
    assert found.series == (("rows", (2, 0, 0, 1)),)
    assert (found.start, found.end) == (START, START + timedelta(seconds=4))
    assert found.without_time == 2


def test_severities_are_stacked_by_weight(directory):
    rows = [at(n, level=str(n % 6 + 1)) for n in range(12)] + [
        at(1),
        at(2, level="odd"),
    ]
    found = timeline(directory, rows, by="level", buckets=5)
    names = [name for name, _ in found.series]
    assert names[:3] == ["Debug", "Verbose", "Info"]
    assert names[-2:] == ["odd", NO_VALUE]
    assert sum(sum(counts) for _, counts in found.series) == 14


def test_the_most_frequent_values_are_stacked_and_the_rest_is_other(directory):
    rows = [at(n, k=f"v{n % 12 if n < 60 else n % 3}") for n in range(90)]
    found = timeline(directory, rows, by="k")
    names = [name for name, _ in found.series]
    assert set(names[:3]) == {"v0", "v1", "v2"}
    assert (len(names), names[-1]) == (9, OTHER)
    assert sum(sum(counts) for _, counts in found.series) == 90


def test_a_filter_restricts_the_timeline(directory):
    rows = [at(n, k=n) for n in range(50)]
    only = Filter(conditions=(Condition("k", "between", ("10", "19")),))
    found = timeline(directory, rows, filter=only)
    assert found.series == (("rows", (1,) * 10),)
    assert found.start == START + timedelta(seconds=10)


def test_a_chosen_range_of_steps_finds_exactly_its_rows(directory):
    rows = [at(n * 7.3) for n in range(400)]
    written = write(directory, rows, hints=HINTS)
    with written.reader() as reader:
        found = reader.histogram("t", buckets=20)
        counts = found.series[0][1]
        only = Filter(conditions=(Condition("t", "between", found.between(3, 5)),))
        assert reader.count(only) == sum(counts[3:6])


def test_days_are_those_of_the_zone_also_when_the_clock_changes(directory):
    zone = ZoneInfo("Europe/Berlin")
    first = datetime(2025, 10, 24, 12, tzinfo=zone)
    hours = [first.astimezone(UTC) + timedelta(hours=n) for n in range(24 * 5)]
    found = timeline(
        directory, [{"t": hour.isoformat()} for hour in hours], buckets=6, zone=zone
    )
    assert found.step == "1d"
    local = [edge.astimezone(zone) for edge in found.edges]
    assert {(edge.hour, edge.minute) for edge in local} == {(0, 0)}
    assert found.series[0][1] == (12, 24, 25, 24, 24, 11)


def test_a_column_that_holds_no_times_says_so(directory):
    with pytest.raises(ResultError, match="“t” holds no times"):
        timeline(directory, [{"t": "soon"}])


def test_without_any_time_there_is_no_step(directory):
    only = Filter(conditions=(Condition("k", "is", ("none",)),))
    found = timeline(directory, [at(0, k="a")], filter=only)
    assert (found.edges, found.series, found.start) == ((), (), None)
    written = write(directory.parent / "empty", [])
    assert written.columns == []


MOMENTS = st.datetimes(
    datetime(1900, 1, 1),  # noqa: DTZ001 - the zone comes with `timezones`
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "Asia/Kathmandu",
        "America/St_Johns",
        "Australia/Lord_Howe",
    ]
)


@given(
    low=MOMENTS,
    seconds=st.one_of(st.floats(0, 10), st.floats(0, 10**5), st.floats(0, 3 * 10**9)),
    buckets=st.integers(1, 100),
    zone=ZONES,
)
def test_the_steps_hold_the_whole_span_and_are_not_too_many(
    low, seconds, buckets, zone
):
    high = low + timedelta(seconds=seconds)
    step = bucket_step(low, high, buckets)
    found = bucket_edges(low, high, step, ZoneInfo(zone))
    assert found[0] <= low < found[1]
    assert found[-2] <= high < found[-1]
    assert found == sorted(set(found))
    assert len(found) <= buckets * 1.15 + 3
