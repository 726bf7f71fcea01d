"""Warnings in words."""

from __future__ import annotations

import pytest

from queries.providers.coralogix.notices import parse_warnings


def one(value):
    (notice,) = parse_warnings(value)
    return notice


@pytest.mark.parametrize(
    ("value", "says", "cuts"),
    [
        (
            {"compileWarning": {"warningMessage": "keypath does not exist '$d.foo'"}},
            "keypath does not exist '$d.foo'",
            False,
        ),
        (
            {"timeRangeWarning": {"warningMessage": "end is set to: 2026"}},
            "end is set to: 2026",
            True,
        ),
        ({"timeRangeWarning": {}}, "another time range than asked for", True),
        (
            {"numberOfResultsLimitWarning": {"numberOfResultsLimit": 2000}},
            "first 2,000 rows",
            True,
        ),
        ({"bytesScannedLimitWarning": {}}, "limit of bytes", True),
        (
            {"deprecationWarning": {"warningMessage": "TIER_X"}},
            "giving up: TIER_X",
            False,
        ),
        ({"blocksLimitWarning": {}}, "archive blocks", True),
        (
            {"aggregationBucketsLimitWarning": {"aggregationBucketsLimit": 1000}},
            "Only 1,000 groups",
            True,
        ),
        ({"archiveWarning": {"noMetastoreData": {}}}, "no index", True),
        (
            {"archiveWarning": {"bucketAccessDenied": {}}},
            "may not read its archive bucket",
            True,
        ),
        (
            {"archiveWarning": {"bucketReadFailed": {}}},
            "could not read its archive bucket",
            True,
        ),
        (
            {"archiveWarning": {"missingData": {}}},
            "files of the archive are missing",
            True,
        ),
        ({"scrollTimeoutWarning": {}}, "ran out of time", True),
        ({"fieldCountLimitWarning": {}}, "more fields", True),
        ({"shuffleFileSizeLimitReachedWarning": {}}, "sorting and grouping", True),
        ({"filesReadLimitWarning": {}}, "archive files", True),
        (
            {
                "sidebarFilterCardinalityLimitWarning": {
                    "fields": ["a", "b"],
                    "cardinalityLimit": "1000",
                }
            },
            "more than 1,000 values in a, b",
            False,
        ),
    ],
)
def test_every_kind_says_what_happened_and_whether_rows_are_missing(value, says, cuts):
    notice = one(value)
    assert says in notice.message
    assert notice.cuts_result is cuts
    assert notice.remedy or not cuts
    assert "{" not in notice.message


def test_the_limit_of_bytes_leads_to_the_background():
    assert "background" in one({"bytesScannedLimitWarning": {}}).remedy


def test_numbers_are_kept_as_numbers():
    value = {
        "sidebarFilterCardinalityLimitWarning": {
            "fields": ["a"],
            "cardinalityLimit": "9223372036854775807",
        }
    }
    assert one(value).details == {
        "fields": ["a"],
        "cardinalityLimit": 9223372036854775807,
    }


@pytest.mark.parametrize(
    ("value", "says", "cuts"),
    [
        ({"rowWidthLimitWarning": {}}, "we do not know, rowWidthLimitWarning", True),
        (
            {"moonPhase": {"warningMessage": "full {moon}"}},
            "moonPhase: full {moon}",
            False,
        ),
        ({"odd{0}": 7}, "odd(0)", False),
        ({"archiveWarning": {}}, "archiveWarning", False),
        ({"archiveWarning": {"newTrouble": {}}}, "archiveWarning.newTrouble", False),
        ("just text", "just text", False),
    ],
)
def test_an_unknown_kind_is_shown_as_it_is(value, says, cuts):
    notice = one(value)
    assert says in notice.message
    assert notice.cuts_result is cuts


def test_foreign_text_is_cleaned_and_cut():
    value = {
        "compileWarning": {
            "warningMessage": "KEY\x00\u202e" + "x" * 5000,
            "more": {"a": ["KEY"]},
            "on": True,
            "list": ["KEY"],
        }
    }
    (notice,) = parse_warnings(value)
    assert len(notice.message) < 700
    assert "\u202e" not in f"{notice}"
    assert notice.details["on"] is True


def test_lists_and_several_kinds_in_one_are_all_given_and_nonsense_gives_nothing():
    both = {"blocksLimitWarning": {}, "filesReadLimitWarning": {}}
    assert [n.code for n in parse_warnings([both, "text"])] == [
        "blocksLimitWarning",
        "filesReadLimitWarning",
        "warning",
    ]
    assert list(parse_warnings(None)) == []
    assert list(parse_warnings(7)) == []
    assert len(list(parse_warnings(["x"] * 1000))) == 100
