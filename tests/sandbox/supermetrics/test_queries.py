"""Queries are really executed: grouped, chosen, ordered, cut and turned."""

from __future__ import annotations

from collections import Counter

import pytest

WEEK = {"ds_id": "AW", "start_date": "2026-03-02", "end_date": "2026-03-08"}


def test_metrics_are_summed_over_the_dimensions_asked_for(api):
    by_day = api.rows(**WEEK, fields="Date,Clicks,Cost")
    by_country = api.rows(**WEEK, fields="Country,Clicks,Cost")
    (whole,) = api.rows(**WEEK, fields="Clicks,Cost")
    assert [row[0] for row in by_day] == [f"2026-03-0{day}" for day in range(2, 9)]
    assert (
        sum(row[1] for row in by_day) == sum(row[1] for row in by_country) == whole[0]
    )
    assert round(sum(row[2] for row in by_day), 2) == whole[1]


def test_any_day_is_the_same_whenever_it_is_asked_about(api):
    one = api.rows(
        ds_id="AW", start_date="2026-03-05", end_date="2026-03-05", fields="Date,Clicks"
    )
    week = api.rows(**WEEK, fields="Date,Clicks")
    assert one[0] in week


def test_sources_differ(api):
    ads = api.rows(**WEEK, fields="clicks")
    social = api.rows(**{**WEEK, "ds_id": "FA"}, fields="clicks")
    assert ads != social


def test_dimensions_alone_come_once_each(api):
    assert api.rows(**WEEK, fields="Device") == [["Desktop"], ["Mobile"], ["Tablet"]]


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("country == Finland", {"Finland"}),
        ("country != 'United States' AND country =@ united", {"United Kingdom"}),
        ("country =@ LAND", {"Finland"}),
        ("country !@ a", {"United Kingdom", "Sweden"} - {"United Kingdom"} | {"United Kingdom"}),
        ("country =~ /^s/i", {"Sweden"}),
        ("country !~ /[a-z]e/", {"Finland", "United Kingdom", "Canada"} - {"United Kingdom"}),
        ("country == Finland OR country == Sweden AND device == Mobile", {"Finland", "Sweden"}),
        ("clicks > 100000000", set()),
    ],
)  # fmt: skip
def test_conditions_choose(api, condition, kept):
    found = {
        row[0] for row in api.rows(**WEEK, fields="country,clicks", filter=condition)
    }
    names = {row[0] for row in api.rows(**WEEK, fields="country,clicks")}
    assert found <= names
    if "!" not in condition:
        assert found == kept


def test_and_binds_closer_than_or(api):
    both = api.rows(
        **WEEK,
        fields="country,device,clicks",
        filter="country == Finland OR country == Sweden AND device == Mobile",
    )
    assert Counter(row[0] for row in both) == {"Finland": 3, "Sweden": 1}


def test_conditions_on_metrics_choose_groups(api):
    rows = api.rows(**WEEK, fields="country,clicks")
    middle = sorted(row[1] for row in rows)[3]
    kept = api.rows(**WEEK, fields="country,clicks", filter=f"clicks >= {middle}")
    assert kept == [row for row in rows if row[1] >= middle]


def test_values_are_never_part_of_the_statement(api):
    rows = api.rows(**WEEK, fields="country,clicks", filter="country == x' OR '1'='1")
    assert rows == []


def test_rows_are_ordered_and_cut(api):
    rows = api.rows(
        **WEEK, fields="Campaignname,Cost", order_rows="Cost desc", max_rows=3
    )
    costs = [row[1] for row in rows]
    assert costs == sorted(costs, reverse=True)
    assert len(rows) == 3


def test_a_dimension_can_become_columns(api):
    fields = ["Date", {"id": "Device", "split": "column"}, "Clicks"]
    answer = api.run_query(**WEEK, fields=fields).json()
    assert answer["data"][0] == ["Date", "Desktop", "Mobile", "Tablet"]
    flat = {
        (row[0], row[1]): row[2]
        for row in api.rows(**WEEK, fields="Date,Device,Clicks")
    }
    for row in answer["data"][1:]:
        assert row[1:] == [flat[row[0], device] for device in answer["data"][0][1:]]
    split = {
        f["field_id"]: (f["field_split"], f["data_column"])
        for f in answer["meta"]["query"]["fields"]
    }
    assert split == {
        "Date": ("row", 0),
        "Device": ("column", None),
        "clicks": ("row", None),
    }


def test_columns_are_ordered_and_cut(api):
    fields = ["Date", {"id": "Device", "split": "column"}, "Clicks", "Cost"]
    answer = api.run_query(
        **WEEK, fields=fields, order_columns="Device desc", max_columns=2
    ).json()
    assert answer["data"][0] == [
        "Date",
        "Tablet Clicks",
        "Tablet Cost",
        "Mobile Clicks",
        "Mobile Cost",
    ]
    by_clicks = api.run_query(
        **WEEK, fields=fields[:3], order_columns="clicks desc"
    ).json()
    assert by_clicks["data"][0] == ["Date", "Mobile", "Desktop", "Tablet"]


def test_accounts_share_the_markets(api):
    def clicks(accounts):
        return api.rows(**WEEK, ds_accounts=accounts, fields="clicks")[0][0]

    europe, america = clicks("111-222-3333"), clicks("444-555-6666")
    assert (
        europe + america
        == clicks("list.all_accounts")
        == clicks(["111-222-3333", "444-555-6666"])
    )
    assert clicks({"filter_name": "/us$/i"}) == america
    assert clicks({"filter_id": "/^111/"}) == europe
    assert api.rows(**WEEK, ds_accounts="444-555-6666", fields="profile") == [
        ["Harbour Coffee US"]
    ]


