"""The user's own rows: an NDJSON or plain text file, gzipped or not, becomes the sandbox's table."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from io import BufferedReader
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import msgspec

from sandbox.config import SandboxError
from sandbox.log_detection import DetectedFields, detect_in_object, detect_in_text
from sandbox.table import (
    LOOSE_SCHEMA,
    ROW_GROUP,
    LogLine,
    Source,
    read_metadata,
    source,
    uuid_text,
    write_batches,
    write_rows,
)

MAX_LINE_BYTES = 1024 * 1024
_NO_TIME = -1
_GZIP_MAGIC = b"\x1f\x8b"
_SORTED = """
SELECT CASE WHEN epoch_ns(ts) < 0 THEN make_timestamp_ns($start + file_row_number * $step) ELSE ts END AS ts,
       * EXCLUDE (ts, user_data, file_row_number),
       CASE WHEN json_valid(user_data) THEN user_data ELSE to_json(user_data)::VARCHAR END AS user_data
FROM read_parquet($file, file_row_number = true)
ORDER BY 1 DESC, file_row_number DESC
"""
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def prepare_loaded_rows(path: Path, *, origin: Path, now: datetime) -> int:
    """Make sure ``path`` holds the rows of the file ``origin``, newest first; returns their number.

    Each line is one row. A file whose first line starts with ``{`` is NDJSON: every object becomes user data as it is.
    Anything else is plain text. Lines without a time of their own are spread, in order, over the hour before ``now``.
    Raises ``SandboxError`` naming the line that cannot be read. An unchanged file is not read again.
    """
    try:
        stat = origin.stat()
    except OSError as error:
        raise SandboxError(f"{origin}: {error.strerror}") from error
    about = {
        "kind": "load",
        "version": 1,
        "origin": str(origin.resolve()),
        "size": stat.st_size,
        "changed": stat.st_mtime_ns,
    }
    known = read_metadata(path)
    if about.items() <= known.items():
        return int(known["rows"])
    unsorted = path.with_name(".loading.parquet")
    try:
        rows = write_rows(unsorted, _lines_of(origin), {}, LOOSE_SCHEMA)
        if not rows:
            raise SandboxError(f"{origin}: there is no line in it")
        _sort(unsorted, path, about | {"rows": rows}, now)
    finally:
        unsorted.unlink(missing_ok=True)
    return rows


def _lines_of(origin: Path) -> Iterator[LogLine]:
    rng = Random(origin.name)  # noqa: S311 - row ids only have to differ
    read: Callable[[str], DetectedFields] | None = None
    for number, text in _texts_of(origin):
        if read is None:
            read = _reader_for(text, origin)
        try:
            found = read(text)
        except msgspec.DecodeError as error:
            raise SandboxError(
                f"{origin}: line {number} is not a JSON object: {error}"
            ) from error
        ns = _NO_TIME if found.ns is None else found.ns
        origin_of = _source(
            found.application or "loaded", found.subsystem or origin.name
        )
        yield LogLine(
            ns, found.severity, origin_of, "", uuid_text(rng.getrandbits(128)), text
        )


def _texts_of(origin: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers."""
    try:
        with _opened(origin) as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    raise SandboxError(
                        f"{origin}: line {number} is longer than {MAX_LINE_BYTES:,} bytes"
                    )
                if text := _text(line, origin, number):
                    yield number, text
    except (OSError, EOFError) as error:
        raise SandboxError(f"{origin}: {error}") from error


def _opened(origin: Path) -> BufferedReader | gzip.GzipFile:
    with origin.open("rb") as file:
        zipped = file.read(2) == _GZIP_MAGIC
    return gzip.open(origin, "rb") if zipped else origin.open("rb")


def _text(line: bytes, origin: Path, number: int) -> str:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        raise SandboxError(f"{origin}: line {number} is not UTF-8 text") from error
    if "\0" in text:
        raise SandboxError(
            f"{origin}: line {number} holds a NUL character; this is not a text file"
        )
    return text


def _reader_for(first: str, origin: Path) -> Callable[[str], DetectedFields]:
    if first.startswith("{"):
        return lambda text: detect_in_object(_OBJECT.decode(text))
    if first == "[" or first.startswith(("[{", "[ {")):
        raise SandboxError(
            f"{origin}: line 1 opens a JSON array; give one object a line (jq -c '.[]' makes it)"
        )
    return detect_in_text


@lru_cache(maxsize=10_000)
def _source(application: str, subsystem: str) -> Source:
    return source(application, subsystem)


def _sort(unsorted: Path, path: Path, about: dict[str, Any], now: datetime) -> None:
    """Put the newest row first and give a time to the rows that have none."""
    start = int((now - timedelta(hours=1)).timestamp()) * 10**9
    step = (
        3_000 * 10**9 // about["rows"]
    )  # 50 minutes, so that the archive, which lags, has them too
    with duckdb.connect(
        config={
            "memory_limit": "1GB",
            "threads": 2,
            "temp_directory": str(path.parent / "tmp"),
        }
    ) as db:
        relation = db.sql(
            _SORTED, params={"start": start, "step": step, "file": str(unsorted)}
        )
        write_batches(path, relation.to_arrow_reader(ROW_GROUP), about)
