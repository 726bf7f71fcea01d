"""Find the time, the severity and the origin in a log line that is not ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

_TIME_FIELDS = (
    "timestamp",
    "@timestamp",
    "time",
    "ts",
    "datetime",
    "date",
    "eventTime",
)
_SEVERITY_FIELDS = ("severity", "level", "loglevel", "log_level", "lvl", "severityText")
_APPLICATION_FIELDS = ("applicationname", "application", "app", "namespace")
_SUBSYSTEM_FIELDS = ("subsystemname", "subsystem", "service", "logger", "component")

DEFAULT_SEVERITY = 3
# Coralogix docs: 1 Debug, 2 Verbose, 3 Info, 4 Warning, 5 Error, 6 Critical.
_WORDS = {
    "debug": 1, "dbg": 1, "verbose": 2, "trace": 2, "info": 3, "information": 3, "notice": 3, "log": 3,
    "warning": 4, "warn": 4, "error": 5, "err": 5, "critical": 6, "crit": 6, "fatal": 6, "panic": 6, "emerg": 6,
    "alert": 6,
}  # fmt: skip
_HIGHEST = 6
# Numbers from 10 up are taken as the levels of bunyan and pino (10 trace ... 60 fatal).
_LEVELS = {10: 2, 20: 1, 30: 3, 40: 4, 50: 5, 60: 6}
_LEADING_TIME = re.compile(
    r"\W?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)\s?(Z|UTC|[+-]\d\d:?\d\d)?"
)
_SEVERITY_WORD = re.compile(
    r"\b(" + "|".join(word for word in _WORDS if word != "log") + r")\b", re.I
)
_FRACTION = re.compile(r"[.,](\d+)")
_EARLIEST_NS, _LATEST_NS = 0, 9_000_000_000 * 1_000_000_000


class DetectedFields(NamedTuple):
    """What a line says about itself; ``ns`` (since the epoch, UTC) and the names are None when it does not."""

    ns: int | None
    severity: int
    application: str | None
    subsystem: str | None


def detect_in_object(data: Mapping[str, Any]) -> DetectedFields:
    """Read the usual top-level fields of a JSON line (values decoded, or still ``msgspec.Raw``)."""
    return DetectedFields(
        ns=_first(data, _TIME_FIELDS, _time_of),
        severity=_first(data, _SEVERITY_FIELDS, _severity_of) or DEFAULT_SEVERITY,
        application=_first(data, _APPLICATION_FIELDS, _name_of),
        subsystem=_first(data, _SUBSYSTEM_FIELDS, _name_of),
    )


def detect_in_text(text: str) -> DetectedFields:
    """Read a leading ISO time and the first severity word of a plain line."""
    time, word = _LEADING_TIME.match(text), _SEVERITY_WORD.search(text[:200])
    return DetectedFields(
        ns=_time_of("".join(part or "" for part in time.groups())) if time else None,
        severity=_WORDS[word[1].lower()] if word else DEFAULT_SEVERITY,
        application=None,
        subsystem=None,
    )


def _first(data: Mapping[str, Any], names: tuple[str, ...], read: Any) -> Any:
    for name in names:
        value = data.get(name)
        if isinstance(value, msgspec.Raw):
            value = _decoded(value)
        found = None if value is None else read(value)
        if found is not None:
            return found
    return None


def _decoded(value: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(value)
    except msgspec.DecodeError:  # a number beyond 64 bits: valid JSON, no use here
        return None


def _time_of(value: object) -> int | None:
    if isinstance(value, str):
        return _time_of_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Seconds, milliseconds, microseconds or nanoseconds since the epoch, told apart by their size.
    for limit, factor in (
        (10**11, 10**9),
        (10**14, 10**6),
        (10**17, 10**3),
        (10**20, 1),
    ):
        if 0 < value < limit:
            ns = int(value * factor)
            return ns if _EARLIEST_NS < ns < _LATEST_NS else None
    return None


def _time_of_text(text: str) -> int | None:
    fraction = _FRACTION.search(text)
    whole = (
        text[: fraction.start()] + text[fraction.end() :] if fraction else text
    ).replace("UTC", "Z")
    try:
        moment = datetime.fromisoformat(whole.strip())
    except ValueError:
        return None
    # Assumption: a time without a zone is UTC, as everywhere at this upstream.
    seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    ns = seconds * 10**9 + int(fraction[1][:9].ljust(9, "0") if fraction else 0)
    return ns if _EARLIEST_NS < ns < _LATEST_NS else None


def _severity_of(value: object) -> int | None:
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower()) or (
            _severity_of(int(value)) if value.isdecimal() else None
        )
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 1 <= value <= _HIGHEST else _LEVELS.get(value)


def _name_of(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
