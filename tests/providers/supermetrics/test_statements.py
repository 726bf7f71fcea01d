"""From a form's settings to the JSON that is sent, and what is refused before."""

from __future__ import annotations

import json

import pytest

from queries.providers.base import QuerySpec
from queries.providers.supermetrics.provider import Supermetrics
from queries.providers.supermetrics.samples import SAMPLES
from tests.providers.supermetrics.samples import SETTINGS


def form(**settings: object) -> QuerySpec:
    kept = {k: v for k, v in (SETTINGS | settings).items() if v is not None}
    return QuerySpec("", kept)


def raw(value: object) -> QuerySpec:
    text = value if isinstance(value, str) else json.dumps(value)
    return QuerySpec(text, {"input": "json"})


def made(**settings: object) -> dict:
    return json.loads(Supermetrics.resolve(form(**settings)).statement)


def problems(spec: QuerySpec, mode: str = "background") -> list[tuple[str, str]]:
    return [(p.field, p.message) for p in Supermetrics.validate(spec, mode)]


def test_a_form_becomes_a_readable_statement():
    statement = Supermetrics.resolve(form()).statement
    assert json.loads(statement) == {
        "ds_id": "AW",
        "ds_accounts": "123-456",
        "date_range_type": "last_7_days",
        "fields": ["Number", "Text"],
    }
    assert "\n  " in statement


def test_every_setting_of_the_form_finds_its_place():
    assert made(
        ds_accounts="1, 2\n3",
        ds_segments="s1",
        ds_user="me@example.com",
        date_range_type="custom",
        start_date="2026-01-01",
        end_date="yesterday",
        compare_type="custom",
        compare_show="value",
        compare_start_date="2025-01-01",
        compare_end_date="2025-02-01",
        fields="Date, Device, Clicks",
        split_by="Device",
        filter="clicks > 1",
        order_rows="clicks desc",
        order_columns="Device asc",
        max_rows=10,
        max_columns=5,
        cache_minutes=0,
        report_type="Ads",
        settings='{"timezone": "Europe/Helsinki"}',
    ) == {
        "ds_id": "AW",
        "ds_accounts": ["1", "2", "3"],
        "ds_segments": ["s1"],
        "ds_user": "me@example.com",
        "date_range_type": "custom",
        "start_date": "2026-01-01",
        "end_date": "yesterday",
        "compare_type": "custom",
        "compare_show": "value",
        "compare_start_date": "2025-01-01",
        "compare_end_date": "2025-02-01",
        "fields": ["Date", {"id": "Device", "split": "column"}, "Clicks"],
        "filter": "clicks > 1",
        "order_rows": "clicks desc",
        "order_columns": "Device asc",
        "max_rows": 10,
        "max_columns": 5,
        "cache_minutes": 0,
        "settings": {"report_type": "Ads", "timezone": "Europe/Helsinki"},
    }


def test_accounts_can_be_chosen_by_a_pattern():
    assert made(ds_accounts='{"filter_name": "/eu/i"}')["ds_accounts"] == {
        "filter_name": "/eu/i"
    }


def test_a_field_that_is_split_need_not_be_named_twice():
    assert made(fields="Clicks", split_by="Device")["fields"] == [
        "Clicks",
        {"id": "Device", "split": "column"},
    ]


@pytest.mark.parametrize(
    ("chosen", "sent"),
    [
        ("last_x_weeks_mon_sun_inc", "last_7_weeks_mon_sun_inc"),
        ("today", "today"),
        ("none", None),
    ],
)
def test_a_range_is_sent_by_its_documented_name(chosen, sent):
    assert made(date_range_type=chosen).get("date_range_type") == sent


def test_dates_that_are_not_compared_are_not_sent():
    assert "compare_type" not in made(compare_type="none", compare_show="value")


def test_an_empty_form_means_the_last_thirty_days():
    spec = QuerySpec("", {"ds_id": "AW", "fields": "Clicks"})
    assert (
        json.loads(Supermetrics.resolve(spec).statement)["date_range_type"]
        == "last_30_days"
    )


