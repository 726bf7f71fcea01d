"""Lists to pick from."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest

from queries.providers.base import Choice
from queries.providers.errors import (
    AuthenticationError,
    QueryError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)
from queries.providers.supermetrics import catalog
from tests.providers.supermetrics.samples import BASE, refused
from tests.scripted_server import json_reply


def data(value: object):
    return json_reply({"meta": {"request_id": "x"}, "data": value})


def test_data_sources_are_listed_beside_the_versions(provider, upstream):
    found = [
        {
            "id": "AW",
            "name": "Google Ads",
            "status": "released",
            "categories": ["Paid"],
        },
        {
            "id": "OLD",
            "name": "",
            "marketing_name": "Old one",
            "status": "deprecated",
            "categories": [{"name": "Past"}],
        },
        {"name": "nameless"},
        "odd",
    ]
    upstream.on("/datasource/search", data({"list": found}))
    assert provider.catalog("data_source") == [
        Choice("AW", "Google Ads", "Paid"),
        Choice(
            "OLD",
            "Old one",
            "Past",
            enabled=False,
            note="Supermetrics marks it as deprecated.",
        ),
    ]


def test_logins_are_those_of_the_data_source_and_say_if_they_are_no_use(
    provider, upstream
):
    ours = {"ds_info": {"ds_id": "AW", "name": "Google Ads"}}
    logins = [
        ours | {"login_id": "1", "username": "a@x.com", "display_name": "A"},
        ours | {"username": "b", "revoked_time": "2026-01-01T00:00:00Z"},
        ours | {"username": "c", "expiry_time": "2020-01-01T00:00:00"},
        ours
        | {
            "username": "d",
            "expiry_time": "2020-01-01T00:00:00Z",
            "is_refreshable": True,
        },
        {"username": "e", "ds_info": {"ds_id": "FA"}},
    ]
    upstream.on(f"{BASE}/ds/logins", data(logins))
    found = provider.catalog("login", "AW")
    assert [(c.value, c.enabled) for c in found] == [
        ("a@x.com", True),
        ("b", False),
        ("c", False),
        ("d", True),
    ]
    assert found[0] == Choice("a@x.com", "A", "Google Ads")
    assert found[1].note == "This login was revoked."
    assert len(provider.catalog("login")) == 5


def test_accounts_are_grouped(provider, upstream):
    accounts = [
        {"account_id": "1", "account_name": "One", "group_name": "G"},
        {"account_id": 2, "account_name": "", "group_name": ""},
        {"account_id": "1", "account_name": "Again"},
    ]
    upstream.on(
        f"{BASE}/query/accounts",
        data([{"ds_user": "u", "display_name": "U", "accounts": accounts}]),
    )
    assert provider.catalog("account", "AW") == [
        Choice("1", "One", "G"),
        Choice("2", "2", "U"),
    ]
    query = parse_qs(upstream.requests[0].target.partition("?")[2])
    assert json.loads(query["json"][0]) == {"ds_id": "AW"}


def test_fields_are_dimensions_and_metrics(provider, upstream):
    fields = [
        {
            "@type": "ds_dimension",
            "field_id": "date",
            "field_name": "Date",
            "field_type": "dim",
            "group_name": "TIME",
        },
        {"@type": "ds_metric", "field_id": "clicks", "field_name": "Clicks"},
    ]
    upstream.on(f"{BASE}/query/fields", data(fields))
    assert provider.catalog("field", "AW") == [
        Choice("date", "Date", "Dimensions · Time"),
        Choice("clicks", "Clicks", "Metrics"),
    ]


def test_segments_are_listed(provider, upstream):
    segments = [{"segment_id": "s", "segment_name": "Seg"}, {"id": "t", "name": "Tee"}]
    upstream.on(
        f"{BASE}/query/segments", data([{"display_name": "U", "segments": segments}])
    )
    assert provider.catalog("segment", "GAWA") == [
        Choice("s", "Seg", "U"),
        Choice("t", "Tee", "U"),
    ]


def test_report_types_need_the_team(make_provider, upstream):
    upstream.on(
        f"{BASE}/teams/77/datasource/AW",
        data({"report_types": [{"id": "r", "label": "Report"}]}),
    )
    assert make_provider(team_id="77").catalog("report_type", "AW") == [
        Choice("r", "Report")
    ]
    for team_id in ("", "../../x", "a/b"):
        with pytest.raises(UnsupportedOperationError) as refusal:
            make_provider(team_id=team_id).catalog("report_type", "AW")
        assert "team's id" in refusal.value.remedy
    assert len(upstream.requests) == 1


def test_what_belongs_to_a_data_source_is_empty_without_one(provider, upstream):
    for kind in ("account", "field", "segment", "report_type"):
        assert provider.catalog(kind) == []
    assert upstream.requests == []


@pytest.mark.parametrize("parent", ["../x", "a b", "x" * 51, "é"])
def test_a_data_source_that_cannot_be_one_is_not_asked_for(provider, upstream, parent):
    with pytest.raises(QueryError):
        provider.catalog("account", parent)
    assert upstream.requests == []


def test_a_list_nobody_offers_is_not_asked_for(provider):
    with pytest.raises(UnsupportedOperationError):
        provider.catalog("weather")


def test_a_list_is_bounded(provider, upstream, monkeypatch):
    monkeypatch.setattr(catalog, "MAX_CHOICES", 3)
    upstream.on(f"{BASE}/query/fields", data([{"field_id": f"f{n}"} for n in range(9)]))
    assert len(provider.catalog("field", "AW")) == 3


def test_an_error_in_a_list_is_one(provider, upstream):
    upstream.on("*", json_reply(refused("API_KEY_INVALID")))
    with pytest.raises(AuthenticationError):
        provider.catalog("field", "AW")
    upstream.on("*", json_reply({"meta": {}}))
    with pytest.raises(UnexpectedResponseError):
        provider.catalog("field", "AW")
