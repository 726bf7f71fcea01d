"""Addresses, forms of requests, keys, forms of refusals, lists."""

from __future__ import annotations

import json

import pytest

from sandbox.config import DEMO_KEY, LIMITED_KEY
from sandbox.supermetrics.options import SupermetricsOptions
from sandbox.supermetrics.sources import SOURCES
from tests.sandbox.supermetrics.conftest import BASE, open_sandbox

QUERY = {"ds_id": "NUM", "ds_accounts": "10", "fields": "n,word", "max_rows": 3}


@pytest.mark.parametrize("prefix", ["/enterprise/v2", "/v2", ""])
def test_three_prefixes_are_in_use(api, prefix):
    answer = api.http.post(f"{prefix}/query/data/json", json=QUERY, headers=api.headers)
    assert len(answer.json()["data"]) == 4


def test_a_query_can_be_asked_in_four_ways(api):
    url, headers = f"{BASE}/query/data/json", api.headers
    plain = QUERY | {"settings": json.dumps({"no_headers": True})}
    answers = [
        api.http.post(
            url, json=QUERY | {"settings": {"no_headers": True}}, headers=headers
        ),
        api.http.post(url, data=plain, headers=headers),
        api.http.get(
            url,
            params={"json": json.dumps(QUERY | {"settings": {"no_headers": True}})},
            headers=headers,
        ),
        api.http.get(url, params={**plain, "fields": ["n", "word"]}, headers=headers),
        api.http.post(
            url,
            data={"json": json.dumps(QUERY | {"settings": {"no_headers": True}})},
            headers=headers,
        ),
    ]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({json.dumps(answer.json()["data"]) for answer in answers}) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 5_000])
def test_parameters_nobody_can_read_are_refused(api, body):
    answer = api.http.post(f"{BASE}/query/data/json", content=body, headers=api.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "API_KEY_REQUIRED"), ({"Authorization": "Bearer wrong"}, "API_KEY_INVALID")],
)
def test_a_stranger_is_refused(api, headers, code):
    answer = api.http.post(f"{BASE}/query/data/json", json=QUERY, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_errors_can_be_problem_details():
    with open_sandbox(supermetrics=SupermetricsOptions(problem_details=True)) as desk:
        answer = desk.run_query(ds_id="NUM")
        assert answer.status_code == 400
        assert answer.json()["title"] == "Bad Request"
        assert answer.json()["type"].endswith("/bad-request")
        assert "error" not in answer.json()
        assert desk.status("nobody").json() == {"error": "STATUS_NOT_FOUND"}
        assert (
            desk.run_query(ds_id="XX").json()["error"]["code"]
            == "LICENSE_ACCESS_DATA_SOURCE"
        )


def test_the_schedule_id_is_required(api):
    assert api.get("/query/status", offset_start=0).status_code == 400


def test_other_formats_are_refused_honestly(api):
    answer = api.http.get(f"{BASE}/query/data/csv", headers=api.headers)
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        422,
        "The sandbox answers queries in JSON only",
    )


def test_data_sources_are_listed_for_everybody(api):
    found = api.http.get("/datasource/search").json()["data"]["list"]
    assert {item["id"] for item in found} == set(SOURCES)
    one = api.http.get("/datasource/search", params={"filter[keyword]": "face"}).json()[
        "data"
    ]["list"]
    assert [item["id"] for item in one] == ["FA"]


@pytest.mark.parametrize("source", SOURCES)
def test_lists_name_what_queries_understand(api, source):
    fields = api.get("/query/fields", ds_id=source).json()["data"]
    accounts = api.get("/query/accounts", ds_id=source).json()["data"][0]["accounts"]
    names = [item["field_id"] for item in fields][:9]
    answer = api.run_query(
        ds_id=source,
        ds_accounts=accounts[0]["account_id"],
        fields=names,
        date_range_type="yesterday",
    )
    assert answer.status_code == 200
    assert answer.json()["data"][0] == [item["field_name"] for item in fields][:9]
    assert len(answer.json()["data"]) > 1


def test_segments_and_logins_are_listed(api):
    segments = api.get("/query/segments", ds_id="GAWA").json()["data"][0]["segments"]
    assert segments[0] == {"segment_id": "mobile", "segment_name": "Mobile traffic"}
    logins = api.get("/ds/logins").json()["data"]
    assert api.get(f"/ds/login/{logins[0]['login_id']}").json()["data"] == logins[0]
    accounts = api.http.get(
        f"{BASE}/ds/login/{logins[0]['login_id']}/accounts",
        params={"offset": 1, "limit": 5},
        headers=api.headers,
    )
    assert [a["account_name"] for a in accounts.json()["data"]] == ["Harbour Coffee US"]
    assert api.get("/ds/login/nobody").status_code == 404


def test_a_data_source_is_described_for_its_team(api):
    about = api.get("/teams/1/datasource/AW").json()["data"]
    assert about["has_report_type_selection"] is True
    assert [report["id"] for report in about["report_types"]] == [
        "AdPerformance",
        "SearchTerms",
    ]
    assert api.get("/teams/2/datasource/AW").status_code == 404
    assert api.get("/teams/1/datasource/XX").status_code == 404


def test_a_key_may_be_allowed_to_query_only(api):
    limited = api.with_key(LIMITED_KEY)
    assert limited.run_query(**QUERY).status_code == 200
    for path in ("/ds/logins", "/query/accounts", "/query/segments"):
        answer = limited.get(path, ds_id="AW")
        assert (answer.status_code, answer.json()["error"]["code"]) == (
            403,
            "ACCESS_DENIED_PERMISSIONS",
        )


def test_accounts_of_a_login_that_is_not_ones_own_are_refused(api):
    answer = api.get("/query/accounts", ds_id="AW", ds_users="else@example.com")
    assert answer.json()["error"]["code"] == "QUERY_AUTH_UNAVAILABLE"
    assert api.get("/query/accounts", ds_id="XX").status_code == 400
    assert (
        api.get(
            "/query/accounts", ds_id="AW", ds_users="DEMO@sandbox.example"
        ).status_code
        == 200
    )


def test_a_key_is_in_no_journal(api):
    api.run_query(**QUERY)
    entry = api.sandbox.requests[-1]
    assert DEMO_KEY not in repr(entry)
    assert entry.operation == "supermetrics-data"
