"""The protocol over real HTTP: who may ask, the life of a task, pages, files, and how it refuses."""

from __future__ import annotations

import base64
import io
import zipfile

import httpx
import openpyxl
import pytest

from sandbox.config import (
    DEMO_KEY,
    LIMITED_KEY,
    OTHER_TENANT_KEY,
    Limits,
    Pace,
    SandboxConfig,
)
from sandbox.running import running_sandbox
from sandbox.saf.faults import NAMED_FAULTS
from sandbox.saf.xlsx import write_workbook
from tests.sandbox.saf.conftest import ROOT, open_sandbox

PACE = Pace(waiting=2, running=10, cancelling=1)


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("header", [f"Bearer {DEMO_KEY}", f"ApiKey {DEMO_KEY}", basic("demo", DEMO_KEY), basic("limited", LIMITED_KEY)])  # fmt: skip
def test_every_way_of_signing_in_opens(api, header):
    assert api.with_authorization(header).call("GET", "/status/").status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nobody", f"Token {DEMO_KEY}", basic("anna", DEMO_KEY), basic("demo", "x"), "Basic ???", "Basic " + base64.b64encode(b"\xff").decode()])  # fmt: skip
def test_others_are_challenged(api, header):
    answer = api.with_authorization(header).call("GET", "/status/")
    assert (answer.status_code, answer.text) == (401, "Unauthorized")
    assert answer.headers["www-authenticate"].startswith("Basic realm=")


def test_a_user_without_the_permission_is_told_which(api):
    limited = api.with_authorization(f"Bearer {LIMITED_KEY}")
    error = limited.submit().json()["error"]
    assert error["type"] == "security_exception"
    assert "[cluster:admin/sme/async_requests]" in error["reason"]
    assert limited.call("GET", "/status/").json() == {"tasks": []}


def test_a_task_waits_runs_and_ends_by_the_clock():
    with open_sandbox(count=100, pace=PACE) as wire:
        task = wire.submitted("source * | head 7")
        seen = [wire.status(task)]
        for seconds in (4, 5, 5):
            wire.clock.advance(seconds)
            seen.append(wire.status(task))
        logs = wire.call("GET", f"/logs/{task}").json()["logs"]
    assert [status["status"] for status in seen] == ["QUEUED", "RUNNING", "RUNNING", "COMPLETED"]  # fmt: skip
    assert [status.get("progress") for status in seen] == [None, 0.2, 0.7, 1]
    assert seen[0]["created"] == "2026-03-10T12:00:00.000Z"
    assert seen[-1]["endTime"] == "2026-03-10T12:00:12.000Z"
    assert seen[-1]["total"] == 7
    assert (seen[-1]["user"], seen[-1]["dtStart"]) == ("demo", "now-1d")
    assert [line["level"] for line in logs] == ["INFO"] * 3


def test_a_query_may_be_told_to_take_its_time():
    with open_sandbox(count=100, pace=PACE) as wire:
        slow = wire.submitted("source * sandbox_seconds=60 | head 7")
        quick = wire.submitted("source * sandbox_seconds=3 | head 7")
        wire.clock.advance(13)
        assert wire.status(slow)["status"] == "RUNNING"
        assert wire.status(quick)["status"] == "COMPLETED"
        wire.clock.advance(50)
        assert wire.status(slow)["status"] == "COMPLETED"


def test_a_task_is_broken_once():
    with open_sandbox(count=100, pace=PACE) as wire:
        task = wire.submitted()
        assert wire.call("GET", f"/response/{task}").status_code == 409
        assert wire.call("POST", f"/break/{task}").json() == {"acknowledged": True}
        wire.clock.advance(2)
        status = wire.status(task)
        again = wire.call("POST", f"/break/{task}")
        rows = wire.call("GET", f"/response/{task}")
        logs = wire.call("GET", f"/logs/{task}").json()["logs"]
    assert status["status"] == "CANCELED"
    assert again.status_code == 409
    assert "not active" in again.json()["error"]["reason"]
    assert rows.status_code == 404
    assert logs[-1]["message"] == "execution cancelled"


