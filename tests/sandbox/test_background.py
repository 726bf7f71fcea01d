"""Background queries over real HTTP: the life of one by the clock, its rows, its end."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest

from sandbox.clock import ManualClock
from sandbox.config import OTHER_TENANT_KEY, Limits, Pace
from sandbox.coralogix.faults import NAMED_FAULTS
from tests.sandbox.conftest import (
    NOW,
    UNLIMITED,
    data_of,
    iso,
    ndjson,
    open_sandbox,
    pairs,
    rows_of,
)

PACE = Pace(waiting=2, running=5, cancelling=1)


def test_a_query_waits_runs_and_succeeds_by_the_clock():
    with open_sandbox(count=300, pace=PACE) as wire:
        query_id = wire.submitted()
        waiting = wire.status(query_id)
        wire.clock.advance(3)
        running = wire.status(query_id)
        wire.clock.advance(5)
        ended = wire.status(query_id)
    assert waiting["waitingForExecution"] == {}
    assert waiting["submittedAt"] == "2026-03-10T12:00:00Z"
    assert running["running"] == {"runningSince": "2026-03-10T12:00:02Z"}
    assert ended["terminated"]["success"] == {}
    assert ended["terminated"]["runningSince"] == "2026-03-10T12:00:02Z"
    assert ended["terminated"]["terminatedAt"] == "2026-03-10T12:00:07Z"
    assert int(ended["metadata"][0]["statistics"]["bytesScanned"]) > 10_000
    assert isinstance(ended["metadata"][0]["statistics"]["bytesScanned"], str)
    assert ended["warnings"] == []


def test_bytes_scanned_grow_while_it_runs():
    with open_sandbox(count=3_000, pace=PACE) as wire:
        query_id = wire.submitted()
        wire.clock.advance(4)
        half = int(wire.status(query_id)["metadata"][0]["statistics"]["bytesScanned"])
        wire.clock.advance(6)
        whole = int(wire.status(query_id)["metadata"][0]["statistics"]["bytesScanned"])
    assert 0 < half < whole


def test_the_rows_can_be_read_again_and_are_the_same_each_time(wire):
    query_id = wire.submitted()
    first, second = wire.data(query_id), wire.data(query_id)
    assert first.headers["content-type"] == "application/x-ndjson"
    assert first.text == second.text
    assert [row["n"] for row in data_of(ndjson(first))] == list(range(3_000))
    assert all(
        len(line["response"]["results"]["results"]) <= 100 for line in ndjson(first)
    )


def test_the_background_reads_the_archive(wire):
    row = rows_of(ndjson(wire.data(wire.submitted("source logs | limit 1"))))[0]
    assert pairs(row, "metadata")["severity"] == "Debug"


@pytest.mark.parametrize("missing", ["query", "syntax", "startDate", "endDate"])
def test_every_documented_field_is_required(wire, missing):
    answer = wire.submit(**{missing: None})
    assert answer.status_code == 400
    assert missing in answer.json()["message"]


def test_a_wrong_statement_is_refused_at_submit(wire):
    answer = wire.submit("source logs | filter (")
    assert answer.status_code == 400
    assert "line 1" in answer.json()["message"]


def test_a_warning_comes_with_the_id_and_with_every_status(wire):
    answer = wire.submit("source logs | filter $d.nosuchfield == 'x'").json()
    assert "nosuchfield" in answer["warnings"][0]["compileWarning"]["warningMessage"]
    assert wire.status(answer["queryId"])["warnings"] == answer["warnings"]


def test_a_range_upside_down_is_accepted_with_a_warning_and_finds_nothing(wire):
    answer = wire.submit(
        startDate=iso(NOW), endDate=iso(NOW - timedelta(hours=1))
    ).json()
    assert "timeRangeWarning" in answer["warnings"][0]
    wire.sandbox.wait_until_idle()
    assert "success" in wire.status(answer["queryId"])["terminated"]
    assert wire.data(answer["queryId"]).text == ""


def test_lucene_runs_in_the_background_too(wire):
    query_id = wire.submitted('"row 0000012"', syntax="QUERY_SYNTAX_LUCENE")
    assert [row["n"] for row in data_of(ndjson(wire.data(query_id)))] == [12]


def test_data_before_success_is_a_conflict_in_plain_text():
    with open_sandbox(count=10, pace=PACE) as wire:
        answer = wire.data(wire.submitted())
    assert (answer.status_code, answer.text) == (409, "query is not completed")
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_cancel_takes_a_moment_and_cannot_be_undone_by_a_late_result():
    with open_sandbox(count=10, pace=PACE) as wire:
        query_id = wire.submitted()
        wire.clock.advance(3)
        first = wire.cancel(query_id)
        asked = wire.status(query_id)
        wire.clock.advance(20)
        ended = wire.status(query_id)
        again = wire.cancel(query_id)
        data = wire.data(query_id)
    assert (first.status_code, first.json()) == (200, {})
    assert "running" in asked
    assert ended["terminated"]["error"] == {"cancelled": {}}
    assert ended["terminated"]["terminatedAt"] == "2026-03-10T12:00:04Z"
    assert (again.status_code, again.json()) == (200, {})
    assert data.status_code == 409


def test_the_other_form_of_cancelled_can_be_had():
    with open_sandbox(count=10, pace=PACE, cancelled_as="cancelled") as wire:
        query_id = wire.submitted()
        wire.cancel(query_id)
        wire.clock.advance(2)
        assert wire.status(query_id)["terminated"]["cancelled"] == {}


def test_cancelling_what_has_ended_changes_nothing(wire):
    query_id = wire.submitted("source logs | limit 5")
    assert "success" in wire.status(query_id)["terminated"]
    assert wire.cancel(query_id).json() == {}
    assert "success" in wire.status(query_id)["terminated"]
    assert len(rows_of(ndjson(wire.data(query_id)))) == 5


@pytest.mark.parametrize("path", ["status", "cancel", "data"])
def test_an_unknown_id_is_not_found(wire, path):
    answer = wire.post(f"background-query/{path}", {"queryId": str(uuid.uuid4())})
    assert (answer.status_code, answer.text) == (404, "Query not found")
    assert wire.post(f"background-query/{path}", {}).status_code == 400


@pytest.mark.parametrize("path", ["status", "cancel", "data"])
def test_a_neighbours_id_is_not_found(wire, path):
    query_id = wire.submitted("source logs | limit 5")
    answer = wire.with_key(OTHER_TENANT_KEY).post(
        f"background-query/{path}", {"queryId": query_id}
    )
    assert answer.status_code == 404


def test_an_id_expires_and_its_rows_are_removed(tmp_path):
    limits = Limits(queries_per_minute=0, job_lifetime=timedelta(days=1))
    with open_sandbox(count=10, limits=limits, data_dir=tmp_path) as wire:
        old = wire.submitted()
        assert wire.data(old).status_code == 200
        wire.clock.advance(86_401)
        assert wire.data(old).status_code == 404
        new = wire.submitted()
        assert wire.data(new).status_code == 200
        assert [job.id for job in wire.sandbox.jobs] == [new]
        assert [path.stem for path in (tmp_path / "sandbox" / "jobs").iterdir()] == [
            new
        ]


def test_only_so_many_queries_are_kept():
    with open_sandbox(
        count=10, limits=Limits(queries_per_minute=0, jobs_kept=3)
    ) as wire:
        for _ in range(5):
            wire.clock.advance(1)
            wire.data(wire.submitted())
        assert len(wire.sandbox.jobs) == 3


def test_only_so_many_bytes_are_kept():
    limits = Limits(queries_per_minute=0, jobs_bytes=30_000)
    with open_sandbox(count=500, limits=limits) as wire:
        ids = []
        for _ in range(4):
            wire.clock.advance(1)
            ids.append(wire.submitted())
        kept = [job.id for job in wire.sandbox.jobs]
        assert 0 < len(kept) < 4
        assert kept == ids[-len(kept) :]
        assert wire.data(ids[0]).status_code == 404
        assert wire.data(ids[-1]).status_code == 200


def test_what_a_killed_process_left_half_written_is_swept(tmp_path):
    folder = tmp_path / "sandbox"
    (folder / "jobs").mkdir(parents=True)
    (folder / "tmp").mkdir()
    leftovers = [
        folder / ".logs.parquet.123.tmp",
        folder / "jobs" / "x.123.tmp",
        folder / "tmp" / "duckdb_temp_0",
    ]
    for leftover in leftovers:
        leftover.write_text("half")
    with open_sandbox(count=1, data_dir=tmp_path):
        assert [leftover for leftover in leftovers if leftover.exists()] == []


def test_too_many_rows_fail_with_the_documented_reason():
    with open_sandbox(
        count=50, limits=Limits(queries_per_minute=0, background_rows=40)
    ) as wire:
        ended = wire.status(wire.submitted())["terminated"]
        fits = wire.status(wire.submitted("source logs | limit 40"))["terminated"]
    assert ended["error"] == {
        "failed": {"reason": "Max results is 40. Refine your query."}
    }
    assert fits["success"] == {}


def test_a_query_that_takes_too_long_times_out():
    with open_sandbox(
        count=20_000, limits=Limits(queries_per_minute=0, query_seconds=0.0)
    ) as wire:
        ended = wire.status(wire.submitted("source logs | orderby $d.word"))[
            "terminated"
        ]
    assert ended["error"] == {"timedOut": {}}


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (
            "ends-failed",
            {"failed": {"reason": "Scanned bytes limit has been reached."}},
        ),
        ("ends-timed-out", {"timedOut": {}}),
        ("ends-cancelled", {"cancelled": {}}),
    ],
)
def test_a_fault_decides_how_a_query_ends(name, error):
    with open_sandbox(count=10, pace=PACE) as wire:
        wire.sandbox.faults.add(NAMED_FAULTS[name])
        query_id = wire.submitted()
        wire.clock.advance(3)
        assert "running" in wire.status(query_id)
        wire.clock.advance(6)
        assert wire.status(query_id)["terminated"]["error"] == error
        assert wire.data(query_id).status_code == 409


def test_a_query_survives_a_restart_of_the_sandbox(tmp_path):
    clock = ManualClock(NOW)
    with open_sandbox(count=500, pace=PACE, data_dir=tmp_path, clock=clock) as wire:
        finished = wire.submitted("source logs | limit 20")
        clock.advance(10)
        assert "terminated" in wire.status(finished)
        pending = wire.submitted("source logs | limit 30")
    clock.advance(10)
    with open_sandbox(count=1, pace=PACE, data_dir=tmp_path, clock=clock) as wire:
        assert len(rows_of(ndjson(wire.data(finished)))) == 20
        assert "success" in wire.status(pending)["terminated"]
        assert wire.data(pending).status_code == 200


def test_a_query_cut_off_in_the_middle_runs_again_after_a_restart(tmp_path):
    with open_sandbox(count=1, data_dir=tmp_path) as wire:
        query_id = wire.submitted()
        wire.status(query_id)
        wire.sandbox._store._run("UPDATE job SET executed_at = NULL, outcome = NULL")
    with open_sandbox(count=7, data_dir=tmp_path) as wire:
        assert len(rows_of(ndjson(wire.data(query_id)))) == 7


def test_rows_lost_from_the_disk_are_not_found(tmp_path):
    with open_sandbox(count=5, data_dir=tmp_path) as wire:
        query_id = wire.submitted()
        wire.status(query_id)
        (tmp_path / "sandbox" / "jobs" / f"{query_id}.parquet").unlink()
        assert wire.data(query_id).status_code == 404


def test_many_queries_at_once_all_end(wire):
    ids = [
        wire.submit(f"source logs | limit {n + 1}").json()["queryId"] for n in range(20)
    ]
    wire.sandbox.wait_until_idle()
    assert [len(rows_of(ndjson(wire.data(query_id)))) for query_id in ids] == list(
        range(1, 21)
    )


@pytest.mark.slow
def test_fifty_thousand_rows_stream_in_order_and_exactly():
    with open_sandbox(count=50_000, limits=UNLIMITED) as wire:
        query_id = wire.submitted()
        expected = 0
        body = json.dumps({"queryId": query_id})
        with wire.http.stream(
            "POST",
            "/api/v1/dataprime/background-query/data",
            content=body,
            headers=wire.headers,
        ) as answer:
            for line in answer.iter_lines():
                for row in json.loads(line)["response"]["results"]["results"]:
                    assert row["userData"].startswith(f'{{"n":{expected},')
                    expected += 1
    assert expected == 50_000