def test_a_segment_chooses_rows(api):
    week = {**WEEK, "ds_id": "GAWA"}
    assert api.rows(**week, ds_segments="mobile", fields="deviceCategory") == [
        ["Mobile"]
    ]


def test_numbers_are_easy_to_count_on(api):
    rows = api.rows(ds_id="NUM", ds_accounts="1000", fields="n,big,text,residue")
    assert [row[0] for row in rows] == list(range(1_000))
    assert rows[7] == [7, 9_007_199_254_741_000, "row 0000007", 7]
    by_residue = api.rows(ds_id="NUM", ds_accounts="1000", fields="residue,count,total")
    assert [row[1] for row in by_residue] == [100] * 10
    assert sum(row[2] for row in by_residue) == 499_500


def test_what_is_told_beside_the_rows(api):
    meta = api.run_query(**WEEK, fields="Date,Clicks").json()["meta"]
    assert meta["status_code"] == "SUCCESS"
    assert (meta["query"]["start_date"], meta["query"]["end_date"]) == (
        "2026-03-02",
        "2026-03-08",
    )
    assert meta["query"]["fields"][1] == {
        "id": "clicks", "field_id": "clicks", "field_name": "Clicks", "field_type": "met", "field_split": "row",
        "data_type": "int.number.value", "data_column": 1, "visible": True,
    }  # fmt: skip
    assert meta["result"]["total_rows"] == 7
    assert meta["result"]["total_columns"] == 2
    assert "paginate" not in meta  # given only when the request was a GET


def test_a_header_row_can_be_left_out(api):
    query = {**WEEK, "fields": "Date,Clicks"}
    assert api.run_query(**query).json()["data"][0] == ["Date", "Clicks"]
    without = api.run_query(**query, settings={"no_headers": True}).json()
    assert without["data"] == api.rows(**query)
    assert without["meta"]["query"]["settings"] == {"no_headers": True}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"ds_id": None}, 400, "BAD_REQUEST"),
        ({"ds_id": "XX"}, 403, "LICENSE_ACCESS_DATA_SOURCE"),
        ({"fields": "nope"}, 400, "FIELD_ID_INVALID"),
        ({"fields": ""}, 400, "BAD_REQUEST"),
        ({"fields": ["x"] * 101}, 400, "BAD_REQUEST"),
        ({"fields": [{"id": "clicks", "split": "column"}]}, 400, "BAD_REQUEST"),
        ({"fields": [{"id": "Device", "split": "column"}]}, 400, "BAD_REQUEST"),
        ({"ds_accounts": "1-2-3"}, 400, "ACCOUNT_ID_INVALID"),
        ({"ds_accounts": {"filter_x": "/a/"}}, 400, "ACCOUNT_FILTER_INVALID"),
        ({"ds_accounts": {"filter_id": "/zzz/"}}, 400, "ACCOUNT_FILTER_INVALID"),
        ({"ds_accounts": {"filter_id": "/(/"}}, 400, "ACCOUNT_FILTER_PATTERN_INVALID"),
        ({"ds_user": "else@example.com"}, 403, "QUERY_AUTH_UNAVAILABLE"),
        ({"ds_segments": "x"}, 400, "SEGMENT_ID_INVALID"),
        ({"compare_type": "prev_range"}, 422, "UNPROCESSABLE_CONTENT"),
        ({"order_rows": "nope"}, 400, "BAD_REQUEST"),
        ({"order_rows": "Country"}, 400, "BAD_REQUEST"),
        ({"order_columns": "Country"}, 400, "BAD_REQUEST"),
        ({"filter": "clicks"}, 400, "BAD_REQUEST"),
        ({"filter": "nope == 1"}, 400, "BAD_REQUEST"),
        ({"filter": "clicks > many"}, 400, "BAD_REQUEST"),
        ({"filter": "clicks =@ 1"}, 400, "BAD_REQUEST"),
        ({"filter": "country =~ /(/"}, 400, "BAD_REQUEST"),
        ({"filter": "clicks > 1 OR country == Finland"}, 400, "BAD_REQUEST"),
        ({"filter": "x" * 5_001}, 400, "BAD_REQUEST"),
        ({"max_rows": 0}, 400, "BAD_REQUEST"),
        ({"max_rows": 1_000_001}, 400, "BAD_REQUEST"),
        ({"cache_minutes": True}, 400, "BAD_REQUEST"),
        ({"settings": "x"}, 400, "BAD_REQUEST"),
        ({"start_date": "someday"}, 400, "BAD_REQUEST"),
        ({"end_date": None}, 400, "BAD_REQUEST"),
        ({"end_date": "2026-01-01"}, 400, "BAD_REQUEST"),
        ({"schedule_id": "not good"}, 400, "BAD_REQUEST"),
        ({"offset_start": 5, "offset_end": 2}, 400, "BAD_REQUEST"),
    ],
)
def test_what_is_wrong_with_a_query_is_refused(api, query, status, code):
    answer = api.run_query(**{**WEEK, "fields": "Date,clicks", **query})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"]
    assert answer.json()["meta"]["request_id"]


def test_days_beyond_two_years_have_no_rows(api):
    assert (
        api.rows(
            ds_id="AW",
            start_date="2020-01-01",
            end_date="2020-12-31",
            fields="Date,clicks",
        )
        == []
    )
    assert (
        len(
            api.rows(
                ds_id="AW", date_range_type="last_5_years_inc", fields="Date,clicks"
            )
        )
        == 731
    )