@pytest.mark.parametrize("path", ["/break/", "/break"])
def test_all_active_tasks_of_the_user_are_broken_and_no_others(path):
    with open_sandbox(count=100, pace=PACE) as wire:
        stranger = wire.with_authorization(basic("neighbour", OTHER_TENANT_KEY))
        mine, theirs = [wire.submitted() for _ in range(2)], stranger.submitted()
        assert wire.call("POST", path).json() == {"acknowledged": True, "count": 2}
        wire.clock.advance(3)
        assert {wire.status(task)["status"] for task in mine} == {"CANCELED"}
        assert stranger.status(theirs)["status"] == "RUNNING"
        assert wire.call("GET", f"/status/{theirs}").status_code == 404
        assert len(stranger.call("GET", "/status").json()["tasks"]) == 1


def test_a_page_begins_at_from_and_ends_before_to(api):
    task = api.submitted("source * | fields n")
    pages = {
        (0, 3): [0, 1, 2],
        (100, 102): [100, 101],
        (2_999, 5_000): [2_999],
        (3_000, 3_010): [],
        (7, 7): [],
        (9_000, 9_001): [],
    }
    for (first, end), numbers in pages.items():
        page = api.response(task, **{"from": first, "to": end})
        assert [row["n"] for row in page["results"]] == numbers
        assert page["total"] == 3_000
    assert len(api.response(task)["results"]) == 3_000
    assert [row["n"] for row in api.response(task, **{"from": 2_998})["results"]] == [2_998, 2_999]  # fmt: skip
    assert api.response(task, to=1)["fields"] == ["n"]


@pytest.mark.parametrize("params", [{"from": -1}, {"from": "x"}, {"to": "1.5"}, {"from": 5, "to": 4}, {"to": "9" * 20}])  # fmt: skip
def test_a_page_that_cannot_be_is_refused(api, params):
    answer = api.call("GET", f"/response/{api.submitted()}", params=params)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "illegal_argument_exception"


def test_statistics_and_cost_come_only_when_asked_for(api):
    plain = api.response(api.submitted("source *"), to=1)
    assert not {"sidebar", "timeline", "executionCost"} & set(plain)
    task = api.submitted("source * | head 60", calculateStats=True, calculateExecutionCost="info")  # fmt: skip
    full = api.response(task, to=1)
    assert api.response(task, to=1) == full
    assert full["executionCost"] == {"level": "INFO", "totalMillis": 0, "rows": 60, "bytesScanned": full["executionCost"]["bytesScanned"]}  # fmt: skip
    fields = {field["name"]: field for field in full["sidebar"]["fields"]}
    assert fields["n"]["distinct"] == 60
    assert fields["group"]["values"][0] == {"value": "g0", "count": 6}
    assert fields["nested.a.b"]["count"] == 60
    assert "nothing" not in fields
    assert sum(bucket["count"] for bucket in full["timeline"]["fields"]) == 60
    debug = api.response(api.submitted("source * | head 1", calculateExecutionCost="DEBUG"))  # fmt: skip
    assert [step["command"] for step in debug["executionCost"]["commands"]] == ["source *", "head 1"]  # fmt: skip


def test_figures_have_no_timeline(api):
    task = api.submitted("source * | aggs count", calculateStats=True)
    assert api.response(task)["timeline"] == {"fields": []}


def test_a_deleted_result_is_gone_and_its_task_is_not(api):
    task = api.submitted()
    assert api.call("DELETE", f"/delete/{task}").json() == {"acknowledged": True}
    for method, path in (("GET", "response"), ("DELETE", "delete")):
        assert api.call(method, f"/{path}/{task}").status_code == 404
    assert api.call("POST", f"/file_download/{task}", json={"file_name": "x", "file_type": "csv"}).status_code == 404  # fmt: skip
    assert api.status(task)["status"] == "COMPLETED"


def test_deleting_an_active_task_stops_it():
    with open_sandbox(count=10, pace=PACE) as wire:
        task = wire.submitted()
        assert wire.call("DELETE", f"/delete/{task}").status_code == 200
        wire.clock.advance(2)
        assert wire.status(task)["status"] == "CANCELED"


