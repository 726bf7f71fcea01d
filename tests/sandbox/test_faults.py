"""Every misbehaviour, as a client sees it."""

from __future__ import annotations

import json
import time
import zlib

import httpx
import pytest
from msgspec.structs import replace

from sandbox.coralogix.faults import NAMED_FAULTS, UNUSUAL_ROWS, WARNINGS
from sandbox.faults import Fault, FaultInjector
from tests.sandbox.conftest import ndjson, open_sandbox, rows_of, warnings_of


def raw(wire, statement: str = "source logs | limit 300") -> bytes:
    """The bytes of a direct answer as far as they came."""
    body = json.dumps(
        {
            "query": statement,
            "metadata": {
                "startDate": "2026-03-09T12:00:00Z",
                "endDate": "2026-03-11T12:00:00Z",
            },
        }
    )
    received = b""
    with wire.http.stream(
        "POST", "/api/v1/dataprime/query", content=body, headers=wire.headers
    ) as answer:
        try:
            for piece in answer.iter_raw():
                received += piece
        except httpx.RemoteProtocolError:
            received += b"<cut>"
    return received


def test_a_truncated_stream_ends_in_the_middle_of_a_line(wire):
    wire.sandbox.faults.add(NAMED_FAULTS["truncated"])
    received = raw(wire)
    assert received.endswith(b"<cut>")
    lines = received.removesuffix(b"<cut>").split(b"\n")
    assert len(lines) == 3
    assert len(json.loads(lines[1])["result"]["results"]) == 100
    with pytest.raises(json.JSONDecodeError):
        json.loads(lines[2])
    assert not raw(wire).endswith(b"<cut>")  # only once


def test_a_stream_can_be_truncated_without_http_noticing(wire):
    wire.sandbox.faults.add(NAMED_FAULTS["truncated-cleanly"])
    received = raw(wire)
    assert not received.endswith((b"<cut>", b"\n"))


@pytest.mark.parametrize(("name", "least"), [("stalled", 2), ("no-answer", 0)])
def test_a_stall_holds_the_answer(wire, name, least):
    wire.sandbox.faults.add(replace(NAMED_FAULTS[name], seconds=0.3))
    started = time.monotonic()
    lines = raw(wire).splitlines()
    assert time.monotonic() - started >= 0.3
    assert len(lines) == 5
    assert least <= len(lines)


def test_a_drip_sends_a_little_at_a_time(wire):
    wire.sandbox.faults.add(replace(NAMED_FAULTS["slow-drip"], size=20, seconds=0.02))
    started = time.monotonic()
    lines = ndjson_bytes(raw(wire, "source logs | limit 0"))
    assert time.monotonic() - started >= 0.1
    assert [next(iter(line)) for line in lines] == ["queryId", "statistics"]


def ndjson_bytes(received: bytes) -> list[dict]:
    return [json.loads(line) for line in received.splitlines() if line.strip()]


def test_chunks_may_split_anything(wire):
    plain = len(rows_of(ndjson_bytes(raw(wire))))
    wire.sandbox.faults.add(NAMED_FAULTS["split-anywhere"])
    assert len(rows_of(ndjson_bytes(raw(wire)))) == plain == 300


def test_newlines_can_be_odd(wire):
    wire.sandbox.faults.add(NAMED_FAULTS["odd-newlines"])
    received = raw(wire)
    assert received.count(b"\r\n\r\n") == 4
    assert not received.endswith(b"\n")
    assert len(rows_of(ndjson_bytes(received))) == 300


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("fails-midway", "error"),
        ("rate-limited-midway", "error"),
        ("message-midway", "message"),
    ],
)
def test_a_stream_can_fail_after_rows_were_sent(wire, name, key):
    wire.sandbox.faults.add(NAMED_FAULTS[name])
    lines = ndjson_bytes(raw(wire))
    assert [next(iter(line)) for line in lines] == ["queryId", "result", key]


def test_the_statistics_can_say_failed_or_be_missing(wire):
    wire.sandbox.faults.add(NAMED_FAULTS["statistics-failed"])
    assert wire.lines()[-1]["statistics"]["status"] == "FAILED"
    wire.sandbox.faults.add(NAMED_FAULTS["no-statistics"])
    assert "statistics" not in wire.lines()[-1]


