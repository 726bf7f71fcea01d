"""Rows from the wire to the disk: how fast, in how much memory, and how large they lie there.

    python -m tests.benchmarks.ingest --rows 1000000 --repeat 3

The measure is the time that decoding the same bytes takes alone (typed outer messages, and each
row's userData): whoever reads rows at all has to do that much. Both are run in turn, each time in
a process of its own, and the medians are compared. Bytes come from a file, as pieces of a stream.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from queries.apps import GC_THRESHOLDS
from queries.providers.coralogix.failures import Step
from queries.providers.coralogix.provider import Coralogix
from queries.providers.coralogix.stream import row_stream
from queries.results import PartWriter, ResultReader, compact

PIECE = 64 * 1024
LINE_ROWS = 500
FIRST_MOMENT = 1_763_800_000_000_000_000


def write_lines(path: Path, rows: int, seed: int = 7) -> int:
    """Write an answer of about 850 bytes a row, 60 columns in all; returns its size in bytes.

    Four shapes of records; one of them, and texts in a column of integers, appear only later.
    """
    dice = random.Random(seed)
    with path.open("wb") as file:
        file.write(b'{"queryId":{"queryId":"benchmark"}}\n')
        for first in range(0, rows, LINE_ROWS):
            numbers = range(first, min(first + LINE_ROWS, rows))
            batch = [_record(n, n / rows, dice) for n in numbers]
            line = {"response": {"results": {"results": batch}}}
            file.write(msgspec.json.encode(line) + b"\n")
        file.write(b'{"statistics":{"status":"COMPLETED"}}\n')
        return file.tell()


def _record(n: int, progress: float, dice: random.Random) -> dict[str, Any]:
    moment = time.gmtime((FIRST_MOMENT + n * 7_000_000) // 10**9)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S.", moment) + f"{n * 7_000_000 % 10**9:09}"
    service = dice.choice(("checkout", "search", "payments", "catalog", "mail"))
    metadata = {
        "timestamp": stamp,
        "severity": str(dice.choices(range(1, 7), (2, 4, 70, 14, 9, 1))[0]),
        "logid": f"{dice.getrandbits(128):032x}",
        "priorityclass": dice.choice(("high", "medium", "low")),
    }
    labels = {
        "applicationname": "shop",
        "subsystemname": service,
        "computername": f"node-{dice.randrange(24)}",
        "threadid": str(dice.randrange(64)),
    }
    return {
        "metadata": [{"key": key, "value": value} for key, value in metadata.items()],
        "labels": [{"key": key, "value": value} for key, value in labels.items()],
        "userData": msgspec.json.encode(
            _user_data(n, progress, service, dice)
        ).decode(),
    }


def _user_data(
    n: int, progress: float, service: str, dice: random.Random
) -> dict[str, Any]:
    common: dict[str, Any] = {
        "n": n,
        "msg": f"request {dice.getrandbits(40):x} handled in {dice.randrange(900)} ms",
        "kubernetes": {
            "namespace": "shop",
            "pod": f"{service}-{dice.randrange(40):02}",
            "container": service,
            "labels": {"app": service, "version": f"1.{dice.randrange(9)}"},
        },
        "trace": {"id": f"{dice.getrandbits(64):016x}", "sampled": n % 10 == 0},
    }
    shape = dice.randrange(4 if progress > 0.3 else 3)
    code: int | str = dice.choice((200, 200, 200, 201, 404, 500))
    if progress > 0.6 and n % 50 == 0:
        code = f"{code} (retried)"
    names = ("http", "db", "queue", "audit")
    return common | {"kind": names[shape], names[shape]: _part(shape, code, dice)}


def _part(shape: int, code: int | str, dice: random.Random) -> dict[str, Any]:
    if shape == 0:
        return {
            "method": dice.choice(("GET", "POST")),
            "path": f"/api/v1/{dice.randrange(500)}",
            "status": code,
            "ms": dice.randrange(10**6) / 1000,
            "bytes": dice.randrange(10**6),
            "client": {"ip": f"192.0.2.{dice.randrange(250)}", "agent": "curl/8"},
            "tags": ["a", "b", dice.choice("cdef")],
            "retry": False,
        }
    if shape == 1:
        return {
            "system": "postgresql",
            "statement": f"SELECT * FROM t{dice.randrange(50)} WHERE id = $1",
            "rows": dice.randrange(1000),
            "ms": dice.random() * 50,
            "pool": {"size": 20, "used": dice.randrange(20), "wait": None},
            "code": code,
        }
    if shape == 2:
        return {
            "topic": f"orders-{dice.randrange(8)}",
            "partition": dice.randrange(32),
            "offset": dice.getrandbits(62),
            "lag": dice.randrange(5000),
            "headers": {"source": "web", "attempt": dice.randrange(3)},
            "ok": True,
        }
    fields = {f"field_{at}": dice.choice(("yes", "no")) for at in range(16)}
    return {"actor": f"user-{dice.randrange(999)}", "fields": fields, "code": code}


class FileReply:
    """A file's bytes as a provider's stream takes them: piece by piece."""

    request_id = ""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.bytes_received = 0

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while piece := file.read(PIECE):
                self.bytes_received += len(piece)
                yield piece

    def close(self) -> None:
        """Nothing to hang up."""


class Pair(msgspec.Struct):
    key: str
    value: Any = None


class Record(msgspec.Struct):
    metadata: list[Pair] = []
    labels: list[Pair] = []
    user_data: str = msgspec.field(default="{}", name="userData")


class Batch(msgspec.Struct, frozen=True):
    results: list[Record] = []


class Envelope(msgspec.Struct, frozen=True):
    results: Batch = Batch()


class Line(msgspec.Struct):
    response: Envelope = Envelope()


def decode(path: Path) -> dict[str, float]:
    """Decode every message and every userData, and keep nothing."""
    outer, inner = msgspec.json.Decoder(Line), msgspec.json.Decoder()
    started, worked = time.perf_counter(), time.process_time()
    rows = 0
    with path.open("rb") as file:
        for line in file:
            for record in outer.decode(line).response.results.results:
                inner.decode(record.user_data)
                rows += 1
    return {"rows": rows, "seconds": _since(started), **_used(worked)}


def ingest(path: Path, directory: Path) -> dict[str, float]:
    """The product's own way from bytes to durable parts, then compaction."""
    gc.set_threshold(*GC_THRESHOLDS)
    started, worked = time.perf_counter(), time.process_time()
    own = time.thread_time()
    stream = row_stream(FileReply(path), Step.DATA, lambda text: text)  # type: ignore[arg-type]
    writer = PartWriter(directory, hints=Coralogix.column_hints)
    shown = 0.0
    names = []
    for part in writer.write(stream):
        shown = shown or _since(started)
        names.append(part.name)
    seconds = _since(started)
    # Without what the storing thread worked meanwhile: the wall time of an idle machine.
    used = {**_used(worked), "own_cpu_seconds": time.thread_time() - own}
    compacting = time.perf_counter()
    whole = compact(directory, names, writer.columns, Coralogix.row_documents)
    return {
        "rows": writer.rows,
        "columns": len(writer.columns),
        "seconds": seconds,
        "first_rows": shown,
        **used,
        "parts": len(names),
        "parts_bytes": writer.size,
        "compaction_seconds": _since(compacting),
        "compacted_bytes": whole.size,
        "compacted_peak_mb": _used(0)["peak_mb"],
        **_read_times(ResultReader(directory, [whole.name], writer.columns)),
    }