def test_a_task_outlives_the_process_and_expires(tmp_path):
    limits = Limits(queries_per_minute=0)
    with open_sandbox(count=10, data_dir=tmp_path, limits=limits) as wire:
        task = wire.submitted()
    with open_sandbox(count=10, data_dir=tmp_path, limits=limits) as wire:
        assert len(wire.response(task)["results"]) == 10
        wire.clock.advance(31 * 86_400)
        assert wire.call("GET", f"/status/{task}").status_code == 404
        assert wire.call("GET", "/status/").json() == {"tasks": []}


def test_the_demo_has_tasks_from_elsewhere_and_keeps_them(tmp_path):
    def ids():
        with running_sandbox(SandboxConfig(demo_rows=2_000, data_dir=tmp_path)) as sandbox:  # fmt: skip
            sandbox.wait_until_idle()
            return [job.id for job in sandbox.jobs if job.wire == "saf"]

    assert len(ids()) == 2
    assert ids() == ids()


def file_of(api, query="source * | fields n, word, nested, list", **members):
    body = {"file_name": "a b", "file_type": "csv"} | members
    return api.call("POST", f"/file_download/{api.submitted(query)}", json=body)


def test_a_file_holds_ten_thousand_rows_unless_told(monkeypatch):
    with open_sandbox(count=10_050) as wire:
        task = wire.submitted("source * | fields n")
        sizes = {
            ((), 10_000),
            ((("download_results_size", 3),), 3),
            ((("download_results_size", 0),), 0),
            ((("download_results_size", 99_999),), 10_050),
            ((("download_all_results", True), ("download_results_size", 3)), 10_050),
        }
        for members, count in sizes:
            body = {"file_name": "x", "file_type": "json"} | dict(members)
            answer = wire.call("POST", f"/file_download/{task}", json=body)
            assert [row["n"] for row in answer.json()] == list(range(count))


def test_a_csv_has_a_heading_and_one_line_a_row(api):
    answer = file_of(api, download_results_size=1)
    assert answer.headers["content-disposition"] == 'attachment; filename="a b.csv"'
    assert answer.text == 'n,word,nested.a.b,list\r\n0,harbour,0,"[0,""x""]"\r\n'


def test_an_xlsx_opens_with_every_script_in_it(api):
    answer = file_of(api, file_type="xlsx", download_results_size=8)
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("n", "word", "nested.a.b", "list")
    assert [row[0] for row in rows[1:]] == list(range(8))
    assert rows[4][1] == "海"
    assert rows[7][1] == "=SUM(1+1)"


def test_a_workbook_keeps_what_cells_cannot_hold(tmp_path):
    path = tmp_path / "x.xlsx"
    cells = [None, True, 1.5, -3, 2**60, "a\x00<b>&\ud800", float("nan"), "x" * 40_000]
    write_workbook(path, ["h"] * len(cells), [cells])
    row = [cell.value for cell in next(openpyxl.load_workbook(path).active.iter_rows(min_row=2))]  # fmt: skip
    assert row[:5] == [None, "True", 1.5, -3, str(2**60)]
    assert row[5] == "a\ufffd<b>&\ufffd"
    assert row[6] == "nan"
    assert len(row[7]) == 32_767


def test_a_file_is_zipped_if_wanted(api):
    answer = file_of(api, compress_results=True, file_type="json", file_name="../é")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == [".._é.json"]