def test_heartbeats_and_unknown_lines_come_in_between(wire):
    wire.sandbox.faults.add(NAMED_FAULTS["heartbeats"])
    lines = ndjson_bytes(raw(wire))
    assert [next(iter(line)) for line in lines[:4]] == [
        "queryId",
        "heartbeat",
        "somethingNew",
        "result",
    ]


def test_every_kind_of_warning_can_be_played(wire):
    wire.sandbox.faults.add(NAMED_FAULTS["warnings"], NAMED_FAULTS["submit-warnings"])
    played = [
        next(iter(warning))
        for warning in warnings_of(wire.lines("source logs | limit 1"))
    ]
    assert len(set(played)) == 14  # the thirteen of the schema and one nobody knows
    assert wire.submit().json()["warnings"] == list(WARNINGS)


def test_odd_rows_can_be_played_in_both_envelopes(wire):
    wire.sandbox.faults.add(NAMED_FAULTS["odd-rows"], NAMED_FAULTS["odd-data"])
    assert rows_of(wire.lines("source logs | limit 0")) == list(UNUSUAL_ROWS)
    data = ndjson(wire.data(wire.submitted("source logs | limit 3")))
    assert rows_of(data)[3:] == list(UNUSUAL_ROWS)


def test_a_malformed_line_can_be_played(wire):
    wire.sandbox.faults.add(NAMED_FAULTS["malformed-line"])
    with pytest.raises(json.JSONDecodeError):
        ndjson_bytes(raw(wire))


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("unauthorised", 401), ("forbidden", 403), ("rate-limited", 429), ("rate-limited-silently", 429),
        ("unavailable", 503), ("bad-gateway", 502), ("gateway-timeout", 504), ("broken", 500),
        ("not-found-in-words", 500), ("error-text", 400), ("error-string", 400), ("error-object", 400),
        ("error-detail", 400), ("error-list", 400), ("redirect", 307), ("not-json", 200), ("empty-result", 200),
    ],
)  # fmt: skip
def test_any_status_and_body_can_be_played(wire, name, status):
    wire.sandbox.faults.add(NAMED_FAULTS[name])
    answer = wire.query()
    assert answer.status_code == status
    assert answer.text == NAMED_FAULTS[name].body
    assert wire.query("source logs | limit 1").status_code == 200


def test_retry_after_comes_or_does_not(wire):
    wire.sandbox.faults.add(
        NAMED_FAULTS["rate-limited"],
        replace(NAMED_FAULTS["rate-limited-silently"], skip=1),
    )
    assert wire.query().headers["retry-after"] == "2"
    assert "retry-after" not in wire.query().headers


def test_a_redirect_points_away(wire):
    wire.sandbox.faults.add(NAMED_FAULTS["redirect"])
    assert wire.query().headers["location"].startswith("http://127.0.0.1:9/")


@pytest.mark.parametrize(
    ("name", "call", "status"),
    [
        ("not-enabled", "submit", 404), ("data-as-text", "data", 200), ("gone-in-words", "status", 200),
        ("cannot-cancel", "cancel", 409),
    ],
)  # fmt: skip
def test_the_background_addresses_misbehave_each_in_its_way(wire, name, call, status):
    path = {"submit": "background-query"}.get(call, f"background-query/{call}")
    wire.sandbox.faults.add(NAMED_FAULTS[name])
    assert wire.query("source logs | limit 1").status_code == 200  # not meant
    answer = wire.post(path, {"queryId": "x"})
    assert (answer.status_code, answer.text) == (status, NAMED_FAULTS[name].body)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("waiting", {"waitingForExecution"}), ("running", {"running"}), ("success", {"terminated"}),
        ("cancelled", {"terminated"}), ("cancelled-error", {"terminated"}), ("failed", {"terminated"}),
        ("timed-out", {"terminated"}), ("unknown", {"hibernating"}), ("absent", set()),
    ],
)  # fmt: skip
def test_any_state_can_be_played(wire, name, members):
    wire.sandbox.faults.add(NAMED_FAULTS[f"state-{name}"])
    body = wire.status("whatever")
    assert set(body) - {"submittedAt", "metadata", "warnings"} == members


