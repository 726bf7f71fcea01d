"""SAFL's core: what it finds, and where it says no."""

from __future__ import annotations

import pytest

from sandbox.rows import nanoseconds
from sandbox.saf.parser import parse
from sandbox.saf.tokens import SaflError
from sandbox.table import LogLine, source
from tests.sandbox.conftest import NOW
from tests.sandbox.saf.conftest import open_sandbox

START = nanoseconds(NOW) - 3_600 * 10**9
EVENTS = (
    (1, "web", '{"message":"hello world","http":{"status":200,"path":"/a"},"user":"anna"}'),
    (5, "web", '{"message":"bad gateway","http":{"status":502,"path":"/b"},"user":"BEN"}'),
    (3, "db", '{"message":"slow query, \\"select\\"","ms":12.5,"user":"anna","flat.name":"x"}'),
    (3, "db", '{"message":"quick query","ms":2,"user":null,"percent":"100%"}'),
    (6, "cache", '"not JSON at all"'),
    (2, "cache", '{"ms":"many","list":[1,2]}'),
    (2, "cache", "{}"),
)  # fmt: skip


@pytest.fixture(scope="module")
def events():
    lines = [
        LogLine(START - n * 60 * 10**9, severity, source("app", service), "", str(n), data)
        for n, (severity, service, data) in enumerate(EVENTS)
    ]  # fmt: skip
    with open_sandbox(rows=lines) as wire:
        yield wire


def found(events, query):
    """The places of the events a query finds."""
    rows = events.rows(f"{query} | fields @timestamp")
    order = [row["@timestamp"] for row in events.rows("source * | fields @timestamp")]
    return [order.index(row["@timestamp"]) for row in rows]


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("source *", [0, 1, 2, 3, 4, 5, 6]),
        ("source app-web", [0, 1]),
        ("source APP-web, app-d*", [0, 1, 2, 3]),
        ("source app-web app-db", [0, 1, 2, 3]),
        ("source nothing-*", []),
        ("source * qsize=2", [0, 1]),
        ("source * qsize=0", []),
        ("source * earliest=now-62m-30s latest=now-61m", [2]),
        ("source * | search gateway", [1]),
        ("source * | search GATE*y", [1]),
        ('source * | search "hello world"', [0]),
        ("source * | search hello world", [0]),
        ("source * | search hello AND gateway", []),
        ("source * | search hello OR gateway", [0, 1]),
        ("source * | search query NOT quick", [2]),
        ("source * | search NOT (hello OR query OR JSON OR ms OR gateway)", [6]),
        ("source * | search (hello or gateway) user=ben", [1]),
        ("source * | search user=anna", [0, 2]),
        ("source * | search user!=anna", [1]),
        ("source * | search user=*", [0, 1, 2]),
        ("source * | search user=an*", [0, 2]),
        ("source * | search user!=an*", [1]),
        ("source * | search http.status=200.0", [0]),
        ("source * | search http.status>=200 http.status<502", [0]),
        ("source * | search http.status!=200", [1]),
        ("source * | search ms>2", [2]),
        ("source * | search ms<=12.5", [2, 3]),
        ("source * | search user>anna", []),
        ("source * | search user<anna", [1]),
        ("source * | search severity=warning OR severity=critical", [4]),
        ("source * | search flat.name=x", [2]),
        ('source * | search percent="100%"', [3]),
        ('source * | search percent="1%"', []),
        ('source * | search "100_"', []),
        ('source * | search message="slow query, \\"select\\""', [2]),
        ('source * | search message="not JSON at all"', [4]),
        ("source * | search index=app-cache service=cache", [4, 5, 6]),
        ("source * | search user=anna | search http.status=200", [0]),
        ("source * | head 3 | search user=anna", [0, 2]),
        ("source * | sort user | head 3", [1, 0, 2]),
        ("source * | sort -ms, @timestamp | head 3", [2, 3, 5]),
        ("source * | sort - user | head 2", [0, 2]),
        ("source * | sort user desc, @timestamp asc | head 2", [2, 0]),
        ("source * | sort +http.status | head 1", [0]),
    ],
)  # fmt: skip
def test_events_are_found(events, query, places):
    assert found(events, query) == places


