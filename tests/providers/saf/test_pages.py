"""Rows in every form a server may give them in, exact to the letter, and what comes beside them."""

from __future__ import annotations

import json

import pytest

from queries.providers.errors import UnexpectedResponseError
from queries.providers.saf.pages import (
    MAX_EXTRA_BYTES,
    Page,
    parse_page,
    parse_timeline,
)

ROWS = [{"n": 0, "a": {"b": None}}, {"n": 1}]
FORMS = {
    **{name: {name: ROWS} for name in ("results", "rows", "events", "data", "fields")},
    "bare list": ROWS,
    "inside response": {"response": {"results": ROWS}},
    "inside result": {"result": {"rows": ROWS}},
    "data inside data": {"data": {"data": ROWS}},
    "hits": {"hits": {"total": {"value": 2, "relation": "eq"}, "hits": [{"_id": "x", "_source": row} for row in ROWS]}},
    "asynchronous search": {"response": {"hits": {"hits": [{"_source": row} for row in ROWS]}}},
}  # fmt: skip


def page(value: object) -> Page:
    return parse_page(json.dumps(value).encode())


def values(found: Page) -> list:
    return [dict(row.values) for row in found.rows()]


@pytest.mark.parametrize("form", FORMS)
def test_rows_are_found_in_every_form(form):
    found = page(FORMS[form])
    assert values(found) == ROWS
    assert [json.loads(row.original) for row in found.rows()] == ROWS


@pytest.mark.parametrize("columns", [{"schema": [{"name": "n", "type": "long"}, {"name": "a", "alias": "b"}]}, {"fields": ["n", "b"]}, {"columns": ["n", "b"]}])  # fmt: skip
@pytest.mark.parametrize("rows", ["datarows", "rows", "results"])
def test_lists_beside_column_names_become_rows(columns, rows):
    found = page(columns | {rows: [[1, "x"], [9007199254740993, None]]})
    assert values(found) == [{"n": 1, "b": "x"}, {"n": 9007199254740993, "b": None}]
    assert next(found.rows()).original == b'{"n":1,"b":"x"}'


def test_names_that_are_missing_or_come_twice_are_made_up():
    found = page({"columns": ["n", "n", ""], "rows": [[1, 2, 3, 4], [5]]})
    assert values(found) == [{"n": 1, "n_2": 2, "column_3": 3, "column_4": 4}, {"n": 5}]


def test_rows_that_are_single_values_get_a_column():
    found = page([7, "x", None])
    assert values(found) == [{"value": 7}, {"value": "x"}, {"value": None}]


def test_a_hit_without_a_source_and_an_event_with_a_field_of_that_name_stay_as_they_are():
    rows = [{"_id": "1", "_source": "syslog"}]
    assert values(page({"results": rows})) == rows


def test_names_of_columns_are_no_rows():
    with pytest.raises(UnexpectedResponseError):
        page({"fields": ["@timestamp", "n"]})
    found = page({"fields": ["@timestamp", "n"], "results": [{"n": 1}]})
    assert values(found) == [{"n": 1}]


def test_the_text_of_a_row_stays_as_it_came():
    row = b'{ "big": 123456789012345678901234567890, "f": 1.10, "\\u00fc": "\\/" }'
    [found] = parse_page(b'{"results":[' + row + b"]}").rows()
    assert found.original == row
    assert found.values["big"] == 123456789012345678901234567890
    assert found.values["ü"] == "/"


def test_damaged_texts_are_mended_not_lost():
    body = b'{"results":[{"a":"\\ud800"},{"b":"\xff"},{"c":1e999}]}'
    found = values(parse_page(body))
    assert found[0] == {"a": "\\ud800"}
    assert found[1] == {"b": "\ufffd"}
    assert found[2] == {"c": "1e999"}


@pytest.mark.parametrize("body", [b"", b"{", b"7", b"null", b'"x"', b"{}", b'{"total":0}', b'{"results":7}', b"[" * 99_999, b'{"a":{"results":[]}}'])  # fmt: skip
def test_what_holds_no_rows_is_no_page(body):
    with pytest.raises(UnexpectedResponseError):
        parse_page(body)


def test_no_rows_are_rows_too():
    assert values(page({"results": []})) == []
    assert values(page([])) == []


@pytest.mark.parametrize(
    ("members", "total"),
    [
        ({"total": 7}, 7),
        ({"total": "7"}, 7),
        ({"totalHits": 7}, 7),
        ({"total": {"value": 7, "relation": "eq"}}, 7),
        ({"total": {"value": 10_000, "relation": "gte"}}, None),
        ({"total": -1}, None),
        ({}, None),
    ],
)
def test_the_total_is_read_if_it_is_one(members, total):
    assert page(members | {"results": []}).total == total


def test_the_total_of_hits_is_inside_them():
    assert page(FORMS["hits"]).total == 2


def test_what_comes_beside_the_rows_is_kept():
    found = page(
        {
            "results": [],
            "sidebar": {"fields": [{"name": "a", "count": 1}]},
            "timeline": {"fields": [{"@timestamp": "2026-03-10T12:00:00Z", "count": 3}]},
            "executionCost": {"level": "INFO", "totalMillis": 5},
            "warnings": ["careful", {"message": "slow"}, 7],
        }
    )  # fmt: skip
    assert found.extras == {
        "sidebar": {"fields": [{"name": "a", "count": 1}]},
        "timeline": [{"at": "2026-03-10T12:00:00Z", "count": 3}],
        "execution_cost": {"level": "INFO", "totalMillis": 5},
    }
    assert [warning.message for warning in found.warnings] == ["careful", "slow"]


def test_what_comes_beside_nested_rows_is_kept_too():
    found = page({"response": {"results": [], "sidebar": {"a": 1}}, "timeline": [1]})
    assert found.extras == {"sidebar": {"a": 1}, "timeline": [1]}


def test_what_is_empty_beside_the_rows_is_left_out():
    found = page({"results": [], "sidebar": {}, "timeline": None, "executionCost": []})
    assert found.extras == {}


def test_a_huge_sidebar_is_left_out_and_said_so():
    found = page({"results": ROWS, "sidebar": "x" * MAX_EXTRA_BYTES})
    assert found.extras == {}
    assert found.warnings[0].code == "sidebar_left_out"
    assert not found.warnings[0].cuts_result
    assert values(found) == ROWS


@pytest.mark.parametrize("value", [7, "x", {"a": 1}, {"fields": 7}, [{"@timestamp": "x"}], [{"count": 1}], [7]])  # fmt: skip
def test_a_timeline_of_another_form_stays_as_it_is(value):
    assert parse_timeline(value) == value


def test_an_error_instead_of_rows_is_kept():
    assert page({"error": {"reason": "x"}}).error == {"reason": "x"}
    assert page({"error": None, "results": []}).error is None
