"""What is sent, what is checked before, and the curl command."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta, timezone

import pytest

from queries.providers.base import QuerySpec
from queries.providers.coralogix.fields import CONNECTION_FIELDS, QUERY_FIELDS
from queries.providers.coralogix.provider import Coralogix
from queries.providers.coralogix.requests import background_body, direct_body
from tests.providers.coralogix.samples import END, SPEC, START

EVERYTHING = {
    "tier": "TIER_ARCHIVE",
    "syntax": "QUERY_SYNTAX_LUCENE",
    "limit": 50_000,
    "default_source": "spans",
    "strict_fields_validation": True,
    "now_date": "2026-11-22T12:00:00+02:00",
}


def test_a_direct_body_holds_every_field_under_metadata():
    assert direct_body(QuerySpec("error", EVERYTHING, START, END)) == {
        "query": "error",
        "metadata": {
            "tier": "TIER_ARCHIVE",
            "syntax": "QUERY_SYNTAX_LUCENE",
            "startDate": "2026-11-22T10:00:00Z",
            "endDate": "2026-11-22T11:00:00Z",
            "defaultSource": "spans",
            "limit": 50_000,
            "strictFieldsValidation": True,
            "nowDate": "2026-11-22T10:00:00Z",
        },
    }


def test_a_background_body_is_flat_and_has_no_tier_nor_limit():
    assert background_body(QuerySpec("error", EVERYTHING, START, END)) == {
        "query": "error",
        "syntax": "QUERY_SYNTAX_LUCENE",
        "startDate": "2026-11-22T10:00:00Z",
        "endDate": "2026-11-22T11:00:00Z",
        "nowDate": "2026-11-22T10:00:00Z",
    }


def test_what_is_not_set_is_not_sent_but_tier_and_syntax_are_always_named():
    assert direct_body(
        QuerySpec(
            "x",
            {
                "limit": None,
                "default_source": "",
                "now_date": "",
                "strict_fields_validation": False,
            },
        )
    ) == {
        "query": "x",
        "metadata": {
            "tier": "TIER_FREQUENT_SEARCH",
            "syntax": "QUERY_SYNTAX_DATAPRIME",
        },
    }


def test_moments_are_sent_in_utc_to_the_microsecond():
    start = datetime(
        2026, 1, 1, 1, 30, 0, 5, tzinfo=timezone(timedelta(hours=5, minutes=30))
    )
    assert (
        direct_body(QuerySpec("x", start=start))["metadata"]["startDate"]
        == "2025-12-31T20:00:00.000005Z"
    )


def problems(mode="direct", statement="source logs", start=START, end=END, **settings):
    return {
        p.field: p.message
        for p in Coralogix.validate(QuerySpec(statement, settings, start, end), mode)
    }


@pytest.mark.parametrize("mode", ["direct", "background"])
def test_a_good_spec_has_no_problems(mode):
    assert problems(mode, **EVERYTHING) == {}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"statement": " \n"}, "statement"),
        ({"statement": "x" * 100_001}, "statement"),
        ({"end": START}, "end"),
        ({"end": START - timedelta(seconds=1)}, "end"),
        ({"mode": "background", "start": None}, "start"),
        ({"mode": "background", "end": None}, "end"),
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": 15_001}, "limit"),
        ({"limit": "10"}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": 50_001, "tier": "TIER_ARCHIVE"}, "limit"),
        ({"tier": "TIER_GOLD"}, "tier"),
        ({"syntax": "SQL"}, "syntax"),
        ({"default_source": "logs | limit 1"}, "default_source"),
        ({"now_date": "yesterday"}, "now_date"),
        ({"now_date": "2026-11-22T12:00:00"}, "now_date"),
        ({"now_date": "yesterday", "mode": "background"}, "now_date"),
    ],
)
def test_a_problem_is_tied_to_its_field(wrong, field):
    assert list(problems(**wrong)) == [field]


def test_what_does_not_apply_in_the_background_is_no_problem_there():
    assert problems("background", limit=-1, tier="TIER_GOLD", default_source="|") == {}


def test_a_direct_query_needs_no_range():
    assert problems(start=None, end=None) == {}


def test_a_range_that_frequent_search_would_shorten_is_advised_against():
    long = QuerySpec("x", {}, START - timedelta(hours=193), START)
    (advice,) = Coralogix.advisories(long, "direct")
    assert "8 days" in advice.message
    assert not advice.cuts_result
    assert Coralogix.advisories(long, "background") == []
    assert (
        Coralogix.advisories(
            QuerySpec("x", {"tier": "TIER_ARCHIVE"}, long.start, long.end), "direct"
        )
        == []
    )
    assert Coralogix.advisories(SPEC, "direct") == []
    assert Coralogix.advisories(QuerySpec("x"), "direct") == []


NASTY = "source logs | filter $d.msg ~ 'it''s \"q\" `id` $(id) $HOME \\ ! @file \n ünï 😀 %s' // #"


@pytest.mark.parametrize("mode", ["direct", "background"])
def test_the_curl_command_sends_the_same_body_through_a_real_shell(tmp_path, mode):
    recorder = tmp_path / "curl"
    recorder.write_text(
        '#!/bin/sh\nfor argument; do printf "%s\\0" "$argument"; done\n'
    )
    recorder.chmod(0o755)
    spec = QuerySpec(NASTY, {"limit": 7}, START, END)
    command = Coralogix.curl(spec, mode, "https://api.eu1.coralogix.com/")
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CORALOGIX_API_KEY": "the-key"}
    done = subprocess.run(
        ["sh", "-c", command], env=environment, capture_output=True, check=True
    )
    url, *rest = done.stdout.decode().rstrip("\0").split("\0")
    path = "query" if mode == "direct" else "background-query"
    assert url == f"https://api.eu1.coralogix.com/api/v1/dataprime/{path}"
    assert rest[:4] == [
        "--header",
        "Content-Type: application/json",
        "--header",
        "Authorization: Bearer the-key",
    ]
    assert rest[4] == "--data-raw"
    assert json.loads(rest[5]) == (
        direct_body(spec) if mode == "direct" else background_body(spec)
    )


def test_the_declared_fields_are_the_settings_that_are_sent():
    assert {field.name for field in QUERY_FIELDS} == set(EVERYTHING)
    assert [field.name for field in CONNECTION_FIELDS] == ["region", "endpoint"]
    assert datetime.fromisoformat(EVERYTHING["now_date"]).astimezone(UTC) == START