def test_events_carry_their_own_members_and_where_they_come_from(events):
    [first, *_, text, _, _] = events.rows("source *")
    assert first == {
        "@timestamp": "2026-03-10T11:00:00.000Z",
        "index": "app-web",
        "service": "web",
        "severity": "Debug",
        "message": "hello world",
        "http": {"status": 200, "path": "/a"},
        "user": "anna",
    }
    assert text["message"] == "not JSON at all"


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("fields user, http.path", {"user": "anna", "http.path": "/a"}),
        ("fields + user", {"user": "anna"}),
        ("fields message | fields message user", {"message": "hello world", "user": None}),
        ("fields - @timestamp, index, service, severity, http.path, message", {"http": {"status": 200}, "user": "anna"}),
        ("fields http | fields http.status", {"http.status": 200}),
    ],
)  # fmt: skip
def test_fields_are_kept_or_left_out(events, query, rows):
    assert events.rows(f"source app-web qsize=1 | {query}") == [rows]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("aggs count", [{"count": 7}]),
        ("aggs count() as events, count(user), dc(user)", [{"events": 7, "count(user)": 3, "dc(user)": 2}]),
        ("aggs count by service | sort -count", [{"service": "cache", "count": 3}, {"service": "db", "count": 2}, {"service": "web", "count": 2}]),
        ("search service=db | aggs avg(ms), min(ms), max(ms), sum(ms)", [{"avg(ms)": 7.25, "min(ms)": 2, "max(ms)": 12.5, "sum(ms)": 14.5}]),
        ("aggs min(user), max(severity), sum(user)", [{"min(user)": "BEN", "max(severity)": "Verbose", "sum(user)": None}]),
        ("aggs count by user, service", [{"user": "BEN", "service": "web", "count": 1}, {"user": "anna", "service": "db", "count": 1}, {"user": "anna", "service": "web", "count": 1}]),
        ("aggs count by nothing", []),
        ("aggs count by service | search count>2 | fields service", [{"service": "cache"}]),
        ("aggs count by service | aggs max(count)", [{"max(count)": 3}]),
    ],
)  # fmt: skip
def test_figures_are_right(events, query, rows):
    assert events.rows(f"source * | {query}") == rows


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("timeaggs span=1h count", [("10", {"count": 6}), ("11", {"count": 1})]),
        ("timeaggs span=60m count, max(http.status) as worst", [("10", {"count": 6, "worst": 502}), ("11", {"count": 1, "worst": 200})]),
        ("timeaggs span=1h count by service", [("10", {"service": "cache", "count": 3}), ("10", {"service": "db", "count": 2}), ("10", {"service": "web", "count": 1}), ("11", {"service": "web", "count": 1})]),
        ("timeaggs span=1h limit=1 count by service", [("10", {"service": "OTHER", "count": 3}), ("10", {"service": "cache", "count": 3}), ("11", {"service": "OTHER", "count": 1})]),
        ("timeaggs span=1h limit=1 useother=false count by service", [("10", {"service": "cache", "count": 3})]),
        ("timeaggs span=1h limit=0 count by user", [("10", {"user": "BEN", "count": 1}), ("10", {"user": "anna", "count": 1}), ("11", {"user": "anna", "count": 1})]),
        ("timeaggs timefield=user count", []),
    ],
)  # fmt: skip
def test_figures_over_time_are_right(events, query, rows):
    expected = [{"@timestamp": f"2026-03-10T{hour}:00:00.000Z", **row} for hour, row in rows]  # fmt: skip
    assert events.rows(f"source * | {query}") == expected


