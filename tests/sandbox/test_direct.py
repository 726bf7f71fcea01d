"""The direct query over real HTTP: stream, tiers, caps, ranges, refusals."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from sandbox.config import Limits
from sandbox.table import LogLine, nanoseconds, source, uuid_text
from tests.sandbox.conftest import (
    NOW,
    data_of,
    iso,
    ndjson,
    open_sandbox,
    pairs,
    rows_of,
    warnings_of,
)

ARCHIVE = "TIER_ARCHIVE"


def line_at(moment, number: int, text: str = "{}") -> LogLine:
    return LogLine(
        nanoseconds(moment), 5, source("app", "sub"), "", uuid_text(number), text
    )


def test_a_stream_opens_with_the_query_id_and_closes_with_statistics(wire):
    answer = wire.query("source logs | limit 250")
    lines = ndjson(answer)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert len(lines[0]["queryId"]["queryId"]) == 36
    assert [len(line["result"]["results"]) for line in lines[1:-1]] == [100, 100, 50]
    assert lines[-1] == {"statistics": {"status": "COMPLETED", "outputRowCount": "250"}}


def test_a_row_has_the_recorded_form(wire):
    row = rows_of(wire.lines("source logs | limit 1"))[0]
    assert [pair["key"] for pair in row["metadata"]] == [
        "branchid", "logid", "logindex", "priorityclass", "severity", "templateid", "timestamp",
    ]  # fmt: skip
    metadata = pairs(row, "metadata")
    assert metadata["severity"] == "1"
    assert metadata["timestamp"] == "2026-03-10T11:50:00.000000000"
    assert metadata["logindex"] == "high021c:demo_newlogs_20260310-01"
    assert pairs(row, "labels") == {
        "applicationname": "numbers",
        "computername": "host-one",
        "subsystemname": "one",
    }
    assert isinstance(row["userData"], str)
    assert json.loads(row["userData"])["big"] == 9_007_199_254_740_993


def test_an_archive_row_has_severity_in_words_and_no_logindex(wire):
    metadata = pairs(
        rows_of(wire.lines("source logs | limit 1", tier=ARCHIVE))[0], "metadata"
    )
    assert metadata["severity"] == "Debug"
    assert metadata["priorityclass"] == "low"
    assert "logindex" not in metadata


def test_no_rows_means_no_result_line(wire):
    lines = wire.lines("source logs | limit 0")
    assert [next(iter(line)) for line in lines] == ["queryId", "statistics"]


def test_a_legacy_server_has_no_statistics_line():
    with open_sandbox(count=5, statistics=False) as wire:
        assert [next(iter(line)) for line in wire.lines()] == ["queryId", "result"]


def test_without_a_limit_two_thousand_rows_come_and_a_warning(wire):
    lines = wire.lines()
    assert [row["n"] for row in data_of(lines)] == list(range(2_000))
    assert warnings_of(lines) == [
        {"numberOfResultsLimitWarning": {"numberOfResultsLimit": 2000}}
    ]


def test_a_limit_of_the_users_own_is_no_reason_to_warn(wire):
    for lines in (wire.lines("source logs | limit 30"), wire.lines(limit=30)):
        assert len(rows_of(lines)) == 30
        assert warnings_of(lines) == []


def test_the_smaller_of_two_limits_counts(wire):
    assert len(rows_of(wire.lines("source logs | limit 30", limit=10))) == 10
    assert len(rows_of(wire.lines("source logs | limit 20", limit=50))) == 20


@pytest.mark.parametrize(
    ("tier", "cap"), [("TIER_FREQUENT_SEARCH", 150), (ARCHIVE, 250)]
)
def test_each_tier_has_its_own_hard_cap(tier, cap):
    limits = Limits(queries_per_minute=0, frequent_rows=150, archive_rows=250)
    with open_sandbox(count=400, limits=limits) as wire:
        lines = wire.lines("source logs | limit 1000", tier=tier)
    assert len(rows_of(lines)) == cap
    assert warnings_of(lines) == [
        {"numberOfResultsLimitWarning": {"numberOfResultsLimit": cap}}
    ]


def test_exactly_as_many_rows_as_allowed_is_no_reason_to_warn():
    with open_sandbox(
        count=120, limits=Limits(queries_per_minute=0, default_rows=120)
    ) as wire:
        assert warnings_of(wire.lines()) == []


def test_frequent_search_stops_at_its_byte_limit_and_says_so():
    with open_sandbox(
        count=400, limits=Limits(queries_per_minute=0, fetched_bytes=30_000)
    ) as wire:
        lines = wire.lines()
        assert 0 < len(rows_of(lines)) < 400
        assert warnings_of(lines) == [{"bytesScannedLimitWarning": {}}]
        assert len(rows_of(wire.lines(tier=ARCHIVE))) == 400


def test_the_archive_lacks_the_newest_minutes_and_frequent_search_the_oldest_days():
    rows = [
        line_at(NOW - timedelta(minutes=1), 1, '{"age":"minute"}'),
        line_at(NOW - timedelta(hours=1), 2, '{"age":"hour"}'),
        line_at(NOW - timedelta(days=9), 3, '{"age":"days"}'),
    ]
    span = {"startDate": iso(NOW - timedelta(days=30)), "endDate": iso(NOW)}
    with open_sandbox(rows=rows) as wire:
        assert [row["age"] for row in data_of(wire.lines(tier=ARCHIVE, **span))] == [
            "hour",
            "days",
        ]
        frequent = wire.lines(**span)
    assert [row["age"] for row in data_of(frequent)] == ["minute", "hour"]
    [warning] = warnings_of(frequent)
    assert warning["timeRangeWarning"]["startDate"] == iso(NOW - timedelta(days=8))
    assert (
        warning["timeRangeWarning"]["warningMessage"]
        == "start of time range is set to: 2026-03-02 12:00:00.000"
    )


def test_a_time_clause_overrides_the_range_and_can_be_too_wide_as_well(wire):
    lines = wire.lines("source logs last 30d | limit 1", startDate=None, endDate=None)
    assert warnings_of(lines)[0]["timeRangeWarning"]["startDate"] == iso(
        NOW - timedelta(days=8)
    )
    assert len(rows_of(lines)) == 1
    assert (
        warnings_of(
            wire.lines("source logs last 2h | limit 1", startDate=None, endDate=None)
        )
        == []
    )


def test_a_pair_may_have_no_value(wire):
    [row] = rows_of(
        wire.lines("source logs | limit 1 | choose $l.category, $l.subsystemname")
    )
    assert {"key": "category"} in row["labels"]
    assert {"key": "subsystemname", "value": "one"} in row["labels"]


def test_eight_days_are_not_too_many_for_frequent_search(wire):
    lines = wire.lines(
        "source logs | limit 1",
        startDate=iso(NOW - timedelta(hours=192)),
        endDate=iso(NOW),
    )
    assert warnings_of(lines) == []


def test_a_range_upside_down_gets_a_warning_and_no_rows(wire):
    lines = wire.lines(startDate=iso(NOW), endDate=iso(NOW - timedelta(hours=1)))
    assert rows_of(lines) == []
    assert (
        warnings_of(lines)[0]["timeRangeWarning"]["warningMessage"]
        == "Start date must be before end date"
    )


def test_start_is_in_the_range_and_end_is_not():
    rows = [
        line_at(NOW - timedelta(minutes=minute), minute, f'{{"m":{minute}}}')
        for minute in (20, 30, 40)
    ]
    with open_sandbox(rows=rows) as wire:
        lines = wire.lines(
            startDate=iso(NOW - timedelta(minutes=30)),
            endDate=iso(NOW - timedelta(minutes=20)),
        )
    assert [row["m"] for row in data_of(lines)] == [30]


@pytest.mark.parametrize(
    ("dates", "minutes"),
    [
        ({"startDate": None, "endDate": None}, [10]),
        ({"startDate": None, "endDate": iso(NOW - timedelta(minutes=20))}, [30]),
        ({"startDate": iso(NOW - timedelta(minutes=50)), "endDate": None}, [50]),
    ],
)
def test_missing_dates_mean_fifteen_minutes(dates, minutes):
    rows = [
        line_at(NOW - timedelta(minutes=minute), minute, f'{{"m":{minute}}}')
        for minute in (10, 30, 50)
    ]
    with open_sandbox(rows=rows) as wire:
        assert [row["m"] for row in data_of(wire.lines(**dates))] == minutes


def test_a_date_may_carry_an_offset(wire):
    lines = wire.lines(
        startDate="2026-03-10T07:45:00-04:00", endDate="2026-03-10T17:30:00+05:30"
    )
    assert len(rows_of(lines)) > 0
    assert all(
        pairs(row, "metadata")["timestamp"] < "2026-03-10T12" for row in rows_of(lines)
    )


def test_the_deprecated_tier_name_is_served_with_a_warning(wire):
    lines = wire.lines("source logs | limit 1", tier="TIER_FREQUENT_SEARCH_UNSPECIFIED")
    assert (
        "TIER_FREQUENT_SEARCH"
        in warnings_of(lines)[0]["deprecationWarning"]["warningMessage"]
    )
    assert len(rows_of(lines)) == 1


def test_a_statement_may_come_as_base64(wire):
    coded = base64.b64encode(b"source logs | limit 3").decode()
    assert (
        len(rows_of(wire.lines(coded, syntax="QUERY_SYNTAX_DATAPRIME_UTF8_BASE64")))
        == 3
    )
    coded = base64.b64encode(b'"row 0000007"').decode()
    assert [
        row["n"]
        for row in data_of(wire.lines(coded, syntax="QUERY_SYNTAX_LUCENE_UTF8_BASE64"))
    ] == [7]


def test_unknown_fields_are_ignored_as_the_real_server_does(wire):
    body = {
        "query": "source logs | limit 2",
        "limit": 1,
        "metadata": {"includeArchive": True, "startDate": "2026-03-10T00:00:00Z"},
    }
    body["metadata"]["endDate"] = "2026-03-11T00:00:00Z"
    assert len(rows_of(ndjson(wire.post("query", body)))) == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "malformed JSON"),
        (b"\xff\xfe", "malformed JSON"),
        (b"", "malformed JSON"),
        (b"[]", "JSON object"),
        ({}, "query"),
        ({"query": "  "}, "query"),
        ({"query": 7}, "query must be a string"),
        ({"query": "source logs", "metadata": []}, "metadata"),
        ({"query": "source logs", "metadata": {"tier": "TIER_GOLD"}}, "tier"),
        ({"query": "source logs", "metadata": {"syntax": "SQL"}}, "syntax"),
        ({"query": "source logs", "metadata": {"startDate": "yesterday"}}, "startDate"),
        (
            {"query": "source logs", "metadata": {"endDate": "2026-03-10T00:00:00"}},
            "time zone",
        ),
        (
            {
                "query": "source logs",
                "metadata": {"endDate": "0001-01-01T00:00:00+14:00"},
            },
            "out of range",
        ),
        ({"query": "source logs", "metadata": {"limit": -1}}, "limit"),
        ({"query": "source logs", "metadata": {"limit": "9"}}, "limit"),
        ({"query": "source logs", "metadata": {"limit": True}}, "limit"),
        (
            {"query": "source logs", "metadata": {"strictFieldsValidation": "yes"}},
            "strictFieldsValidation",
        ),
        (
            {
                "query": "%%%",
                "metadata": {"syntax": "QUERY_SYNTAX_DATAPRIME_UTF8_BASE64"},
            },
            "base64",
        ),
    ],
)
def test_a_bad_request_is_refused_in_words(wire, body, words):
    answer = wire.post("query", body)
    assert answer.status_code == 400
    assert words in answer.json()["message"]


def test_a_compile_error_says_where(wire):
    answer = wire.query("source logs | filter $d.a ==")
    assert answer.status_code == 400
    assert "in line 1 at column" in answer.json()["message"]


def test_a_construct_the_sandbox_does_not_know_is_said_to_be_that(wire):
    answer = wire.query("source logs\n| explode $d.list into $d.one")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("The sandbox does not know this: ")
    assert "in line 2 at column 3" in answer.json()["message"]


def test_the_default_source_counts_when_the_statement_names_none(wire):
    assert len(rows_of(wire.lines("limit 3", defaultSource="logs"))) == 3
    answer = wire.query("limit 3", defaultSource="spans")
    assert answer.status_code == 400
    assert "spans" in answer.json()["message"]


@pytest.mark.parametrize(
    ("style", "read"),
    [
        ("text", lambda answer: answer.text),
        ("error", lambda answer: answer.json()["error"]["message"]),
    ],
)
def test_error_bodies_come_in_other_forms_too(style, read):
    with open_sandbox(count=1, error_style=style) as wire:
        compilation = wire.query("source logs | filter (")
        missing = wire.post("query", {})
    assert "in line 1" in read(compilation)
    assert compilation.text.startswith("Compilation errors:\n - ") == (style == "text")
    assert "query" in read(missing)


def test_an_unknown_field_is_a_warning_and_in_strict_mode_an_error(wire):
    statement = "source logs | filter $d.nosuchfield == 'x'"
    [warning] = warnings_of(wire.lines(statement))
    assert "nosuchfield" in warning["compileWarning"]["warningMessage"]
    assert wire.query(statement, strictFieldsValidation=True).status_code == 400
    assert warnings_of(wire.lines("source logs | filter $d.nested.a.b == 7")) == []


def test_a_query_really_selects(wire):
    lines = wire.lines(
        "source logs | filter $d.n >= 10 && $d.n < 13 | choose $d.n, $d.word"
    )
    assert data_of(lines) == [
        {"n": 10, "word": "бумага"},
        {"n": 11, "word": "海"},
        {"n": 12, "word": "🔥 hot"},
    ]


def test_an_aggregate_has_empty_metadata_and_labels(wire):
    [row] = rows_of(wire.lines("source logs | count"))
    assert row["metadata"] == []
    assert row["labels"] == []
    assert json.loads(row["userData"]) == {"_count": 3_000}


def test_now_can_be_frozen_by_the_request(wire):
    statement = "source logs | filter $m.timestamp < now() | count"
    lines = wire.lines(statement, nowDate="2026-03-10T11:30:00Z")
    assert data_of(lines)[0]["_count"] < 3_000


def test_plain_text_rows_come_as_they_are():
    with open_sandbox(
        rows=["ERROR disk full", '{"a": 1}', "7", '"quoted"', "{broken"]
    ) as wire:
        rows = rows_of(wire.lines())
    assert [row["userData"] for row in rows] == [
        "ERROR disk full",
        '{"a": 1}',
        "7",
        "quoted",
        "{broken",
    ]
    assert pairs(rows[0], "metadata")["severity"] == "5"


def test_a_query_that_takes_too_long_ends_inside_the_stream():
    limits = replace(Limits(queries_per_minute=0), query_seconds=0.0)
    with open_sandbox(count=20_000, limits=limits) as wire:
        lines = wire.lines("source logs | filter $d.text ~ 'nothing' | orderby $d.word")
    assert lines[-2]["error"]["message"] == "The query took too long."
    assert lines[-1]["statistics"]["status"] == "FAILED"