@pytest.mark.parametrize("members", [{"file_name": ""}, {"file_type": "pdf"}, {"file_type": None}, {"download_results_size": -1}, {"download_results_size": True}, {"compress_results": "yes"}, {"file_name": 7}])  # fmt: skip
def test_a_file_that_cannot_be_is_refused(api, members):
    answer = file_of(api, **members)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "illegal_argument_exception"


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"query": ""}, "illegal_argument_exception"),
        ({"query": None}, "illegal_argument_exception"),
        ({"query": 7}, "illegal_argument_exception"),
        ({"query": "source a | x"}, "parsing_exception"),
        ({"dtFieldName": "when"}, "illegal_argument_exception"),
        ({"dtStart": "yesterday"}, "parse_exception"),
        ({"dtEnd": "2026-13-01"}, "parse_exception"),
        ({"calculateStats": "yes"}, "illegal_argument_exception"),
        ({"calculateExecutionCost": "ALL"}, "illegal_argument_exception"),
    ],
)
def test_a_request_that_cannot_be_is_refused(api, members, kind):
    answer = api.submit(**members)
    assert answer.status_code == 400
    body = answer.json()
    assert (body["status"], body["error"]["type"]) == (400, kind)
    assert body["error"]["root_cause"][0]["reason"] == body["error"]["reason"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(api, body):
    answer = api.call("POST", "/request", content=body)
    assert answer.json()["error"]["type"] == "x_content_parse_exception"


def test_what_is_left_out_is_the_clusters_default(api):
    assert len(api.rows("source *", dtStart=None, dtEnd=None)) < 3_000
    assert len(api.rows("source *", dtFieldName="@timestamp", dtEnd=None)) == 3_000


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/request", 405), ("POST", "/status/", 405), ("GET", "/break/", 405), ("PUT", "/response/x", 405), ("GET", "/nothing", 400), ("GET", "/nothing/x", 400)])  # fmt: skip
def test_routes_that_are_not_there_are_refused_as_opensearch_does(api, method, path, status):  # fmt: skip
    answer = api.call(method, path)
    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)


def test_an_id_that_is_not_there_is_not_found(api):
    for method, path in (("GET", "status"), ("GET", "response"), ("GET", "logs"), ("POST", "break"), ("DELETE", "delete")):  # fmt: skip
        answer = api.call(method, f"/{path}/12345")
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] == "resource_not_found_exception"


def test_a_proxy_may_put_a_path_before_it(api):
    answer = api.http.get(f"/opensearch{ROOT}/status/", headers=api.headers)
    assert answer.status_code == 200


def test_statistics_can_be_asked_for_beforehand(api):
    def ask(call, **params):
        return api.http.get(f"/_sme/queryStats/{call}", params=params, headers=api.headers)  # fmt: skip

    assert ask("validate", query="source *").json() == {"sidebar": True, "timeline": True}  # fmt: skip
    assert ask("validate", query="source a, b").json() == {"sidebar": False, "timeline": False}  # fmt: skip
    assert ask("validate", query="nonsense").status_code == 400
    found = ask("timeline", query="source * | search even=true | head 3", startTime="now-2h", endTime="now").json()  # fmt: skip
    assert sum(bucket["count"] for bucket in found["fields"]) == 1_500
    assert ask("timeline", query="source *", startTime="x").status_code == 400


def test_a_query_that_takes_too_long_is_an_error(monkeypatch):
    limits = Limits(queries_per_minute=0, query_seconds=0.0)
    with open_sandbox(count=50_000, limits=limits) as wire:
        task = wire.submitted("source * | sort text")
        status = wire.status(task)
        answer = wire.http.get("/_sme/queryStats/timeline", params={"query": "source *", "startTime": "now-1d"}, headers=wire.headers)  # fmt: skip
    assert status["status"] == "FAILED"
    assert answer.status_code == 500


@pytest.mark.parametrize("name", sorted(NAMED_FAULTS))
def test_every_oddity_can_be_asked_for_by_name(name):
    with open_sandbox(count=1, fault_control=True) as wire:
        answer = wire.http.post("/_sandbox/faults", json={"name": name})
        assert answer.status_code == 200
        assert len(answer.json()) == 1


def test_a_submit_may_be_taken_without_an_answer(api):
    before = len(api.sandbox.jobs)
    api.sandbox.faults.add(NAMED_FAULTS["saf-submit-unanswered"])
    with pytest.raises(httpx.RemoteProtocolError):
        api.submit()
    assert len(api.sandbox.jobs) == before + 1


@pytest.mark.parametrize(("name", "state"), [("saf-ends-failed", "FAILED"), ("saf-ends-timed-out", "FAILED"), ("saf-ends-cancelled", "CANCELED")])  # fmt: skip
def test_a_fault_decides_how_a_task_ends(api, name, state):
    api.sandbox.faults.add(NAMED_FAULTS[name])
    task = api.submitted()
    assert api.status(task)["status"] == state
    assert api.call("GET", f"/logs/{task}").json()["logs"][-1]["level"] in {"ERROR", "WARN"}  # fmt: skip