def test_without_a_span_the_range_decides(events):
    rows = events.rows("source * | timeaggs count", dtStart="now-2h")
    assert rows[0]["@timestamp"] == "2026-03-10T10:50:00.000Z"
    assert sum(row["count"] for row in rows) == 7


@pytest.mark.parametrize(
    ("query", "place", "words"),
    [
        ("", "1:1", "begins with [source]"),
        ("search x", "1:1", "begins with [source]"),
        ("source", "1:7", "expected the name of an index, found the end"),
        ("source a,", "1:10", "expected the name of an index"),
        ("source a | join b", "1:12", "does not know the command [join]; it knows source, search"),
        ("source a\n| stats count", "2:3", "[stats]"),
        ("source a |", "1:11", "does not know the command []"),
        ("source a size=5", "1:10", "does not know the parameter [size]"),
        ("source a qsize=x", "1:16", "expected a number from 0"),
        ("source a qsize=99999999", "1:16", "expected a number"),
        ("source a earliest=yesterday", "1:19", "[yesterday] is not a date"),
        ("source a latest=2022-13-01||/d", "1:17", "is not a date"),
        ("source a | search", "1:18", "expected a condition, found the end"),
        ("source a | search (x", "1:21", "expected [)]"),
        ("source a | search x)", "1:20", "unexpected [)]"),
        ("source a | search x=", "1:21", "expected a value"),
        ("source a | search x = | head", "1:23", "expected a value, found [|]"),
        ("source a | search and", "1:19", "expected a condition"),
        ("source a | search =x", "1:19", "expected a condition"),
        ("source a | search x OR", "1:23", "expected a condition"),
        ('source a | search "x', "1:19", "a string is not closed"),
        ("source a | search [source b]", "1:19", "does not know subsearches"),
        ("source a | search " + "(" * 60, "1:59", "nested too deeply"),
        ("source a | search " + "NOT " * 60 + "x", "1:175", "nested too deeply"),
        ("source a | fields", "1:18", "expected the name of a field"),
        ("source a | sort", "1:16", "expected the name of a field"),
        ("source a | head 0", "1:17", "expected a number from 1"),
        ("source a | head -3", "1:17", "expected a number"),
        ("source a | aggs", "1:16", "does not know the function"),
        ("source a | aggs perc(x)", "1:17", "does not know the function [perc]; it knows count"),
        ("source a | aggs avg", "1:17", "[avg] needs a field"),
        ("source a | aggs avg()", "1:17", "[avg] needs a field"),
        ("source a | aggs avg(|)", "1:21", "expected the name of a field"),
        ("source a | aggs avg(x", "1:22", "expected [)]"),
        ("source a | aggs count by", "1:25", "expected the name of a field"),
        ("source a | timeaggs span=fast count", "1:26", "expected a span"),
        ("source a | timeaggs span=0h count", "1:26", "expected a span"),
        ("source a !", "1:10", "unexpected character [!]"),
    ],
)  # fmt: skip
def test_what_it_does_not_know_is_said_with_its_place(query, place, words):
    with pytest.raises(SaflError) as refused:
        parse(query)
    assert words in str(refused.value)
    assert str(refused.value).startswith(f"line {place} ")


def test_head_takes_ten_unless_told(api):
    assert len(api.rows("source * | head")) == 10


def test_no_text_becomes_sql(api):
    for text in ("x'; DROP TABLE logs; --", 'x" OR 1=1', "x\\", "$1", "%", "a.b~c/d"):
        quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for query in (
            f"source * | search {quoted}",
            f"source * | search {quoted}={quoted} | sort {quoted} | fields - {quoted}",
            f"source * | aggs count({quoted}) as {quoted}",
            f"source * | timeaggs limit=2 count by {quoted}",
            f"source {quoted} | fields {quoted}*" if "*" in text else f"source * | fields {quoted} | head 1",
        ):  # fmt: skip
            api.rows(query)
