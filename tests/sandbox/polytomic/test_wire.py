"""The four addresses: who may ask, what is answered, and how queries go through their states."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from sandbox.config import DEMO_KEY, LIMITED_KEY, OTHER_TENANT_KEY, Pace
from sandbox.polytomic.faults import NAMED_FAULTS
from sandbox.polytomic.people import (
    COLLEAGUE_KEY,
    CRM,
    EMPTY_KEY,
    LAKE,
    NEIGHBOURS,
    OLD_REPORTS,
    ORGANISATION_KEY,
    ORGANISATION_USER,
    PARTNER_KEY,
    WAREHOUSE,
)
from tests.sandbox.polytomic.conftest import SMALL, open_sandbox

EVERY_PATH = ("/api/me", "/api/connections", "/api/queries/x")


@pytest.mark.parametrize("path", EVERY_PATH)
@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer nobody",
        f"Bearer {ORGANISATION_KEY}",
        f"Basic {DEMO_KEY}",
        "Basic %%%",
        "Basic /////w==",
        "Basic Og==",
    ],
)
def test_nobody_gets_in_without_a_key_of_the_right_kind(shared, path, header):
    answer = replace(shared, headers={"Authorization": header}).get(path)
    assert answer.status_code == 401
    assert answer.json() == {
        "key": "unauthorized",
        "message": "The API key is missing or not valid.",
        "metadata": {},
        "status": 401,
    }


def test_a_key_says_whose_it_is(shared):
    me = shared.get("/api/me").json()["data"]
    assert (me["email"], me["organization_name"]) == (
        "demo@shop.example",
        "Sandbox Shop",
    )
    assert (me["is_user"], me["is_partner"]) == (True, False)
    assert me["id"]
    organisation = shared.with_basic(ORGANISATION_USER, ORGANISATION_KEY)
    me = organisation.get("/api/me").json()["data"]
    assert me["is_organization"]
    assert "id" not in me
    limited = shared.with_key(LIMITED_KEY).get("/api/me").json()["data"]
    capabilities = limited["credential"]["api_key_profile"]["capabilities"]
    assert capabilities["query"]["connection_ids"] == [WAREHOUSE]


def test_a_partner_key_sees_itself_and_nothing_else(shared):
    partner = shared.with_key(PARTNER_KEY)
    assert partner.get("/api/me").json()["data"]["is_partner"]
    assert partner.get("/api/connections").status_code == 403
    assert partner.post("SELECT 1").status_code == 403
    assert partner.result("x").status_code == 403


def test_connections_are_healthy_unhealthy_or_limited(shared):
    listed = {c["id"]: c for c in shared.get("/api/connections").json()["data"]}
    assert set(listed) == {WAREHOUSE, LAKE, OLD_REPORTS, CRM}
    assert listed[WAREHOUSE]["status"] == "healthy"
    assert listed[WAREHOUSE]["rate_limit"] is None
    assert listed[OLD_REPORTS]["status"] == "unhealthy"
    assert "authentication failed" in listed[OLD_REPORTS]["status_error"]
    assert listed[CRM]["rate_limit"]["currently_limited"] is True


def test_the_list_of_connections_may_be_null_or_restricted(shared):
    assert shared.with_key(EMPTY_KEY).get("/api/connections").json() == {"data": None}
    limited = shared.with_key(LIMITED_KEY).get("/api/connections").json()["data"]
    assert [c["id"] for c in limited] == [WAREHOUSE]


@pytest.mark.parametrize(
    ("key", "connection", "status"),
    [
        (DEMO_KEY, NEIGHBOURS, 404),
        (DEMO_KEY, "no-such-id", 404),
        (LIMITED_KEY, LAKE, 403),
        (EMPTY_KEY, WAREHOUSE, 404),
        (OTHER_TENANT_KEY, WAREHOUSE, 404),
        (OTHER_TENANT_KEY, NEIGHBOURS, 200),
        (DEMO_KEY, WAREHOUSE.upper(), 200),
    ],
)
def test_a_connection_is_there_for_its_organisation(shared, key, connection, status):
    assert shared.with_key(key).post("SELECT 1", connection).status_code == status


def test_a_limited_connection_turns_queries_away(shared):
    answer = shared.post("SELECT 1", CRM)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "90"
    assert answer.json()["key"] == "rate_limited"


def test_an_unhealthy_connection_fails_every_query(shared):
    data = shared.result(shared.submitted("SELECT 1", connection=OLD_REPORTS)).json()[
        "data"
    ]
    assert data["status"] == "failed"
    assert "password authentication failed" in data["error"]


@pytest.mark.parametrize(
    ("query", "body", "value"),
    [
        ("SELECT 1 AS v", {}, 1),
        (None, {"query": "SELECT 2 AS v"}, 2),
        ("SELECT 1 AS v", {"query": "SELECT 2 AS v"}, 1),
        ("", {"query": "SELECT 2 AS v"}, 2),
        ("SELECT '1 + 1 & more?' AS v", {"other": True}, "1 + 1 & more?"),
    ],
)
def test_the_query_comes_in_the_address_or_the_body_and_the_address_wins(
    shared, query, body, value
):
    answer = shared.post(query, json=body)
    assert answer.json()["data"]["status"] == "created"
    shared.sandbox.wait_until_idle()
    data = shared.result(answer.json()["data"]["id"]).json()["data"]
    assert data["results"] == [{"v": value}]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"7", b"{}", b'{"query":7}', b'{"query":" "}', b"", b"\xff"]
)
def test_a_body_without_a_query_is_refused(shared, body):
    path = f"/api/connections/{WAREHOUSE}/query"
    answer = shared.http.post(path, content=body, headers=shared.headers)
    assert answer.status_code == 400
    assert set(answer.json()) == {"key", "message", "metadata", "status"}


def test_every_answer_names_its_version(shared):
    asked = "2023-04-25"
    for answer in (
        shared.get("/api/me", X_Polytomic_Version=asked),
        shared.get("/api/connections", X_Polytomic_Version=asked),
        shared.post("SELECT 1", X_Polytomic_Version=asked),
        shared.get("/api/queries/x", X_Polytomic_Version=asked),
        shared.with_key("nobody").get("/api/me", X_Polytomic_Version=asked),
    ):
        assert answer.headers["x-polytomic-version"] == asked
    assert shared.get("/api/me").headers["x-polytomic-version"] == "2025-09-18"
    odd = shared.get("/api/me", X_Polytomic_Version="1999-01-01")
    assert (odd.status_code, odd.json()["key"]) == (400, "unsupported_version")


def test_a_query_goes_through_its_states_by_the_clock():
    with open_sandbox(pace=Pace(10, 20, 0)) as wire:
        job = wire.submitted("SELECT n FROM numbers(3)")
        assert wire.result(job).json() == {"data": {"id": job, "status": "created"}}
        wire.clock.advance(10)
        assert wire.result(job).json() == {"data": {"id": job, "status": "running"}}
        wire.clock.advance(20)
        data = wire.result(job).json()["data"]
        assert data == {
            "id": job,
            "status": "done",
            "count": 3,
            "fields": ["n"],
            "expires": "2026-03-11T12:00:30Z",
            "results": [{"n": 0}, {"n": 1}, {"n": 2}],
        }


def test_a_query_still_executing_when_it_is_due_is_running():
    slow = replace(SMALL, query_seconds=30)
    with open_sandbox(polytomic=slow) as wire:
        job = wire.post(
            "SELECT count(*) FROM range(100000) a, range(100000) b, range(1000) c"
        ).json()["data"]["id"]
        assert wire.result(job).json()["data"] == {"id": job, "status": "running"}


def test_a_result_comes_in_pages_with_links_both_ways(shared):
    job = shared.submitted("SELECT n FROM numbers(250)")
    pages = list(shared.pages(job))
    assert [len(page["data"]["results"]) for page in pages] == [100, 100, 50]
    assert [row["n"] for page in pages for row in page["data"]["results"]] == list(
        range(250)
    )
    assert [sorted(page["links"]) for page in pages] == [
        ["next"],
        ["next", "previous"],
        ["previous"],
    ]
    assert all(page["data"]["count"] == 250 for page in pages)
    back = shared.get(pages[2]["links"]["previous"]).json()
    assert back["data"]["results"] == pages[1]["data"]["results"]
    assert pages[0]["links"]["next"].startswith(f"/api/queries/{job}?page=")


@pytest.mark.parametrize(
    ("rows", "pages"), [(0, 1), (1, 1), (100, 1), (101, 2), (200, 2)]
)
def test_pages_are_full_but_the_last(shared, rows, pages):
    found = list(shared.pages(shared.submitted(f"SELECT n FROM numbers({rows})")))
    assert len(found) == pages
    assert sum(len(page["data"]["results"]) for page in found) == rows
    assert ("links" in found[0]) is (pages > 1)


def test_links_may_be_absolute():
    with open_sandbox(polytomic=replace(SMALL, links="absolute")) as wire:
        job = wire.submitted("SELECT n FROM numbers(150)")
        link = wire.result(job).json()["links"]["next"]
        assert link.startswith(f"{wire.sandbox.url}/api/queries/{job}?page=")
        assert len(list(wire.pages(job))) == 2


def test_an_altered_page_token_is_refused(shared):
    job = shared.submitted("SELECT n FROM numbers(250)")
    other = shared.submitted("SELECT n FROM numbers(250)")
    link = shared.result(job).json()["links"]["next"]
    token = parse_qs(urlsplit(link).query)["page"][0]
    for odd in (
        token[:-2],
        "A" + token[1:],
        token.replace("M", "N", 1),
        "MQ==",
        "1",
        "",
        "%%",
        "ä",
    ):
        answer = shared.get(f"/api/queries/{job}?page={quote(odd)}")
        assert (answer.status_code, answer.json()["key"]) == (400, "invalid_page")
    assert shared.get(f"/api/queries/{other}?page={quote(token)}").status_code == 400
    assert shared.get(f"/api/queries/{job}?page={quote(token)}").status_code == 200


def test_only_who_started_a_query_sees_what_came_of_it():
    with open_sandbox(pace=Pace(10, 0, 0)) as wire:
        job = wire.submitted("SELECT 1")
        colleague, neighbour = (
            wire.with_key(COLLEAGUE_KEY),
            wire.with_key(OTHER_TENANT_KEY),
        )
        organisation = wire.with_basic(ORGANISATION_USER, ORGANISATION_KEY)
        assert colleague.result(job).json()["data"]["status"] == "created"
        assert neighbour.result(job).status_code == 404
        wire.clock.advance(10)
        for other in (colleague, neighbour, organisation):
            assert other.result(job).status_code == 404
        assert wire.result(job).status_code == 200
        theirs = organisation.submitted("SELECT 2 AS v")
        wire.clock.advance(10)
        assert organisation.result(theirs).json()["data"]["results"] == [{"v": 2}]
        assert wire.result(theirs).status_code == 404


@pytest.mark.parametrize(("as_", "status"), [("not found", 404), ("unknown", 200)])
def test_results_expire(as_, status):
    with open_sandbox(polytomic=replace(SMALL, expired_as=as_)) as wire:
        job = wire.submitted("SELECT 1")
        wire.clock.advance(24 * 3600 - 1)
        assert wire.result(job).json()["data"]["status"] == "done"
        wire.clock.advance(1)
        answer = wire.result(job)
        assert answer.status_code == status
        if status == 200:
            assert answer.json()["data"] == {"id": job, "status": "unknown"}


def ids(*answers):
    return {answer.json()["data"]["id"] for answer in answers}


def test_a_repeated_submit_gets_the_first_answer_for_a_day():
    with open_sandbox() as wire:
        first = wire.post("SELECT 1", Idempotency_Key="our-key-1")
        again = wire.post("SELECT 2", Idempotency_Key="our-key-1")
        other = wire.post("SELECT 1", Idempotency_Key="our-key-2")
        colleague = wire.with_key(COLLEAGUE_KEY).post(
            "SELECT 1", Idempotency_Key="our-key-1"
        )
        none = wire.post("SELECT 1")
        assert len(ids(first, again)) == 1
        assert len(ids(first, other, colleague, none)) == 4
        wire.clock.advance(24 * 3600)
        late = wire.post("SELECT 1", Idempotency_Key="our-key-1")
        assert len(ids(first, late)) == 2


def test_an_error_is_repeated_too(shared):
    key = {"Idempotency_Key": "our-key-of-errors"}
    first = shared.post("SELECT 1", "no-such-id", **key)
    again = shared.post("SELECT 1", WAREHOUSE, **key)
    assert (first.status_code, again.status_code) == (404, 404)
    assert first.json() == again.json()


@pytest.mark.parametrize("key", ["short", "x" * 256, "with space", "with/slash"])
def test_an_idempotency_key_has_a_form(shared, key):
    answer = shared.post("SELECT 1", Idempotency_Key=key)
    assert (answer.status_code, answer.json()["key"]) == (
        400,
        "invalid_idempotency_key",
    )


def test_a_second_submit_while_the_first_is_answered_is_a_conflict():
    slow = NAMED_FAULTS["polytomic-slow-submit"]
    with open_sandbox() as wire:
        wire.sandbox.faults.add(slow)
        answers = []

        def submit():
            answers.append(wire.post("SELECT 1", Idempotency_Key="our-key-1"))

        first = threading.Thread(target=submit)
        first.start()
        while not any(r.operation == "polytomic-query" for r in wire.sandbox.requests):
            first.join(0.01)
        second = wire.post("SELECT 1", Idempotency_Key="our-key-1")
        first.join()
        third = wire.post("SELECT 1", Idempotency_Key="our-key-1")
    assert second.status_code == 409
    assert answers[0].status_code == 200
    assert len(ids(answers[0], third)) == 1


def test_faults_change_how_queries_end(shared):
    def ends(name):
        shared.sandbox.faults.add(NAMED_FAULTS[name])
        return shared.result(shared.submitted("SELECT 1")).json()

    assert (
        ends("polytomic-failed")["data"]["error"] == 'relation "order" does not exist'
    )
    assert ends("polytomic-lost")["data"]["status"] == "unknown"
    assert ends("polytomic-strange-state")["data"]["status"] == "paused"
    assert "results" not in ends("polytomic-no-rows")["data"]
    looped = ends("polytomic-loop")
    assert shared.get(looped["links"]["next"]).status_code == 200
    assert ends("polytomic-elsewhere")["links"]["next"].startswith(
        "https://elsewhere.example/"
    )
    shared.sandbox.faults.add(NAMED_FAULTS["polytomic-in-flight"])
    assert shared.post("SELECT 1").status_code == 409


def test_queries_and_results_outlive_the_process(tmp_path):
    with open_sandbox(data_dir=tmp_path) as wire:
        job = wire.submitted("SELECT n FROM numbers(150)", Idempotency_Key="our-key-1")
        link = wire.result(job).json()["links"]["next"]
    broken = tmp_path / "sandbox" / "polytomic" / "broken"
    broken.mkdir()
    (broken / "task.json").write_text("{")
    with open_sandbox(data_dir=tmp_path) as wire:
        assert len(wire.get(link).json()["data"]["results"]) == 50
        assert ids(wire.post("SELECT 1", Idempotency_Key="our-key-1")) == {job}
        assert not broken.exists()


def test_a_query_that_was_not_finished_starts_again(tmp_path):
    statement = (
        "SELECT count(*) AS v FROM range(100000) a, range(100000) b, range(1000) c"
    )
    with open_sandbox(data_dir=tmp_path) as wire:
        job = wire.post(statement).json()["data"]["id"]
    path = tmp_path / "sandbox" / "polytomic" / job / "task.json"
    task = json.loads(path.read_text())
    assert task["outcome"] == ""
    path.write_text(json.dumps(task | {"query": "SELECT 5 AS v"}))
    with open_sandbox(data_dir=tmp_path) as wire:
        wire.sandbox.wait_until_idle()
        assert wire.result(job).json()["data"]["results"] == [{"v": 5}]


def test_only_so_many_queries_are_kept():
    with open_sandbox(polytomic=replace(SMALL, queries_kept=2)) as wire:
        first, second, third = (wire.submitted(f"SELECT {n}") for n in range(3))
        assert wire.result(first).status_code == 404
        assert wire.result(second).status_code == 200
        assert wire.result(third).status_code == 200


def test_pages_that_are_gone_are_not_found(tmp_path):
    with open_sandbox(data_dir=tmp_path) as wire:
        job = wire.submitted("SELECT 1")
        (tmp_path / "sandbox" / "polytomic" / job / "0.json").unlink()
        assert wire.result(job).status_code == 404


def test_rows_that_cannot_be_kept_leave_the_query_running(
    tmp_path, monkeypatch, caplog
):
    def full(*_):
        raise OSError("no space")

    monkeypatch.setattr("sandbox.polytomic.tasks.TaskStore.write_page", full)
    with open_sandbox(data_dir=tmp_path) as wire:
        job = wire.submitted("SELECT 1")
        assert wire.result(job).json()["data"]["status"] == "running"
    assert "could not keep the rows" in caplog.text
