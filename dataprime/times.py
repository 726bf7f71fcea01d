"""Intervals and timestamps as integers of nanoseconds, and constant time arithmetic."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

NANOS_PER_SECOND = 1_000_000_000
MAX_NANOS = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = {
    "w": 7 * 86_400 * NANOS_PER_SECOND,
    "d": 86_400 * NANOS_PER_SECOND,
    "h": 3_600 * NANOS_PER_SECOND,
    "m": 60 * NANOS_PER_SECOND,
    "s": NANOS_PER_SECOND,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
# Long forms of time units (Coralogix docs, functions reference, Time).
UNIT_NAMES = {
    **{unit: unit for unit in UNITS},
    "µs": "us",
    "week": "w",
    "day": "d",
    "hour": "h",
    "minute": "m",
    "second": "s",
    "milli": "ms",
    "millisecond": "ms",
    "micro": "us",
    "microsecond": "us",
    "nano": "ns",
    "nanosecond": "ns",
}
_INTERVAL = re.compile(
    r"(?:([0-9]{1,19})w)?(?:([0-9]{1,19})d)?(?:([0-9]{1,19})h)?(?:([0-9]{1,19})m)?(?:([0-9]{1,19})s)?"
    r"(?:([0-9]{1,19})ms)?(?:([0-9]{1,19})(?:us|µs))?(?:([0-9]{1,19})ns)?"
)
_TIMESTAMP = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,](?P<frac>[0-9]{1,9}))?)?"
    r"\s*(?P<zone>Z|z|[+-][0-9]{2}:?(?:[0-9]{2})?)?"
)


def parse_interval_nanos(text: str) -> int | None:
    """Return the nanoseconds of `1d2h3m4s5ms6us7ns`, or None if it is not one."""
    match = _INTERVAL.fullmatch(text)
    if match is None or not text:
        return None
    parts = zip(match.groups(), UNITS.values(), strict=True)
    nanos = sum(int(count) * size for count, size in parts if count)
    return nanos if nanos <= MAX_NANOS else None


def unit_size(name: str) -> int | None:
    """Return the nanoseconds of a time unit, short or long, or None."""
    lowered = name.lower()
    unit = UNIT_NAMES.get(lowered) or UNIT_NAMES.get(lowered.removesuffix("s"))
    return UNITS[unit] if unit else None


def parse_timestamp_nanos(text: str) -> int | None:
    """Return nanoseconds since the epoch of an ISO 8601 text (UTC if it has no zone)."""
    match = _TIMESTAMP.fullmatch(text.strip())
    if match is None:
        return None
    clock = match["time"] or "00:00"
    zone = (match["zone"] or "Z").upper().replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(f"{match['date']}T{clock}{zone}")
        nanos = to_nanos(moment)
    except (ValueError, OverflowError):
        return None
    return nanos + int((match["frac"] or "0").ljust(9, "0"))


def to_nanos(moment: datetime) -> int:
    """Return nanoseconds since the epoch; a time without zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * (
        1_000
    )


def to_datetime(nanos: int) -> datetime:
    """Return the UTC time, to the microsecond. Raises OverflowError outside 1..9999."""
    return _EPOCH + timedelta(microseconds=nanos // 1_000)


def round_down(nanos: int, step: int) -> int:
    """Return the largest multiple of `step` not above `nanos`."""
    return nanos - nanos % step
