"""Timestamps, intervals, time functions, and the range of the source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataprime import DataPrimeError
from dataprime.times import (
    parse_interval_nanos,
    parse_timestamp_nanos,
    to_datetime,
    to_nanos,
    unit_size,
)
from tests.dataprime.logs import NOW

NANO = 10**9


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$m.timestamp", 1735725600123456000),
        ("now()", 1735732800 * NANO),
        ("@'now' - 1h", 1735729200 * NANO),
        ("@'2024-01-01'", 1704067200 * NANO),
        ("@('2024-01-01T00:00:00+02:00')", 1704060000 * NANO),
        ("@'2024-01-01T00:00:00.123456789Z'", 1704067200123456789),
        ("$m.timestamp / 5m", 1735725600 * NANO),
        ("roundTime(@'1969-12-31T23:59:00Z', 1h)", -3600 * NANO),
        ("timeRound($m.timestamp, 1d)", 1735689600 * NANO),
        ("$m.timestamp / 0s", None),
        ("$m.timestamp / -5m", None),
        ("$m.timestamp / $d.nothing:interval", None),
        ("$m.timestamp.addTime(1h) - $m.timestamp", "1h"),
        ("subtractTime($m.timestamp, 123ms456us)", 1735725600 * NANO),
        ("diffTime(@'2024-01-02', @'2024-01-01')", "1d"),
        ("1d + -1h", "23h"),
        ("-90s", "-1m30s"),
        ("1h - 1h", "0ns"),
        ("1w2d3h4m5s6ms7us8ns", "9d3h4m5s6ms7us8ns"),
        ("30s * 25", "12m30s"),
        ("25 * 30s", "12m30s"),
        ("1h / 2", "30m"),
        ("1h / 30m", 2),
        ("90m % 1h", "30m"),
        ("1h / 0", None),
        ("multiplyInterval(30s, 0.5)", "15s"),
        ("addInterval(1h, 30m)", "1h30m"),
        ("subtractInterval(1m, 58s)", "2s"),
        ("roundInterval(2h10m15s, 'h')", "2h"),
        ("parseInterval('35m10s')", "35m10s"),
        ("parseInterval('-1h')", "-1h"),
        ("parseInterval('1s1d')", None),
        ("parseInterval('')", None),
        ("parseInterval('-')", None),
        ("parseInterval('999999999999999999d')", None),
        ("toInterval(5432, 'ms')", "5s432ms"),
        ("toInterval(1.5, 's')", "1s500ms"),
        ("toInterval(99999999999999999999, 'd')", None),
        ("toInterval($d.dur, 'hours')", "1h30m"),
        ("formatInterval(5m, 'seconds')", "300s"),
        ("formatInterval(90m)", "1h30m"),
        ("toUnixTime($m.timestamp)", 1735725600123),
        ("toUnixTime($m.timestamp, 's')", 1735725600),
        ("fromUnixTime(1658958157515)", 1658958157515 * 10**6),
        ("1658958157.fromUnixTime('s')", 1658958157 * NANO),
        ("fromUnixTime($d.status, 's')", 200 * NANO),
        ("fromUnixTime($d.dur, 's')", 1500000000),
        ("extractTime($m.timestamp, 'h', 'Asia/Tokyo')", 19),
        ("extractTime($m.timestamp, 'month')", 1),
        ("extractTime($m.timestamp, 'day_of_week')", 3),
        ("extractTime($m.timestamp, 'second')", 0.123456),
        ("extractTime($m.timestamp, 'ms')", 123.456),
        ("parseTimestamp('2023-04-05')", 1680652800 * NANO),
        ("parseTimestamp('04/05/23', '%D')", 1680652800 * NANO),
        ("parseTimestamp('2023-04-05 16h07m', '%F %Hh%Mm')", 1680710820 * NANO),
        ("'1680710853'.parseTimestamp('timestamp_second')", 1680710853 * NANO),
        (
            "parseTimestamp('1680710853123', 'timestamp_second|%Y-%m-%d')",
            1680710853123 * 10**6,
        ),
        ("parseTimestamp('1680710853123', 'timestamp_milli')", 1680710853123 * 10**6),
        (
            "parseTimestamp('2023-04-05', 'timestamp_second|%Y-%m-%d|iso8601')",
            1680652800 * NANO,
        ),
        ("parseTimestamp('nonsense')", None),
        ("parseTimestamp('2023-04-05 +0200', '%F %z')", 1680645600 * NANO),
        ("parseTimestamp('3023-04-05', '%F|%Y')", None),
        (
            "parseTimestamp('2023-04-05T10:00:00', 'auto', 'Europe/Paris')",
            1680681600 * NANO,
        ),
        ("parseTimestamp('2023-04-05T10:00:00', tz='+02')", 1680681600 * NANO),
        ("formatTimestamp($m.timestamp)", "2025-01-01T10:00:00.123456000Z"),
        (
            "formatTimestamp($m.timestamp, tz='+0530')",
            "2025-01-01T15:30:00.123456000+0530",
        ),
        (
            "formatTimestamp($m.timestamp, tz='America/New_York')",
            "2025-01-01T05:00:00.123456000-0500",
        ),
        (
            "formatTimestamp($m.timestamp, '%F %R %e 100%%', 'Asia/Tokyo')",
            "2025-01-01 19:00 1 100%",
        ),
        ("formatTimestamp($m.timestamp, 'timestamp_milli')", "1735725600123"),
        ("formatTimestamp($m.timestamp, 'timestamp_second')", "1735725600"),
        ("toIso8601DateTime($m.timestamp)", "2025-01-01T10:00:00.123456Z"),
        ("toIso8601DateTime(@'2024-01-01')", "2024-01-01T00:00:00.000Z"),
        ("$m.timestamp:string", "2025-01-01T10:00:00.123456000Z"),
        ("$m.timestamp:number", 1735725600123456000),
        ("'2024-01-01':timestamp", 1704067200 * NANO),
        ("1704067200:timestamp", 1704067200 * NANO),
        ("1704067200000:timestamp", 1704067200 * NANO),
        ("'1h30m':interval", "1h30m"),
        ("5000000000:interval", "5s"),
        ("1h:number", 3600 * NANO),
        ("9999999999h", None),
    ],
)
def test_times_and_intervals(logs, expression, expected):
    if expression == "9999999999h":
        with pytest.raises(DataPrimeError, match="is not an interval"):
            logs.first_value(expression)
        return
    assert logs.first_value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("@'yesterday'", "'yesterday' is not a time"),
        ("1x", "'1x' is not a number or an interval"),
        ("1h1d", "units go from large to small"),
        ("$m.timestamp / 5", "divided by an interval"),
        ("$m.timestamp * 2", "does not take a timestamp"),
        ("toUnixTime($m.timestamp, 'month')", "unknown time unit 'month'"),
        ("extractTime($m.timestamp, 'fortnight')", "unknown time unit 'fortnight'"),
        ("formatTimestamp($m.timestamp, '%Q')", "the format '%Q' is not supported"),
        ("parseTimestamp('2023-04-05', 'today')", "unknown format 'today'"),
        ("formatTimestamp($m.timestamp, '%z')", "the format '%z' is not supported"),
        ("formatTimestamp($m.timestamp, 'x%')", "the format '%' is not supported"),
        (
            "formatTimestamp($m.timestamp, tz='Mars/Base')",
            "unknown time zone 'Mars/Base'",
        ),
        ("formatTimestamp($m.timestamp, tz='../etc/passwd')", "unknown time zone"),
        ("formatTimestamp($m.timestamp, user)", "must be a literal"),
        ("$p.timeRange.startTime", "only when the query has a time range"),
        ("$p.other", "of $p only"),
    ],
)
def test_wrong_times_are_explained(logs, expression, message):
    with pytest.raises(DataPrimeError) as caught:
        logs.compile(f"choose {expression} as it")
    assert message in caught.value.message


def test_values_of_unknown_type_are_taken_for_what_stands_beside_them(logs):
    assert logs.ids("filter $d.took > 1h") == [4]
    assert logs.ids("filter $d.took:interval + 30m == 2h") == [4]
    assert logs.ids("filter $m.timestamp < $d.at") == [1]
    assert logs.column("$d.at - $m.timestamp")[1] == "30s"
    assert logs.column("$m.timestamp - $d.at")[1] == "-30s"
    assert logs.column("$m.timestamp + $d.took")[4] == 1735694999 * NANO


def test_the_request_range_includes_its_start_and_not_its_end(logs):
    start = datetime(2025, 1, 1, 10, 6, tzinfo=UTC)
    end = datetime(2025, 1, 1, 12, 0, tzinfo=timezone(timedelta(hours=1)))
    compiled = logs.compile("source logs", start=start, end=end)
    assert [row[0]["logid"] for row in logs.execute(compiled)] == ["id1", "id2"]
    assert (compiled.start, compiled.end) == (start, end)
    assert compiled.source == "logs"
    query = "limit 1 | choose $p.timeRange.endTime - $p.timeRange.startTime as span"
    assert logs.data(query, start=start, end=end) == [{"span": "54m"}]
    assert logs.lucene("web", start=start) == []
    assert logs.lucene("*", end=datetime(2025, 1, 1)) == [4]  # noqa: DTZ001 - UTC


@pytest.mark.parametrize(
    ("clause", "expected", "start"),
    [
        ("last 90m", [3], NOW - timedelta(minutes=90)),
        ("last 0s", [], NOW),
        ("between @'2025-01-01T10:06:00Z' and @'now' - 1h30m", [1, 2], None),
        ("between @'now' / 1d - 1d and now() / 1d", [4], None),
        ("around @'2025-01-01T10:06:00Z'", [0, 1, 2], None),
        ("around @'2025-01-01T10:06:00Z' interval 1s", [1], None),
        ("timeshifted -1h", [0, 1, 2], NOW - timedelta(hours=3)),
        (
            "between $p.timeRange.startTime and $p.timeRange.endTime - 30m",
            [0, 1, 2, 3],
            None,
        ),
        ("last (@'2024-01-02' - @'2024-01-01') + 1d", [0, 1, 2, 3, 4], None),
    ],
)
def test_the_source_clause_overrides_the_request_range(logs, clause, expected, start):
    compiled = logs.compile(
        f"source logs {clause}",
        start=NOW - timedelta(hours=2),
        end=NOW - timedelta(minutes=20),
    )
    rows = logs.execute(compiled)
    assert [int(row[0]["logid"][2:]) for row in rows] == expected
    if start is not None:
        assert compiled.start == start


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        ("last -1h", "must not be negative"),
        ("last 5", "a time range is made of"),
        ("last now()", "an interval is needed"),
        ("between 1h and @'now'", "a time is needed"),
        ("between @'now' + @'now' and @'now'", "a time range is made of"),
        ("between $d.x and @'now'", "a time range is made of"),
        ("between -@'now' and @'now'", "a time range is made of"),
        ("around @'0001-01-01' interval 9d", "leaves the years"),
        ("timeshifted 106000d", None),
        ("between @'2024-01-01', @'now'", "'and' between the two times"),
    ],
)
def test_wrong_source_clauses_are_explained(logs, clause, message):
    options = {"start": datetime(9999, 1, 1, tzinfo=UTC)}
    message = message or "leaves the years"
    with pytest.raises(DataPrimeError) as caught:
        logs.compile(f"source logs {clause}", **options)
    assert message in caught.value.message


@given(st.datetimes(datetime(1700, 1, 1), datetime(2250, 1, 1)))  # noqa: DTZ001
def test_a_time_survives_the_way_to_nanoseconds_and_back(moment):
    assert to_datetime(to_nanos(moment)) == moment.replace(tzinfo=UTC)
    assert parse_timestamp_nanos(moment.isoformat()) == to_nanos(moment)


@given(st.integers(0, 2**62))
def test_an_interval_in_nanoseconds_reads_back(nanos):
    assert parse_interval_nanos(f"{nanos}ns") == nanos


def test_units_have_long_names():
    assert unit_size("Seconds") == NANO
    assert unit_size("µs") == 1000
    assert unit_size("parsec") is None
    assert parse_timestamp_nanos("2024-13-01") is None
    assert parse_interval_nanos("") is None
