"""What is sent, and what must be right before."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta

import pytest

from queries.providers.base import QuerySpec
from queries.providers.saf.fields import CONNECTION_FIELDS
from queries.providers.saf.provider import SearchAnywhere
from queries.providers.saf.requests import MAX_STATEMENT_CHARACTERS, submit_body
from tests.providers.saf.conftest import ROOT
from tests.scripted_server import json_reply

START = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
END = START + timedelta(hours=2)
MATH = {"time_source": "date_math", "start_math": "now-1d", "end_math": "now"}


def test_every_documented_member_can_be_set(provider, upstream):
    upstream.on("*", json_reply({"id": "12345"}))
    settings = {
        "time_field": "@timestamp",
        "calculate_stats": True,
        "execution_cost": "DEBUG",
        **MATH,
    }
    spec = QuerySpec("source sysmon_operational-* qsize=5", settings, START, END)
    assert provider.submit(spec, "key").job_id == "12345"
    request = upstream.requests[0]
    assert (request.method, request.target) == ("POST", f"{ROOT}/request")
    assert request.json() == {
        "query": "source sysmon_operational-* qsize=5",
        "dtFieldName": "@timestamp",
        "dtStart": "now-1d",
        "dtEnd": "now",
        "calculateStats": True,
        "calculateExecutionCost": "DEBUG",
    }


def test_the_range_chosen_is_sent_unless_date_math_is_asked_for():
    math = {"start_math": "now-9y", "end_math": "now-8y"}
    body = submit_body(QuerySpec("source x", math, START, END))
    assert body["dtStart"] == "2026-03-01T12:30:00.000Z"
    assert body["dtEnd"] == "2026-03-01T14:30:00.000Z"
    assert body["calculateExecutionCost"] == "OFF"


def test_what_is_left_open_is_left_to_the_server():
    body = submit_body(QuerySpec("source x"))
    assert body == {"query": "source x", "calculateStats": False, "calculateExecutionCost": "OFF"}  # fmt: skip
    half = submit_body(QuerySpec("source x", {"time_source": "date_math"}, START, END))
    assert "dtStart" not in half
    assert "dtEnd" not in half


def problems(statement="source x", start=None, end=None, **settings):
    spec = QuerySpec(statement, settings, start, end)
    return [problem.field for problem in SearchAnywhere.validate(spec, "background")]


def test_a_good_query_has_no_problems():
    assert problems() == []
    assert problems(start=START, end=END, execution_cost="INFO") == []


@pytest.mark.parametrize(
    "math",
    ["now", "now-1d", "now-7d/d", "now/M", "now-1M+2d/w", "2022-05-18||/M", "2022-05-18||+1M/d", "2022-05-18",
     "2022", "2022-05-18T10:00:00Z", "2022-05-18T10:00:00.123+03:00||-1h", "1773144000000", ""],
)  # fmt: skip
def test_date_math_is_known(math):
    assert problems(**(MATH | {"start_math": math})) == []


@pytest.mark.parametrize(
    "math", ["yesterday", "now-", "now-1", "now-1x", "now -1d", "-1d", "2022-05-18/M", "now||", "||/d", "now-1d;"]
)  # fmt: skip
def test_what_is_no_date_math_is_said(math):
    assert problems(**(MATH | {"start_math": math})) == ["start_math"]
    assert problems(**(MATH | {"end_math": math})) == ["end_math"]
    assert problems(start_math=math) == []


@pytest.mark.parametrize(
    ("found", "given"),
    [
        (["statement"], {"statement": "  "}),
        (["statement"], {"statement": "x" * (MAX_STATEMENT_CHARACTERS + 1)}),
        (["end"], {"start": END, "end": START}),
        (["time_field"], {"time_field": "two words"}),
        (["execution_cost"], {"execution_cost": "ALL"}),
    ],
)
def test_what_would_be_refused_is_said_before(found, given):
    assert problems(**given) == found


def test_the_curl_command_is_what_would_be_sent():
    spec = QuerySpec('source x | search name="O\'Neill"', MATH)
    command = SearchAnywhere.curl(spec, "background", "https://saf.example.com/os/")
    words = shlex.split(command, comments=True)
    assert words[1] == f"https://saf.example.com/os{ROOT}/request"
    assert words[words.index("--user") + 1] == "$SAF_USER:$SAF_API_KEY"
    assert json.loads(words[-1]) == submit_body(spec)
    assert "Authorization: Bearer $SAF_API_KEY" in command
    assert "Authorization: ApiKey $SAF_API_KEY" in command


def test_the_address_field_says_who_has_to_allow_the_host():
    address = CONNECTION_FIELDS[0]
    assert "QUERYDECK_UPSTREAM_HOSTS" in address.help
    assert "administrator" in address.help
    assert SearchAnywhere.known_hosts == frozenset()


def test_the_samples_are_sound():
    for sample in SearchAnywhere.samples:
        spec = QuerySpec(sample.statement, sample.settings, START, END)
        assert sample.mode == "background"
        assert SearchAnywhere.validate(spec, "background") == []
        assert set(sample.settings) <= {field.name for field in SearchAnywhere.query_fields}  # fmt: skip