def _read_times(reader: ResultReader) -> dict[str, float]:
    """Seconds for a page in the middle with all columns, and for the original of one row."""
    with reader:
        reader.page(offset=0, size=1)
        took = {}
        middle = reader.total // 2
        for name, question in (
            ("page_seconds", lambda at: reader.page(offset=at, size=100)),
            ("row_seconds", reader.row),
        ):
            times = []
            for place in range(5):
                started = time.perf_counter()
                question(middle + place * 1_003)
                times.append(_since(started))
            took[name] = statistics.median(times)
    return took


def _since(moment: float) -> float:
    return time.perf_counter() - moment


def _used(worked: float) -> dict[str, float]:
    """CPU seconds since `worked`, and the most memory this process ever held."""
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return {
        "cpu_seconds": time.process_time() - worked,
        "peak_mb": int(peak.split()[1]) / 1024,
    }


def measure(rows: int = 100_000, repeat: int = 3) -> dict[str, Any]:
    """Both, `repeat` times in turn, each in a new process; medians, and how they compare."""
    with tempfile.TemporaryDirectory(prefix="ingest-") as scratch:
        path = Path(scratch) / "answer.ndjson"
        size = write_lines(path, rows)
        decoded, ingested = [], []
        for _ in range(repeat):
            decoded.append(_in_a_process("decode", path))
            ingested.append(_in_a_process("ingest", path))
    medians = {"decode": _medians(decoded), "ingest": _medians(ingested)}
    found = medians["ingest"]
    return {
        "bytes": size,
        **medians,
        "ratio": found["seconds"] / medians["decode"]["seconds"],
        "cpu_ratio": found["cpu_seconds"] / medians["decode"]["cpu_seconds"],
        "own_cpu_ratio": found["own_cpu_seconds"] / medians["decode"]["cpu_seconds"],
        "share_of_text": found["compacted_bytes"] / size,
    }


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def _in_a_process(what: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.ingest", "--only", what]
    done = subprocess.run(
        [*command, "--path", str(path)], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _once(what: str, path: Path) -> dict[str, float]:
    if what == "decode":
        return decode(path)
    directory = path.parent / "result"
    try:
        return ingest(path, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def main() -> None:
    """Print what was measured, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=("decode", "ingest"), help="in this process")
    parser.add_argument("--path", type=Path, help="an answer's bytes, for --only")
    wanted = parser.parse_args()
    found = (
        _once(wanted.only, wanted.path)
        if wanted.only
        else measure(wanted.rows, wanted.repeat)
    )
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