def test_503_comes_as_often_as_asked(wire):
    wire.sandbox.faults.add(
        replace(NAMED_FAULTS["unavailable"], times=3, operation="status")
    )
    query_id = wire.submitted("source logs | limit 1")
    statuses = [
        wire.post("background-query/status", {"queryId": query_id}).status_code
        for _ in range(5)
    ]
    assert statuses == [503, 503, 503, 200, 200]


def test_a_fault_may_wait_its_turn_and_mean_one_statement_only(wire):
    wire.sandbox.faults.add(
        replace(NAMED_FAULTS["broken"], match="limit 7", skip=1, times=None)
    )
    statements = [
        "source logs | limit 7",
        "source logs | limit 8",
        "source logs | limit 7",
        "source logs | limit 7",
    ]
    assert [wire.query(statement).status_code for statement in statements] == [
        200,
        200,
        500,
        500,
    ]
    wire.sandbox.faults.clear()
    assert wire.query(statements[0]).status_code == 200


def test_a_submit_can_take_effect_without_an_answer():
    with open_sandbox(count=3) as wire:
        wire.sandbox.faults.add(NAMED_FAULTS["submit-unanswered"])
        with pytest.raises(httpx.RemoteProtocolError):
            wire.submit()
        wire.sandbox.wait_until_idle()
        [job] = wire.sandbox.jobs
        assert "success" in wire.status(job.id)["terminated"]


def test_a_connection_can_be_cut_before_anything_happens():
    with open_sandbox(count=3) as wire:
        wire.sandbox.faults.add(NAMED_FAULTS["cut"])
        with pytest.raises(httpx.RemoteProtocolError):
            wire.submit()
        assert wire.sandbox.jobs == []


def test_a_gzip_bomb_is_small_on_the_wire_and_large_inside(wire):
    wire.sandbox.faults.add(replace(NAMED_FAULTS["gzip-bomb"], size=50_000_000))
    received = raw(wire, "source logs | limit 1")
    assert len(received) < 100_000
    unpacked = zlib.decompress(received, zlib.MAX_WBITS | 16)
    assert len(unpacked) > 50_000_000
    assert b"queryId" in unpacked


def test_several_faults_work_together(wire):
    wire.sandbox.faults.add(
        NAMED_FAULTS["heartbeats"],
        NAMED_FAULTS["odd-newlines"],
        NAMED_FAULTS["split-anywhere"],
    )
    assert len(rows_of(ndjson_bytes(raw(wire)))) == 300


def test_a_used_up_fault_is_gone():
    box = FaultInjector()
    box.add(Fault(kind="reply", times=2), Fault(kind="drip", times=None))
    assert [len(box.consume("query", b"")) for _ in range(3)] == [2, 2, 1]
    assert [fault.kind for fault in box.pending()] == ["drip"]


def test_faults_can_be_set_from_outside_when_that_is_allowed():
    with open_sandbox(count=1, fault_control=True) as wire:
        control = "/_sandbox/faults"
        set_ = wire.http.post(
            control,
            json=[
                {"name": "broken", "times": 2},
                {"kind": "reply", "status": 418, "skip": 2},
            ],
        )
        assert set_.status_code == 200
        assert [fault["status"] for fault in wire.http.get(control).json()] == [
            500,
            418,
        ]
        assert [wire.query().status_code for _ in range(4)] == [500, 500, 418, 200]
        wire.http.post(control, json={"name": "broken", "times": None})
        assert wire.http.delete(control).json() == []
        assert wire.query().status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"name":"nonsense"}',
        b'{"kind":"reply","colour":"red"}',
        b'{"kind":"explode"}',
        b"7",
    ],
)
def test_what_is_no_fault_is_refused(body):
    with open_sandbox(count=1, fault_control=True) as wire:
        answer = wire.http.post("/_sandbox/faults", content=body)
    assert answer.status_code == 400
    assert "truncated" in answer.json()["names"]


def test_faults_cannot_be_set_from_outside_otherwise(wire):
    assert (
        wire.http.post("/_sandbox/faults", json={"name": "broken"}).status_code == 404
    )


def test_every_named_fault_is_a_valid_one():
    for name, fault in NAMED_FAULTS.items():
        assert fault.times == 1, name
