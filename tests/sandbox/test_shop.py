"""The demo rows: the same every time, realistic, and never out of date."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import duckdb
import pyarrow.parquet as pq
import pytest

from sandbox.shop.calendar import Incident, incident_at, traffic_factor
from sandbox.shop.demo import HISTORY, LOOKAHEAD, demo_lines, prepare_demo_rows
from tests.sandbox.conftest import NOW, open_sandbox, rows_of

UNTIL = NOW + LOOKAHEAD


@pytest.fixture(scope="module")
def lines():
    return list(demo_lines(UNTIL, rows=20_000, seed=1))


@pytest.fixture(scope="module")
def objects(lines):
    return [
        json.loads(line.user_data) for line in lines if line.user_data.startswith("{")
    ]


def test_a_week_has_about_as_many_lines_as_asked(lines):
    past = [line for line in lines if line.ns < NOW.timestamp() * 1e9]
    assert 18_000 < len(past) < 22_000
    assert len({line.logid for line in lines}) == len(lines)


def test_lines_are_newest_first_to_the_hour(lines):
    assert lines[0].ns > lines[-1].ns
    assert max(later.ns - line.ns for line, later in pairwise(lines)) < 60 * 10**9


def test_the_same_hour_has_the_same_lines_whenever_they_are_made(lines):
    later = list(demo_lines(UNTIL + timedelta(hours=30), rows=20_000, seed=1))
    shared = {line.logid: line for line in later}
    common = [line for line in lines if line.logid in shared]
    assert len(common) > 15_000
    assert all(shared[line.logid] == line for line in common)
    assert next(demo_lines(UNTIL, rows=20_000, seed=2)) != lines[0]


def test_every_form_of_user_data_occurs(lines, objects):
    assert any("kubernetes" in found for found in objects)
    assert any("logRecord" in found for found in objects)
    assert any(not line.user_data.startswith("{") for line in lines)
    assert any("stacktrace" in found.get("exception", {}) for found in objects)
    assert all(list(found) == sorted(found) for found in objects)


def test_the_awkward_values_occur(objects):
    orders = [found["order"] for found in objects if "order" in found]
    assert all(order["id"] > 2**53 for order in orders)
    assert any(order["coupon"] is None for order in orders)
    titles = {item["title"] for order in orders for item in order["items"]}
    assert "抹茶セット" in titles
    assert any("🔥" in title for title in titles)
    assert any("א" <= letter <= "ת" for title in titles for letter in title)
    totals = [order["total"]["amount"] for order in orders]
    assert all(round(total, 2) == total for total in totals)


def test_a_trace_runs_through_several_services(lines, objects):
    traces = Counter(found["traceId"] for found in objects if "traceId" in found)
    assert max(traces.values()) >= 4


def test_nights_are_quiet_and_evenings_are_busy(lines):
    hours = Counter(
        datetime.fromtimestamp(line.ns // 10**9, UTC).hour for line in lines
    )
    assert hours[19] > 4 * hours[2]


def test_an_average_week_is_average():
    hours = [traffic_factor(NOW + timedelta(hours=hour)) for hour in range(168)]
    assert abs(sum(hours) / 168 - 1) < 0.01


def test_any_24_hours_hold_a_trouble_and_any_three_days_hold_all():
    for hour in range(72):
        start = NOW + timedelta(hours=hour)
        minutes = [
            incident_at(start + timedelta(minutes=minute))
            for minute in range(0, 72 * 60, 5)
        ]
        assert set(minutes[: 24 * 12]) - {None}
        assert set(minutes) - {None} == set(Incident)


@pytest.mark.parametrize(
    ("trouble", "service", "severity"),
    [
        (Incident.GATEWAY_OUTAGE, "payments", 5),
        (Incident.SLOW_DATABASE, "postgres", 4),
        (Incident.BAD_DEPLOY, "storefront", 5),
    ],
)
def test_each_trouble_shows_where_it_should(lines, trouble, service, severity):
    during, otherwise = [], []
    for line in lines:
        if line.source.subsystem == service:
            found = incident_at(datetime.fromtimestamp(line.ns // 10**9, UTC))
            (during if found is trouble else otherwise).append(
                line.severity >= severity
            )
    assert sum(during) / len(during) > 0.15
    assert sum(during) / len(during) > 10 * sum(otherwise) / len(otherwise)


def test_rows_are_made_once_and_again_only_when_they_run_out(tmp_path):
    path = tmp_path / "rows" / "logs.parquet"

    def made(now: datetime, rows: int = 500) -> bool:
        before = path.stat().st_mtime_ns if path.exists() else 0
        prepare_demo_rows(path, rows=rows, seed=1, now=now)
        return path.stat().st_mtime_ns != before

    assert made(NOW)
    assert not made(NOW + timedelta(hours=30))
    assert made(NOW + timedelta(hours=43))  # less than six hours left
    assert made(NOW + timedelta(hours=43), rows=600)  # other settings
    assert made(NOW - timedelta(days=30), rows=600)  # a clock put back
    path.write_bytes(b"not parquet")
    assert made(NOW)
    assert [found.name for found in path.parent.iterdir()] == ["logs.parquet"]


def test_a_file_holds_the_week_and_what_is_to_come(tmp_path):
    path = tmp_path / "logs.parquet"
    until = prepare_demo_rows(path, rows=500, seed=1, now=NOW)
    assert until == NOW + LOOKAHEAD
    with duckdb.connect() as db:
        first, last = db.execute(
            f"SELECT epoch_ns(min(ts)), epoch_ns(max(ts)) FROM '{path}'"
        ).fetchone()
    assert first < (NOW - HISTORY).timestamp() * 1e9
    assert last > (UNTIL - timedelta(hours=2)).timestamp() * 1e9
    assert pq.read_metadata(path).num_row_groups == 1


def test_rows_arrive_as_time_goes_by_and_the_future_is_not_shown():
    with open_sandbox(demo_rows=20_000) as wire:
        before = wire.lines(
            startDate="2026-03-10T11:00:00Z", endDate="2026-03-10T13:00:00Z", limit=5000
        )
        wire.clock.advance(1800)
        after = wire.lines(
            startDate="2026-03-10T11:00:00Z", endDate="2026-03-10T13:00:00Z", limit=5000
        )
    assert 0 < len(rows_of(before)) < len(rows_of(after))
    newest = max(
        pair["value"]
        for row in rows_of(before)
        for pair in row["metadata"]
        if pair["key"] == "timestamp"
    )
    assert "2026-03-10T11:5" < newest < "2026-03-10T12:00:00"


def test_a_sandbox_that_runs_for_days_makes_new_rows_by_itself():
    with open_sandbox(demo_rows=2_000) as wire:
        day = {"startDate": "2026-03-10T10:00:00Z", "endDate": "2026-03-10T12:00:00Z"}
        before = data_texts(wire.lines(**day))
        wire.clock.advance(4 * 86_400)
        after = wire.lines(
            "source logs",
            startDate="2026-03-14T10:00:00Z",
            endDate="2026-03-14T12:00:00Z",
        )
        assert len(rows_of(after)) > 5
        assert data_texts(wire.lines(**day)) == before


def data_texts(lines) -> list[str]:
    return [row["userData"] for row in rows_of(lines)]


def test_no_hour_of_a_large_set_is_too_large_for_memory():
    hours = Counter(
        line.ns // 3_600_000_000_000 for line in demo_lines(UNTIL, rows=30_000, seed=1)
    )
    assert max(hours.values()) < 30_000 / 168 * 2.5
