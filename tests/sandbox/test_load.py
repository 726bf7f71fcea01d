"""The user's own rows: NDJSON and plain text, sorted and understood, or refused with the line's number."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta

import msgspec
import pytest

from sandbox.config import SandboxError
from sandbox.load import MAX_LINE_BYTES, prepare_loaded_rows
from sandbox.log_detection import detect_in_object, detect_in_text
from tests.sandbox.conftest import NOW, data_of, open_sandbox, pairs, rows_of

SECOND = 10**9
NOON = int(NOW.timestamp()) * SECOND


def load(tmp_path, text: str | bytes, name: str = "app.log") -> int:
    origin = tmp_path / name
    origin.write_bytes(text if isinstance(text, bytes) else text.encode())
    return prepare_loaded_rows(tmp_path / "loaded.parquet", origin=origin, now=NOW)


def test_ndjson_becomes_rows_newest_first(tmp_path):
    origin = tmp_path / "app.ndjson"
    origin.write_text(
        '{"timestamp":"2026-03-10T11:00:00.123456789Z","level":"warn","app":"web","service":"api","n":1}\n'
        "\n"
        '{"timestamp":"2026-03-10T11:30:00+02:00","severity":6,"n":2,"big":123456789012345678901234567890}\n'
        '{"@timestamp":1773142200000,"n":3}\n'
    )
    with open_sandbox(load=origin) as wire:
        lines = wire.lines()
        assert wire.sandbox.extent.rows == 3
    assert [row["n"] for row in data_of(lines)] == [3, 1, 2]
    first, second, third = rows_of(lines)
    assert pairs(first, "labels") == {
        "applicationname": "loaded",
        "subsystemname": "app.ndjson",
    }
    assert pairs(second, "metadata")["timestamp"] == "2026-03-10T11:00:00.123456789"
    assert pairs(second, "metadata")["severity"] == "4"
    assert pairs(second, "labels") == {"applicationname": "web", "subsystemname": "api"}
    assert pairs(third, "metadata")["severity"] == "6"
    assert "123456789012345678901234567890" in third["userData"]


def test_plain_text_becomes_rows_too(tmp_path):
    origin = tmp_path / "syslog"
    origin.write_text(
        "2026-03-10 11:40:00,250 ERROR disk full\n2026-03-10T11:41:00Z all well\n"
    )
    with open_sandbox(load=origin) as wire:
        first, second = rows_of(wire.lines())
    assert (first["userData"], second["userData"]) == (
        "2026-03-10T11:41:00Z all well",
        "2026-03-10 11:40:00,250 ERROR disk full",
    )
    assert pairs(second, "metadata")["severity"] == "5"
    assert pairs(second, "metadata")["timestamp"] == "2026-03-10T11:40:00.250000000"


def test_json_between_plain_lines_stays_json_unless_the_database_would_choke_on_it(
    tmp_path,
):
    origin = tmp_path / "mixed.log"
    origin.write_text('starting\n{"n":1}\n{"lone":"\\ud83d end"}\n{broken\n')
    with open_sandbox(load=origin) as wire:
        found = rows_of(wire.lines("source logs | filter $d.n == 1"))
        everything = rows_of(wire.lines())
    assert [row["userData"] for row in found] == ['{"n":1}']
    assert [row["userData"] for row in everything] == [
        "{broken",
        '{"lone":"\\ud83d end"}',
        '{"n":1}',
        "starting",
    ]


def test_lines_without_a_time_are_spread_over_the_last_hour_in_order(tmp_path):
    origin = tmp_path / "app.log"
    origin.write_text("".join(f'{{"n":{n}}}\n' for n in range(500)))
    with open_sandbox(load=origin) as wire:
        lines = wire.lines(tier="TIER_ARCHIVE")
    assert [row["n"] for row in data_of(lines)] == list(range(499, -1, -1))
    times = [pairs(row, "metadata")["timestamp"] for row in rows_of(lines)]
    assert times[-1] == "2026-03-10T11:00:00.000000000"
    assert times == sorted(set(times), reverse=True)


def test_a_gzipped_file_is_read_as_well(tmp_path):
    assert load(tmp_path, gzip.compress(b'{"n":1}\n{"n":2}'), "app.log.gz") == 2


def test_a_byte_order_mark_and_windows_newlines_do_not_matter(tmp_path):
    assert load(tmp_path, b'\xef\xbb\xbf{"n":1}\r\n{"n":2}\r\n') == 2


def test_an_unchanged_file_is_read_once(tmp_path):
    assert load(tmp_path, '{"n":1}\n') == 1
    made = (tmp_path / "loaded.parquet").stat().st_mtime_ns
    assert (
        prepare_loaded_rows(
            tmp_path / "loaded.parquet", origin=tmp_path / "app.log", now=NOW
        )
        == 1
    )
    assert (tmp_path / "loaded.parquet").stat().st_mtime_ns == made
    assert load(tmp_path, '{"n":1}\n{"n":2}\n') == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"n":1}\n{"n":\n', "line 2 is not a JSON object"),
        ('{"n":1}\n\n[1]\n', "line 3 is not a JSON object"),
        ('{"n":1}\n"text"\n', "line 2 is not a JSON object"),
        ("[{}]\n", "line 1 opens a JSON array"),
        ("[\n{}\n]\n", "line 1 opens a JSON array"),
        (b"fine\n\xff\xfe\n", "line 2 is not UTF-8"),
        (b"PAR1\0\0\n", "line 1 holds a NUL"),
        (b"x" * (MAX_LINE_BYTES + 1), "line 1 is longer than 1,048,576 bytes"),
        ("\n \n", "there is no line in it"),
        (gzip.compress(b"x\n" * 9000, mtime=0)[:30], "app.log"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(tmp_path, text, words):
    with pytest.raises(SandboxError, match=words):
        load(tmp_path, text)
    assert {path.name for path in tmp_path.iterdir()} <= {"app.log", "data", "tmp"}


def test_a_missing_file_is_said_in_words(tmp_path):
    with (
        pytest.raises(SandboxError, match="No such file"),
        open_sandbox(load=tmp_path / "nowhere.log"),
    ):
        pass


@pytest.mark.parametrize(
    ("value", "ns"),
    [
        (1773144000, NOON), (1773144000.5, NOON + SECOND // 2), (1773144000123, NOON + 123_000_000),
        (1773144000123456, NOON + 123_456_000), (1773144000123456789, NOON + 123_456_789),
        ("2026-03-10T12:00:00Z", NOON), ("2026-03-10 12:00:00", NOON), ("2026-03-10T12:00:00.5+00:00", NOON + SECOND // 2),
        ("2026-03-10 12:00:00 UTC", NOON), ("tomorrow", None), (0, None), (-5, None), (True, None), (None, None),
        ([1], None), (10**19, None), ("9999-01-01T00:00:00Z", None),
    ],
)  # fmt: skip
def test_a_time_is_recognised_in_the_usual_forms(value, ns):
    assert detect_in_object({"time": value}).ns == ns


@pytest.mark.parametrize(
    ("value", "severity"),
    [
        ("DEBUG", 1), ("trace", 2), ("Information", 3), (" warn ", 4), ("ERR", 5), ("fatal", 6), ("4", 4), (5, 5),
        (20, 1), (60, 6), (99, 3), ("loud", 3), (True, 3), (2.5, 3),
    ],
)  # fmt: skip
def test_a_severity_is_recognised_in_the_usual_forms(value, severity):
    assert detect_in_object({"level": value}).severity == severity


def test_a_number_no_machine_integer_holds_is_no_time():
    raw = msgspec.json.decode(
        '{"time":123456789012345678901234567890}', type=dict[str, msgspec.Raw]
    )
    assert detect_in_object(raw).ns is None


def test_the_first_field_that_makes_sense_counts():
    found = detect_in_object(
        {
            "timestamp": "n/a",
            "ts": 1773144000,
            "severity": "",
            "level": "error",
            "app": "",
            "namespace": "shop",
        }
    )
    assert (found.ns, found.severity, found.application, found.subsystem) == (
        NOON,
        5,
        "shop",
        None,
    )


@pytest.mark.parametrize(
    ("text", "ns", "severity"),
    [
        ("[2026-03-10T12:00:00+02:00] warning: hot", NOON - 7200 * SECOND, 4),
        ("2026-03-10 12:00:00 -0530 x", NOON + 19_800 * SECOND, 3),
        ("2026-13-40 12:00:00 info", None, 3),
        ("terror in the informal log", None, 3),
        ("CRITICAL now", None, 6),
    ],
)
def test_a_plain_line_tells_its_time_and_severity(text, ns, severity):
    found = detect_in_text(text)
    assert (found.ns, found.severity) == (ns, severity)


def test_rows_given_by_a_test_may_carry_their_own_time():
    rows = [
        {
            "timestamp": (NOW - timedelta(minutes=40)).isoformat(),
            "level": "error",
            "n": 1,
        },
        {"n": 2},
        "warn: text",
    ]
    with open_sandbox(rows=rows) as wire:
        found = rows_of(wire.lines())
    assert [pairs(row, "metadata")["severity"] for row in found] == ["5", "3", "4"]
    assert pairs(found[0], "metadata")["timestamp"] == "2026-03-10T11:20:00.000000000"
    assert json.loads(found[1]["userData"]) == {"n": 2}
