"""Which rows a sandbox holds: the demo shop, the user's own file, or what a test asks for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import msgspec

from sandbox.config import SandboxConfig
from sandbox.load import prepare_loaded_rows
from sandbox.log_detection import DetectedFields, detect_in_object, detect_in_text
from sandbox.shop.demo import MIN_LOOKAHEAD, prepare_demo_rows
from sandbox.table import LogLine, nanoseconds, source, uuid_text, write_rows

# Rows a test gives without a time lie this far back, so that the archive, which lags, has them too.
DEFAULT_ROW_AGE = timedelta(minutes=10)
_SPREAD_NS = 50 * 60 * 10**9
_WORDS = ("harbour", "señal", "бумага", "海", "🔥 hot", "plain", "=SUM(1+1)", "ملف")


class Rows(NamedTuple):
    """The table's file, and until when it is good; None is for ever."""

    path: Path
    renew_at: datetime | None


def prepare_rows(config: SandboxConfig, folder: Path) -> Rows:
    """Make sure the rows ``config`` asks for are in ``folder``; raises ``SandboxError`` on an unreadable file."""
    now, given = config.now(), folder / "given.parquet"
    if config.rows is not None:
        write_rows(given, log_lines(config.rows, now), {"kind": "given"})
        return Rows(given, None)
    if config.count is not None:
        write_rows(given, numbered_lines(config.count, now), {"kind": "numbered"})
        return Rows(given, None)
    if config.load is not None:
        path = folder / "loaded.parquet"
        prepare_loaded_rows(path, origin=config.load, now=now)
        return Rows(path, None)
    path = folder / "logs.parquet"
    until = prepare_demo_rows(path, rows=config.demo_rows, seed=config.seed, now=now)
    return Rows(path, until - MIN_LOOKAHEAD)


def log_lines(items: Iterable[Any], now: datetime) -> Iterator[LogLine]:
    """``LogLine`` as they are; dicts and texts as user data, from ``SETTLED`` ago backwards, a millisecond apart."""
    start = nanoseconds(now - DEFAULT_ROW_AGE)
    with duckdb.connect() as judge:
        for number, item in enumerate(items):
            if isinstance(item, LogLine):
                yield item
            elif isinstance(item, str):
                yield _given(detect_in_text(item), _as_json(judge, item), number, start)
            else:
                yield _given(
                    detect_in_object(item),
                    msgspec.json.encode(item).decode(),
                    number,
                    start,
                )


def numbered_lines(count: int, now: datetime) -> Iterator[LogLine]:
    """``count`` rows that are easy to count on: ``n`` runs from 0 (the newest) to ``count`` - 1.

    They lie between one hour and ten minutes before ``now``. ``big`` is beyond 2^53, ``word`` holds many scripts and a
    formula, ``nested``, ``list`` and ``nothing`` are what their names say.
    """
    start, step = nanoseconds(now - DEFAULT_ROW_AGE), _SPREAD_NS // max(count, 1)
    for n in range(count):
        user_data = (
            f'{{"n":{n},"group":"g{n % 10}","big":{9_007_199_254_740_993 + n},"ratio":{n / 8},"even":{"false" if n % 2 else "true"},'
            f'"word":"{_WORDS[n % 8]}","text":"row {n:07}","nested":{{"a":{{"b":{n % 100}}}}},"list":[{n % 3},"x"],"nothing":null}}'
        )
        yield LogLine(
            start - n * step,
            1 + n % 6,
            _NUMBERED[n % 3],
            "",
            uuid_text(n + 1),
            user_data,
        )


_NUMBERED = tuple(
    source("numbers", name, computername=f"host-{name}")
    for name in ("one", "two", "three")
)


def _given(found: DetectedFields, user_data: str, number: int, start: int) -> LogLine:
    ns = start - number * 1_000_000 if found.ns is None else found.ns
    origin = source(found.application or "given", found.subsystem or "given")
    return LogLine(ns, found.severity, origin, "", uuid_text(number + 1), user_data)


def _as_json(judge: duckdb.DuckDBPyConnection, text: str) -> str:
    """What the database takes for JSON stays as it is, anything else becomes a JSON string."""
    [[valid]] = judge.execute("SELECT json_valid(?)", [text]).fetchall()
    return text if valid else msgspec.json.encode(text).decode()
