"""What a stream says beside its rows: how it ended, warnings, statistics, limits."""

from __future__ import annotations

import pytest

from queries.providers.base import QuerySpec
from queries.providers.errors import (
    QueryError,
)
from tests.providers.coralogix.replay import numbered, numbers, play
from tests.providers.coralogix.samples import (
    DATA,
    DIRECT,
    QUERY_ID,
    data,
    direct,
    wire_row,
)
from tests.scripted_server import ndjson_reply

ROW = wire_row({"n": 1}, severity="3")


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", "PARTIAL", "failed"])
def test_closing_statistics_that_say_failed_come_after_the_rows(
    provider, upstream, status
):
    stream, rows, error = play(
        provider,
        upstream,
        QUERY_ID,
        direct(*numbered(2)),
        {"statistics": {"status": status}},
    )
    assert numbers(rows) == [0, 1]
    assert isinstance(error, QueryError)
    assert status in str(error)
    assert error.provider_code == status
    assert stream.statistics["status"] == status


def test_fewer_rows_than_counted_is_said(provider, upstream):
    stream, rows, error = play(
        provider,
        upstream,
        direct(*numbered(2)),
        {"statistics": {"status": "COMPLETED", "outputRowCount": "7"}},
    )
    assert error is None
    assert len(rows) == 2
    (warning,) = stream.warnings
    assert warning.cuts_result
    assert warning.details == {"counted": 7, "received": 2}


def test_warnings_may_come_anywhere_and_are_kept_once(provider, upstream):
    limit = {"warning": {"numberOfResultsLimitWarning": {"numberOfResultsLimit": 2000}}}
    old = {"warning": {"deprecationWarning": {"warningMessage": "old"}}}
    stream, _, error = play(
        provider,
        upstream,
        old,
        QUERY_ID,
        direct(ROW),
        limit,
        limit,
        {"warnings": [{"blocksLimitWarning": {}}]},
    )
    assert error is None
    assert [w.code for w in stream.warnings] == [
        "deprecationWarning",
        "numberOfResultsLimitWarning",
        "blocksLimitWarning",
    ]


def test_a_flood_of_warnings_is_bounded(provider, upstream):
    flood = [
        {"warning": {"compileWarning": {"warningMessage": f"field {n}"}}}
        for n in range(300)
    ]
    stream, _, _ = play(provider, upstream, QUERY_ID, *flood)
    assert len(stream.warnings) == 100


def test_the_range_really_used_is_noted(provider, upstream):
    warning = {
        "warningMessage": "end of time range is set to: 2026-11-22",
        "startDate": "2026-11-21T00:00:00.000Z",
        "endDate": "2026-11-22T00:00:00+02:00",
    }
    stream, _, _ = play(
        provider, upstream, QUERY_ID, {"warning": {"timeRangeWarning": warning}}
    )
    assert stream.effective_start.isoformat() == "2026-11-21T00:00:00+00:00"
    assert stream.effective_end.isoformat() == "2026-11-21T22:00:00+00:00"


@pytest.mark.parametrize(
    ("statement", "more", "limit"),
    [
        ("source logs", {}, 2_000),
        ("source logs | limit 5000", {}, 2_000),
        ("source logs", {"limit": 3}, 3),
        ("source logs | limit 3 | filter true", {"limit": 3}, 3),
        ("limit 3", {"limit": 3, "syntax": "QUERY_SYNTAX_LUCENE"}, 3),
    ],
)
def test_a_result_that_ends_at_the_limit_beside_the_query_says_there_may_be_more(
    provider, upstream, statement, more, limit
):
    upstream.on(DIRECT, ndjson_reply(QUERY_ID, direct(*numbered(limit))))
    with provider.run(QuerySpec(statement, more)) as stream:
        assert len(list(stream)) == limit
    (warning,) = stream.warnings
    assert warning.code == "row_limit"
    assert warning.cuts_result
    assert warning.details == {"limit": limit}
    assert f"{limit:,} rows" in warning.message


@pytest.mark.parametrize(
    ("statement", "rows"),
    [("source logs | limit 3", 3), ("source logs|LIMIT 2\n", 2), ("source logs", 2)],
)
def test_a_result_the_query_itself_limits_or_that_ends_before_is_whole(
    provider, upstream, statement, rows
):
    upstream.on(DIRECT, ndjson_reply(QUERY_ID, direct(*numbered(rows))))
    with provider.run(QuerySpec(statement, {"limit": 3})) as stream:
        assert len(list(stream)) == rows
    assert stream.warnings == []


def test_coralogix_own_warning_of_the_limit_is_enough(provider, upstream):
    warning = {"warning": {"numberOfResultsLimitWarning": {"numberOfResultsLimit": 3}}}
    upstream.on(DIRECT, ndjson_reply(QUERY_ID, direct(*numbered(3)), warning))
    with provider.run(QuerySpec("source logs", {"limit": 3})) as stream:
        assert len(list(stream)) == 3
    assert [w.code for w in stream.warnings] == ["numberOfResultsLimitWarning"]


def test_rows_of_the_background_have_no_such_limit(provider, upstream):
    stream, rows, _ = play(provider, upstream, data(*numbered(2_000)), path=DATA)
    assert len(rows) == 2_000
    assert stream.warnings == []


def test_statistics_keep_their_plain_members_under_scored(provider, upstream):
    sent = {
        "status": "COMPLETED",
        "bytesScanned": "7",
        "seconds": 0.5,
        "cached": True,
        "id": "0x7",
        "inner": {"a": 1},
    }
    stream, _, _ = play(provider, upstream, QUERY_ID, {"statistics": sent})
    assert stream.statistics == {
        "status": "COMPLETED",
        "bytes_scanned": 7,
        "seconds": 0.5,
        "cached": True,
        "id": "0x7",
    }
