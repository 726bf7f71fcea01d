"""What goes over the wire: addresses, bodies, ids, and the same as a curl command."""

from __future__ import annotations

import json
import shlex

import pytest

from queries.providers.base import QuerySpec
from queries.providers.errors import AddressRefusedError
from queries.providers.registry import validated_origin
from queries.providers.supermetrics.fields import DEFAULT_BASE_URL
from queries.providers.supermetrics.provider import Supermetrics
from queries.providers.supermetrics.requests import schedule_id_from
from tests.providers.keys import CANARY
from tests.providers.supermetrics.samples import DATA, SETTINGS, SPEC, result, status
from tests.scripted_server import json_reply


def raw(**query: object) -> QuerySpec:
    return QuerySpec(json.dumps({"ds_id": "AW", **query}), {"input": "json"})


def sent(provider, upstream, spec) -> dict:
    upstream.on(DATA, json_reply(status("QUEUED"), 202))
    provider.submit(spec, "key-1")
    return upstream.requests[-1].json()


@pytest.mark.parametrize(
    "options", [{}, {"base_url": ""}, {"base_url": DEFAULT_BASE_URL + "/"}]
)
def test_without_an_address_it_is_the_documented_one(options):
    assert Supermetrics.endpoint(options) == DEFAULT_BASE_URL
    assert (
        validated_origin("supermetrics", options, ()) == "https://api.supermetrics.com"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/enterprise/v2",
        "https://api.supermetrics.com.evil.example/v2",
        "https://api.supermetrics.com/v2?api_key=x",
        "https://me:secret@api.supermetrics.com/v2",
        "http://api.supermetrics.com/v2",
        "https://api.supermetrics.com/../v2",
    ],
)
def test_an_address_that_is_not_supermetrics_own_is_refused(url):
    with pytest.raises(AddressRefusedError):
        validated_origin("supermetrics", {"base_url": url}, ())


def test_a_submit_has_our_id_and_does_not_wait(provider, upstream):
    body = sent(provider, upstream, SPEC)
    assert body == {
        "ds_id": "AW",
        "ds_accounts": "123-456",
        "date_range_type": "last_7_days",
        "fields": ["Number", "Text"],
        "settings": {"no_headers": True},
        "schedule_id": "key-1",
        "sync_timeout": 0,
        "offset_start": 0,
        "offset_end": 0,
    }


def test_a_direct_query_waits_as_long_as_was_chosen(provider, upstream):
    upstream.on(DATA, json_reply(result([[1, "x"]], total=1)))
    with provider.run(QuerySpec("", SETTINGS | {"sync_timeout": 7})) as stream:
        assert len(list(stream)) == 1
    body = upstream.requests[0].json()
    assert (body["sync_timeout"], body["offset_start"], body["offset_end"]) == (
        7,
        0,
        4_999,
    )
    assert body["schedule_id"].startswith("qd-")


@pytest.mark.parametrize(
    ("query", "sent_settings"),
    [
        ({"fields": "a, b"}, {"no_headers": True}),
        ({"fields": ["a", "b"], "settings": {"x": 1}}, {"no_headers": True, "x": 1}),
        ({"fields": "a", "settings": {"no_headers": False}}, {"no_headers": False}),
        ({"fields": ["a", {"id": "b", "split": "column"}]}, None),
        ({"fields": [{"id": "b"}], "settings": {"x": 1}}, {"x": 1}),
        ({}, None),
    ],
)
def test_the_header_row_is_left_out_only_where_columns_have_names_without_it(
    provider, upstream, query, sent_settings
):
    assert sent(provider, upstream, raw(**query)).get("settings") == sent_settings


@pytest.mark.parametrize("key", ["a" * 51, "with space", "", "ключ"])
def test_a_key_that_can_be_no_id_is_made_one(key):
    made = schedule_id_from(key)
    assert made == schedule_id_from(key)
    assert len(made) <= 50
    assert schedule_id_from(made) == made


def test_a_runs_own_id_is_the_schedule_id():
    key = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
    assert schedule_id_from(key) == key


def test_the_key_travels_in_the_header_and_nowhere_else(provider, upstream):
    upstream.on("*", json_reply(status("RUNNING")))
    provider.submit(SPEC, "key-1")
    provider.status("key-1")
    for request in upstream.requests:
        assert request.headers["authorization"] == f"Bearer {CANARY}"
        assert CANARY not in request.target
        assert CANARY.encode() not in request.body


@pytest.mark.parametrize(("mode", "wait"), [("direct", 20), ("background", 0)])
def test_the_curl_command_sends_the_same_query(mode, wait):
    command = Supermetrics.curl(SPEC, mode, "https://api.example.com/enterprise/v2/")
    words = shlex.split(command)
    assert words[1] == "https://api.example.com/enterprise/v2/query/data/json"
    assert "Authorization: Bearer $SUPERMETRICS_API_KEY" in words
    body = json.loads(words[-1])
    assert body["sync_timeout"] == wait
    assert body["fields"] == ["Number", "Text"]


def test_a_statement_that_is_no_json_is_shown_in_curl_as_it_is():
    command = Supermetrics.curl(
        QuerySpec("{oops", {"input": "json"}), "direct", "https://x"
    )
    assert shlex.split(command)[-1] == "{oops"
