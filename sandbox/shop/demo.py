"""The demo rows: hour after hour of the shop, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sandbox.shop.calendar import Incident, incident_at, traffic_factor
from sandbox.shop.events import EVENTS
from sandbox.shop.visit import ERROR, INFO, Visit
from sandbox.table import LogLine, read_metadata, write_rows

HISTORY = timedelta(days=7)
# Rows are made for some time ahead and shown only when their moment has come: new lines keep arriving while the
# sandbox runs, "the last 15 minutes" is never empty, and nothing has to be made anew at every start.
LOOKAHEAD = timedelta(days=2)
# What must be left of that at a start, and before a running sandbox makes more.
MIN_LOOKAHEAD = timedelta(hours=6)

_VERSION = 1
_HOUR = timedelta(hours=1)
_HOUR_NS = 3_600_000_000_000
_HOURS_A_WEEK = 168
_MIX = tuple(story for share, story in EVENTS for _ in range(share))


def prepare_demo_rows(path: Path, *, rows: int, seed: int, now: datetime) -> datetime:
    """Make sure ``path`` holds the demo rows around ``now``; returns the moment up to which there are rows.

    ``rows`` is the number of lines in an average week. The file is made when it is missing, was made with other
    settings, or runs out within ``AHEAD_AT_LEAST``. The same hour gets the same lines every time.
    """
    wanted: dict[str, Any] = {
        "kind": "demo",
        "version": _VERSION,
        "rows": rows,
        "seed": seed,
    }
    about = read_metadata(path)
    until = datetime.fromisoformat(about.get("until", "1970-01-01T00:00:00+00:00"))
    if (
        wanted.items() <= about.items()
        and until - LOOKAHEAD - _HOUR <= now <= until - MIN_LOOKAHEAD
    ):
        return until
    until = now.replace(minute=0, second=0, microsecond=0) + LOOKAHEAD
    write_rows(
        path,
        demo_lines(until, rows=rows, seed=seed),
        wanted | {"until": until.isoformat()},
    )
    return until


def demo_lines(until: datetime, *, rows: int, seed: int) -> Iterator[LogLine]:
    """The lines of the time up to ``until`` (a full hour, UTC), newest first, one hour in memory at a time."""
    hours = int((HISTORY + LOOKAHEAD) / _HOUR) + 1
    for back in range(1, hours + 1):
        hour = until - back * _HOUR
        yield from _lines_of(
            hour, round(rows / _HOURS_A_WEEK * traffic_factor(hour)), seed
        )


def _lines_of(hour: datetime, count: int, seed: int) -> list[LogLine]:
    rng = Random(f"{seed}:{hour:%Y-%m-%dT%H}")  # noqa: S311 - repeatable on purpose, no secret comes from it
    start = int(hour.timestamp()) * 1_000_000_000
    lines = _deploy_lines(rng, hour)
    while len(lines) < count:
        offset = int(rng.random() * _HOUR_NS)
        visit = Visit(
            rng,
            start + offset,
            incident_at(hour + timedelta(microseconds=offset // 1000)),
        )
        _MIX[int(rng.random() * len(_MIX))](visit)
        lines += visit.lines
    del lines[count:]
    lines.sort(key=lambda line: -line.ns)
    return lines


def _deploy_lines(rng: Random, hour: datetime) -> list[LogLine]:
    """The bad deploy and its rollback, told by the machine that did both."""
    start, end = (
        datetime.combine(hour, moment, hour.tzinfo)
        for moment in Incident.BAD_DEPLOY.value
    )
    if incident_at(start) is not Incident.BAD_DEPLOY or start.hour != hour.hour:
        return []
    told = []
    for moment, severity, message, version in (
        (start, INFO, "deploy finished", "2.15.0"),
        (end, ERROR, "error budget burnt, rolling back", "2.15.0"),
        (end + timedelta(seconds=40), INFO, "rollback finished", "2.14.0"),
    ):
        visit = Visit(rng, int(moment.timestamp()) * 1_000_000_000, None)
        visit.log(
            "deployer",
            severity,
            message,
            release={"service": "storefront", "version": version},
        )
        told += visit.lines
    return told