def test_json_written_by_hand_stays_as_it_was_written():
    spec = raw('{ "ds_id" :  "AW" }')
    assert Supermetrics.resolve(spec) == spec
    assert problems(spec) == []


def test_settings_nobody_can_read_make_no_statement_and_are_a_problem():
    spec = form(settings="{")
    assert Supermetrics.resolve(spec).statement == ""
    ((field, message),) = problems(spec)
    assert field == "settings"
    assert message.startswith("This is not JSON: ")
    assert message.endswith("in line 1 at character 2.")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"ds_id": None}, "ds_id"),
        ({"ds_id": "A W"}, "ds_id"),
        ({"fields": None}, "fields"),
        ({"fields": ",".join(f"f{n}" for n in range(101))}, "fields"),
        ({"ds_accounts": ",".join(map(str, range(101)))}, "ds_accounts"),
        ({"ds_accounts": "{"}, "ds_accounts"),
        ({"settings": "[1]"}, "settings"),
        ({"max_rows": 0}, "max_rows"),
        ({"max_rows": 1_000_001}, "max_rows"),
        ({"max_columns": 1_001}, "max_columns"),
        ({"cache_minutes": 10_081}, "cache_minutes"),
        ({"date_range_count": 0}, "date_range_count"),
        ({"date_range_type": "custom"}, "start_date"),
        ({"date_range_type": "custom", "start_date": "2026-01-01"}, "end_date"),
        ({"start_date": "2026-01-01"}, "start_date"),
        ({"compare_end_date": "2026-01-01"}, "compare_end_date"),
        ({"compare_type": "custom"}, "compare_start_date"),
        ({"filter": "x" * 5_001}, "filter"),
        ({"settings": '{"api_key": "x"}'}, "settings"),
    ],
)
def test_what_is_beyond_the_published_limits_is_a_problem_of_its_field(wrong, field):
    assert field in [name for name, _ in problems(form(**wrong))]


def test_dates_the_wrong_way_round_are_a_problem():
    found = problems(
        form(date_range_type="custom", start_date="2026-02-01", end_date="2026-01-01")
    )
    assert found == [("end_date", "The end must not be before the start.")]


@pytest.mark.parametrize("wait", [0, 121, True, "20"])
def test_the_wait_of_a_direct_query_has_bounds_and_others_have_none(wait):
    assert problems(form(sync_timeout=wait), "direct")[0][0] == "sync_timeout"
    assert problems(form(sync_timeout=wait), "background") == []


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("", "Write a query"),
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"ds_id": "\\ud800"}', "not JSON"),
        ("[" * 50_000, "not JSON"),
        ("x" * 100_001, "longer than"),
        ({"ds_id": 7}, "ds_id: "),
        ({"ds_id": "AW", "max_rows": "many"}, "max_rows: Give a number"),
        ({"ds_id": "AW", "settings": "x"}, "settings: "),
        ({"ds_id": "AW", "filter": 7}, "filter: "),
        ({"ds_id": "AW", "schedule_id": "x"}, "Leave schedule_id out"),
        ({"ds_id": "AW", "sync_timeout": 0}, "Leave sync_timeout out"),
        ({"ds_id": "AW", "offset_start": 0}, "Leave offset_start out"),
        ({"ds_id": "AW", "api_key": "api_x"}, "Leave api_key out"),
        ({"ds_id": "AW", "fields": [{"api_key": "api_x"}]}, "Leave api_key out"),
    ],
)
def test_json_is_checked_before_it_is_sent(statement, says):
    ((field, message),) = problems(raw(statement))
    assert field == "statement"
    assert says in message
    assert "api_x" not in message


def test_lists_in_json_may_be_texts_lists_or_a_filter():
    for accounts in ("1,2", ["1", "2"], {"filter_id": "/x/"}):
        assert problems(raw({"ds_id": "AW", "ds_accounts": accounts})) == []


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.title)
def test_the_samples_are_without_problems(sample):
    spec = Supermetrics.resolve(QuerySpec(sample.statement, sample.settings))
    assert problems(spec, sample.mode) == []
    assert json.loads(spec.statement)["ds_id"]
