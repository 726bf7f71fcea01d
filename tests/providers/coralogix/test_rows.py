"""Rows: every oddity of pairs and user data, and the original beside it."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.providers.coralogix.rows import parse_row
from queries.providers.errors import UnexpectedResponseError
from tests.providers.coralogix.samples import wire_row

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=15,
)


def row(value: object):
    return parse_row(json.dumps(value).encode())


def test_a_log_has_metadata_labels_and_data():
    values = row(
        wire_row(
            {"a": {"b": [1, None]}},
            severity="5",
            timestamp="2026-11-22T10:00:00.461000000",
        )
    ).values
    assert values == {
        "$m": {"severity": "Error", "timestamp": "2026-11-22T10:00:00.461000000"},
        "$l": {"applicationname": "shop", "subsystemname": "cart"},
        "$d": {"a": {"b": [1, None]}},
    }


def test_an_aggregate_has_data_only():
    assert row({"metadata": [], "labels": [], "userData": '{"_count":3}'}).values == {
        "$d": {"_count": 3},
    }


def test_the_original_is_kept_byte_for_byte():
    original = b'{ "metadata":[],"labels" :[],"userData":"{\\"a\\":1.0,\\"a\\":2}", "extra": 1e2 }'
    assert parse_row(original).original == original


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("1", "Debug"),
        ("2", "Verbose"),
        ("3", "Info"),
        pytest.param("4", "Warning", id="four"),
        ("5", "Error"),
        ("6", "Critical"),
        ("INFO", "Info"),
        ("Info", "Info"),
        ("critical", "Critical"),
        (4, "Warning"),
        ("7", "7"),
        ("Fatal", "Fatal"),
        ("", ""),
        (None, None),
    ],
)
def test_severity_is_a_word_whatever_the_tier_sends(sent, shown):
    found = row(
        {
            "metadata": [{"key": "severity", "value": sent}],
            "labels": [],
            "userData": "{}",
        }
    )
    assert found.values["$m"] == {"severity": shown}
    assert json.loads(found.original)["metadata"][0]["value"] == sent


@pytest.mark.parametrize(
    ("user_data", "value"),
    [
        ("plain text of a log", "plain text of a log"),
        ("", ""),
        ("  ", "  "),
        ("{broken", "{broken"),
        ('"a string"', "a string"),
        ("42", 42),
        ("-1.5", -1.5),
        ("true", True),
        ("null", None),
        ("[1,2]", [1, 2]),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ('{"a":NaN}', '{"a":NaN}'),
        ("{}", {}),
        ('{"a":1,"a":2}', {"a": 2}),
        ('{"text":"x"} trailing', '{"text":"x"} trailing'),
        ("1750293887461000000", 1750293887461000000),
        ("9007199254740993", 9007199254740993),
        ('{"n":18446744073709551616}', {"n": 18446744073709551616}),
        (
            '{"n":-123456789012345678901234567890}',
            {"n": -123456789012345678901234567890},
        ),
        ('{"n":1e999}', {"n": "1e999"}),
        ('{"s":"\\ud800 lone"}', {"s": "\\ud800 lone"}),
        ('{"s":"\\ud83d\\ude00"}', {"s": "😀"}),
        ("[" * 50_000, "[" * 50_000),
    ],
)
def test_user_data_is_its_json_value_or_the_text_itself(user_data, value):
    found = row(wire_row(user_data)).values["$d"]
    assert found == value
    assert type(found) is type(value)


@given(JSON_VALUES)
def test_any_json_value_in_user_data_comes_through_exactly(value):
    found = row(wire_row(json.dumps(value, ensure_ascii=False))).values["$d"]
    assert found == value
    msgspec.json.encode(found)


def test_a_pair_without_a_value_is_null():
    assert row({"metadata": [{"key": "threadid"}], "labels": []}).values == {
        "$m": {"threadid": None},
        "$d": {},
    }


def test_a_key_that_comes_twice_keeps_both_values():
    pairs = [("a", "1"), ("a", "2"), ("a", "2"), ("a", "3"), ("b", "1")]
    found = row(
        {
            "metadata": [{"key": k, "value": v} for k, v in pairs],
            "labels": [],
            "userData": "{}",
        }
    )
    assert found.values["$m"] == {"a": "1", "a_2": "2", "a_3": "3", "b": "1"}


@pytest.mark.parametrize(
    ("sent", "values"),
    [
        ({}, {"$d": {}}),
        (
            {"metadata": None, "labels": None, "userData": None},
            {"$d": None},
        ),
        (
            {"metadata": {"a": "1"}, "labels": []},
            {"$m": {"a": "1"}, "$d": {}},
        ),
        (
            {"metadata": [7, {"value": "x"}], "labels": "x"},
            {"$m": {"": "x"}, "$d": {}},
        ),
        (
            {"userData": {"already": "decoded"}},
            {"$d": {"already": "decoded"}},
        ),
        ({"metadata": [{"key": 1, "value": 2}]}, {"$m": {"1": 2}, "$d": {}}),
    ],
)
def test_a_row_of_undocumented_form_is_read_as_far_as_possible(sent, values):
    assert row(sent).values == values


@pytest.mark.parametrize("sent", [b"[]", b"7", b'"text"', b"null"])
def test_a_row_that_is_no_object_is_an_error(sent):
    with pytest.raises(UnexpectedResponseError):
        parse_row(sent)


def test_bytes_that_are_no_utf8_are_replaced_and_the_row_stays():
    found = parse_row(
        b'{"metadata":[],"labels":[],"userData":"{\\"a\\":\\"caf\xe9\\"}"}'
    )
    assert found.values["$d"] == {"a": "caf�"}
    assert (
        found.original.decode()
        == '{"metadata":[],"labels":[],"userData":"{\\"a\\":\\"caf�\\"}"}'
    )


def test_a_lone_surrogate_in_the_row_itself_does_no_harm():
    found = parse_row(
        b'{"metadata":[{"key":"a","value":"\\ud800"}],"labels":[],"userData":"{}"}'
    )
    assert found.values["$m"] == {"a": "\\ud800"}


def test_endless_nesting_beside_the_row_is_an_error_not_a_crash():
    with pytest.raises(UnexpectedResponseError):
        parse_row(b'{"metadata":[],"deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
