"""The statements of the first page find something worth seeing in the demo rows, at any time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from queries import time_ranges
from sandbox.samples import SAMPLE_STATEMENTS
from tests.sandbox.conftest import (
    NOW,
    data_of,
    iso,
    ndjson,
    open_sandbox,
    rows_of,
    warnings_of,
)


@pytest.fixture(scope="module")
def shop():
    with open_sandbox(demo_rows=40_000) as wire:
        yield wire


@pytest.mark.parametrize("sample", SAMPLE_STATEMENTS, ids=lambda sample: sample.title)
def test_each_sample_runs_and_finds_rows(shop, sample):
    span = time_ranges.resolve(sample.range, now=NOW)
    dates = {
        "startDate": iso(span.start),
        "endDate": iso(span.end),
        "syntax": sample.syntax,
    }
    if sample.mode == "background":
        answer = shop.submit(sample.statement, **dates)
        assert answer.json()["warnings"] == []
        shop.sandbox.wait_until_idle()
        lines = ndjson(shop.data(answer.json()["queryId"]))
    else:
        lines = shop.lines(sample.statement, tier=sample.tier, **dates)
        assert [
            warning
            for warning in warnings_of(lines)
            if "numberOfResultsLimitWarning" not in warning
        ] == []
    assert len(rows_of(lines)) >= 4


def test_the_takings_add_up(shop):
    sample = next(
        sample for sample in SAMPLE_STATEMENTS if sample.title.startswith("Takings")
    )
    lines = shop.lines(
        sample.statement, startDate=iso(NOW - timedelta(days=7)), endDate=iso(NOW)
    )
    assert {row["currency"] for row in data_of(lines)} >= {"EUR", "USD", "JPY"}
    assert all(row["total"] > row["orders"] for row in data_of(lines))


def test_titles_differ():
    assert len({sample.title for sample in SAMPLE_STATEMENTS}) == len(SAMPLE_STATEMENTS)
