"""The life of a query by the clock: states, pages, one run per id, expiry, limits."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.config import (
    DEMO_KEY,
    LIMITED_KEY,
    OTHER_TENANT_KEY,
    Limits,
    Pace,
)
from sandbox.supermetrics.faults import NAMED_FAULTS
from sandbox.supermetrics.options import SupermetricsOptions
from tests.sandbox.supermetrics.conftest import BASE, open_sandbox

PACE = Pace(waiting=4, running=10, cancelling=0)


def test_a_query_goes_through_its_states_and_its_parts_grow():
    with open_sandbox(pace=PACE) as desk:
        first = desk.submit()
        seen, totals = [first.json()["meta"]["status_code"]], []
        for seconds in (2, 3, 4, 5):
            desk.clock.advance(seconds)
            if seconds == 5:
                desk.wait_for_end()
            meta = desk.status().json()["meta"]
            seen.append(meta["status_code"])
            totals.append(meta.get("progress", {}).get("queries_total"))
    assert first.status_code == 202
    assert first.json()["data"] == []
    assert seen == ["SCHEDULED", "QUEUED", "RUNNING", "RUNNING", "SUCCESS"]
    assert totals[0] < totals[1] < totals[2]


def test_older_customers_get_200_for_a_query_that_goes_on():
    with open_sandbox(
        pace=PACE, supermetrics=SupermetricsOptions(accepted=200)
    ) as desk:
        assert desk.submit().status_code == 200


def test_a_query_that_takes_its_time_is_handed_over():
    with open_sandbox() as desk:
        asked = {
            "ds_id": "NUM",
            "ds_accounts": "10",
            "fields": "n",
            "schedule_id": "slow",
        }
        answer = desk.run_query(
            **asked, settings={"sandbox_seconds": 30}, sync_timeout=1
        )
        assert answer.status_code == 202
        assert desk.state("slow") == "RUNNING"
        desk.clock.advance(31)
        assert desk.wait_for_end("slow") == "SUCCESS"


def test_pages_are_inclusive_and_linked(api):
    api.submit("pages", settings={"no_headers": True})
    assert api.wait_for_end("pages") == "SUCCESS"
    assert [
        row[0]
        for row in api.status("pages", offset_start=10, offset_end=12).json()["data"]
    ] == [10, 11, 12]
    last = api.status("pages", offset_start=990, offset_end=1_989).json()
    assert len(last["data"]) == 10
    assert last["meta"]["paginate"]["next"] is None
    link = api.status("pages", offset_start=0, offset_end=99).json()["meta"][
        "paginate"
    ]["next"]
    query = json.loads(parse_qs(urlsplit(link).query)["json"][0])
    assert (query["offset_start"], query["offset_end"]) == (100, 199)
    following = api.http.get(link, headers=api.headers).json()
    assert [row[0] for row in following["data"]] == list(range(100, 200))
    assert (
        api.status("pages", offset_start=5_000, offset_end=5_001).json()["data"] == []
    )


def test_the_header_row_comes_with_every_page_and_may_count(api):
    api.submit("headed")
    assert api.wait_for_end("headed") == "SUCCESS"
    page = api.status("headed", offset_start=100, offset_end=101).json()["data"]
    assert page == [["Number", "Word"], [100, page[1][1]], [101, page[2][1]]]
    with open_sandbox(supermetrics=SupermetricsOptions(header_counts=True)) as counting:
        counting.submit("headed")
        counting.wait_for_end("headed")
        pages = [
            counting.status("headed", offset_start=n, offset_end=n + 1).json()["data"]
            for n in (0, 2)
        ]
    assert [[row[0] for row in page] for page in pages] == [
        ["Number", 0],
        ["Number", 1, 2],
    ]


def test_rows_can_be_had_by_offset_and_limit(api):
    api.submit("limited", settings={"no_headers": True})
    assert api.wait_for_end("limited") == "SUCCESS"
    answer = api.get("/query/results", schedule_id="limited", offset=5, limit=2)
    assert [row[0] for row in answer.json()["data"]] == [5, 6]


def test_a_result_expires_an_hour_after_the_end():
    with open_sandbox(pace=PACE) as desk:
        desk.submit()
        desk.clock.advance(14)
        assert desk.wait_for_end() == "SUCCESS"
        desk.clock.advance(3_599)
        assert desk.wait_for_end() == "SUCCESS"
        desk.clock.advance(2)
        gone = desk.status()
        assert (gone.status_code, gone.json()) == (404, {"error": "STATUS_NOT_FOUND"})
        results = desk.get("/query/results", schedule_id="job")
        assert (results.status_code, results.json()["error"]["code"]) == (
            404,
            "QUERY_RESULTS_UNAVAILABLE",
        )
        assert desk.submit().status_code == 202


def test_results_before_the_end_are_unavailable():
    with open_sandbox(pace=PACE) as desk:
        desk.submit()
        assert desk.get("/query/results", schedule_id="job").status_code == 404


def test_a_query_belongs_to_its_key(api):
    api.submit("mine")
    for key in (OTHER_TENANT_KEY, LIMITED_KEY):
        assert api.with_key(key).status("mine").status_code == 404
    assert api.status("mine").status_code == 200


def test_the_same_query_under_the_same_id_is_the_same_run():
    with open_sandbox(pace=PACE) as desk:
        desk.submit()
        desk.clock.advance(10)
        assert desk.submit().json()["meta"]["status_code"] == "RUNNING"
        desk.clock.advance(10)
        desk.wait_for_end()
        assert desk.submit().json()["meta"]["status_code"] == "SUCCESS"


def test_another_query_under_an_id_that_runs_is_a_conflict():
    with open_sandbox(pace=PACE) as desk:
        desk.submit()
        answer = desk.submit(fields="n")
        assert (answer.status_code, answer.json()["error"]["code"]) == (
            409,
            "CONFLICT_ERROR",
        )
        desk.clock.advance(20)
        assert desk.wait_for_end() == "SUCCESS"
        assert desk.submit(fields="n").status_code == 202


def test_without_an_id_equal_queries_have_the_same_one(api):
    ids = {
        api.run_query(ds_id="NUM", ds_accounts="10", fields="n").json()["meta"][
            "schedule_id"
        ]
        for _ in range(2)
    }
    assert len(ids) == 1


def test_equal_queries_at_once_are_executed_once(api):
    answers = []

    def ask(n: int) -> None:
        answers.append(
            api.run_query(
                ds_id="NUM",
                ds_accounts="100000",
                fields="n",
                schedule_id=f"twin{n}",
                offset_end=0,
            )
        )

    threads = [threading.Thread(target=ask, args=[n]) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["meta"]["result"]["total_rows"] for answer in answers} == {
        100_000
    }


def test_too_many_equal_queries_at_once_have_to_wait():
    with open_sandbox(supermetrics=SupermetricsOptions(waiting_duplicates=0)) as desk:
        slow = {"ds_accounts": "1000000", "fields": "n,word,text,big"}
        codes = [desk.submit(f"many{n}", **slow).status_code for n in range(3)]
    assert codes[0] == 202
    assert 429 in codes


def test_a_result_can_come_from_the_cache(api):
    asked = {
        "ds_id": "NUM",
        "ds_accounts": "10",
        "fields": "n,text",
        "cache_minutes": 60,
    }
    first = api.run_query(**asked, schedule_id="fresh").json()["meta"]["result"]
    again = api.run_query(**asked, schedule_id="cached").json()["meta"]["result"]
    assert (first["cache_used"], first["cache_time"]) == (False, None)
    assert again["cache_used"] is True
    assert again["cache_time"]


def test_unfinished_queries_go_on_after_a_restart(tmp_path):
    with open_sandbox(data_dir=tmp_path, pace=PACE) as desk:
        desk.submit()
    with open_sandbox(data_dir=tmp_path, pace=PACE) as desk:
        desk.clock.advance(20)
        assert desk.wait_for_end() == "SUCCESS"


def test_old_queries_and_their_rows_are_forgotten(tmp_path):
    with open_sandbox(data_dir=tmp_path) as desk:
        desk.submit()
        assert desk.wait_for_end() == "SUCCESS"
        files = tmp_path / "sandbox" / "supermetrics" / "results"
        assert len(list(files.iterdir())) == 1
        desk.clock.advance(timedelta(hours=3).total_seconds())
        desk.submit("new", fields="n")
        assert desk.wait_for_end("new") == "SUCCESS"
        assert len(list(files.iterdir())) == 1


def test_rows_that_are_gone_are_not_found(tmp_path):
    with open_sandbox(data_dir=tmp_path) as desk:
        desk.submit()
        assert desk.wait_for_end() == "SUCCESS"
        for path in (tmp_path / "sandbox" / "supermetrics" / "results").iterdir():
            path.unlink()
        assert desk.status().json()["error"]["code"] == "QUERY_RESULTS_UNAVAILABLE"


def test_a_query_that_takes_too_long_fails():
    with open_sandbox(limits=Limits(query_seconds=0.01)) as desk:
        desk.submit(ds_accounts="1000000", fields="n,word,text,big")
        assert desk.wait_for_end() == "FAILURE"


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("supermetrics-failure", "FAILURE"),
        ("supermetrics-stopped", "STOPPED"),
        ("supermetrics-process-exited", "PROCESS_EXITED"),
        ("supermetrics-unknown-state", "HIBERNATING"),
    ],
)
def test_a_query_can_be_made_to_end_otherwise(api, name, state):
    api.sandbox.faults.add(NAMED_FAULTS[name])
    api.submit(name)
    assert api.state(name) == state


def test_a_failed_query_can_be_answered_by_an_error(api):
    api.sandbox.faults.add(NAMED_FAULTS["supermetrics-failure-as-error"])
    api.submit("broken")
    answer = api.status("broken")
    assert answer.status_code == 200
    assert answer.json()["error"] == {
        "code": "QUERY_EXECUTION_FAILED",
        "message": "The data source returned an error",
    }


@pytest.mark.parametrize("name", sorted(NAMED_FAULTS))
def test_every_named_fault_happens_once(api, name):
    api.sandbox.faults.add(NAMED_FAULTS[name])
    api.submit(f"{name}-1")
    api.status(f"{name}-1")
    assert api.sandbox.faults.pending() == []


def test_requests_are_counted_down_to_nothing():
    with open_sandbox(supermetrics=SupermetricsOptions(requests_per_hour=3)) as desk:
        left = [desk.get("/me").headers["x-ratelimit-remaining"] for _ in range(3)]
        refused = desk.get("/me")
        assert left == ["2", "1", "0"]
        assert (refused.status_code, refused.json()["error"]["code"]) == (
            429,
            "TOO_MANY_REQUESTS",
        )
        assert refused.headers["retry-after"] == "3600"
        desk.clock.advance(3_600)
        assert desk.get("/me").status_code == 200


def test_queries_of_a_day_are_counted_apart():
    with open_sandbox(supermetrics=SupermetricsOptions(queries_per_day=1)) as desk:
        assert desk.submit("a").status_code == 202
        answer = desk.submit("b")
        assert (answer.status_code, answer.json()["error"]["code"]) == (
            429,
            "LICENSE_DAILY_QUERY_LIMIT_EXCEEDED",
        )
        assert "retry-after" not in answer.headers
        desk.wait_for_end("a")
        assert desk.submit("a").status_code == 200
        desk.clock.advance(86_400)
        assert desk.submit("b").status_code == 202


def test_an_api_key_among_the_parameters_is_taken_too(api):
    answer = api.http.get(f"{BASE}/me", params={"api_key": DEMO_KEY})
    assert answer.status_code == 200
