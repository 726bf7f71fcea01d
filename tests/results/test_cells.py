"""Every value keeps its type and its exact value, whatever else its column holds."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from queries.results.cells import TOO_DEEP
from tests.results.samples import write_cell, write_column

MIXED = [1, 1.5, "text", True, None, [1, "a"], {}, 2**60, 2**64, -(2**70), "", False]


def test_values_of_many_types_in_one_column_all_survive(directory):
    written = write_column(directory, MIXED)
    shown = [*MIXED[:5], '[1,"a"]', "{}", *MIXED[7:]]
    assert written.column("x") == shown
    assert list(map(type, written.column("x"))) == list(map(type, shown))
    assert written.kinds == {"x": "text"}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", None], "text"),
        ([1, 2**63 - 1, -(2**63)], "integer"),
        ([1, 2.5], "number"),
        ([2**53, 2.5], "number"),
        ([2**53 + 1, 2.5], "text"),
        ([2**63], "text"),
        ([True, False], "boolean"),
        ([True, 1], "text"),
        ([[1], {}], "json"),
        ([[1], "a"], "text"),
        ([None, None], "null"),
    ],
)
def test_a_column_has_the_kind_of_all_its_values(directory, values, kind):
    written = write_column(directory, values)
    assert written.kinds == {"x": kind}
    assert written.column("x") == [
        str(v).replace(" ", "") if isinstance(v, (list, dict)) else v for v in values
    ]


def test_a_type_that_appears_late_changes_nothing_before(directory):
    values = [*range(20), "late", *range(20)]
    written = write_column(directory, values)
    assert len(written.parts) > 3
    assert written.column("x") == values


def test_numbers_that_are_not_numbers_are_kept(directory):
    nan, high, low = write_column(directory, [math.nan, math.inf, -math.inf]).column(
        "x"
    )
    assert math.isnan(nan)
    assert (high, low) == (math.inf, -math.inf)


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "💡", "e\u0301", "%_'\"\\"])
def test_texts_are_kept_to_the_letter(directory, text):
    assert write_cell(directory, text) == text


def test_lone_surrogates_are_shown_as_escapes(directory):
    written = write_column(directory, ["a\ud83d", "b", ["\ud83d"]])
    assert written.column("x") == ["a\\ud83d", "b", '["\\ud83d"]']


def test_lists_too_deep_for_any_encoder_say_so(directory):
    value = []
    for _ in range(100_000):
        value = [value]
    assert write_cell(directory, value) == TOO_DEEP


def test_integers_as_long_as_python_writes_them_are_kept(directory):
    assert write_cell(directory, 10**4_299) == 10**4_299


def test_longer_integers_are_kept_as_hexadecimal_text(directory):
    assert int(write_cell(directory, 1 << 20_000), 16) == 1 << 20_000


@pytest.mark.parametrize(
    ("value", "text"),
    [(Decimal("1.10"), "1.10"), ([1j], '["1j"]'), ([1 << 20_000], TOO_DEEP)],
)
def test_values_that_json_does_not_know_are_kept_as_text(directory, value, text):
    assert write_cell(directory, value) == text


MOMENT = datetime(2025, 6, 19, 0, 44, 47, 461000, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2025-06-19T00:44:47.461000000",
        "2025-06-19 00:44:47.461",
        "2025-06-19T00:44:47.461Z",
        "2025-06-19T02:44:47.461+02:00",
        1750293887461000000,
        1750293887461000,
        1750293887461,
    ],
)
def test_times_in_any_form_are_the_same_moment(directory, value):
    written = write_column(directory, [value], hints={"x": "timestamp"})
    assert written.kinds == {"x": "timestamp"}
    assert written.column("x") == [MOMENT]


def test_seconds_since_1970_are_a_time(directory):
    written = write_column(directory, [1750293887], hints={"x": "timestamp"})
    assert written.column("x") == [MOMENT.replace(microsecond=0)]


def test_times_with_and_without_a_zone_may_be_mixed(directory):
    values = ["2025-06-19T00:44:47.461", "2025-06-19T02:44:47.461+02:00", None]
    written = write_column(directory, values, hints={"x": "timestamp"})
    assert written.column("x") == [MOMENT, MOMENT, None]


@pytest.mark.parametrize(
    "odd", ["n/a", "", "0001-01-01", "\ud800", True, 1.5, 99 * 10**8, [1]]
)
def test_what_is_not_a_time_stays_what_it_is(directory, odd):
    values = ["2025-06-19T00:44:47.461", odd]
    written = write_column(directory, values, hints={"x": "timestamp"})
    assert written.kinds == {"x": "text"}
    shown = {"\ud800": "\\ud800"}.get(odd, odd) if odd != [1] else "[1]"
    assert written.column("x") == [MOMENT, shown]


def test_a_column_without_any_time_in_it_is_no_time(directory):
    written = write_column(directory, ["x", 2**80], hints={"x": "timestamp"})
    assert written.column("x") == ["x", 2**80]
    assert written.kinds == {"x": "text"}


@pytest.mark.parametrize(
    ("value", "word"),
    [("5", "Error"), (4, "Warning"), ("INFO", "Info"), ("Debug", "Debug")],
)
def test_severities_become_words(directory, value, word):
    written = write_column(directory, [value, None], hints={"x": "severity"})
    assert written.kinds == {"x": "severity"}
    assert written.column("x") == [word, None]


def test_unknown_severities_stay_what_they_are(directory):
    values = ["loud", 7, True, 2.5, [5]]
    written = write_column(directory, values, hints={"x": "severity"})
    assert written.column("x") == ["loud", 7, True, 2.5, "[5]"]
    assert written.kinds == {"x": "text"}
