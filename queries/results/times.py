"""Parse points in time as providers write them: texts with or without a zone, or counts since 1970."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

_UTC: Final = pa.timestamp("ns", "UTC")
_NAIVE: Final = pa.timestamp("ns")

# The size of a bare count shows its unit: seconds reach 10**11 in the year 5138,
# milliseconds 10**14 then, and so on. Coralogix counts spans in microseconds and computed
# timestamps in nanoseconds (Coralogix docs, DataPrime functions).
_UNITS: Final = ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3))
_NANOSECONDS: Final = range(
    -(2**63) + 1, 2**63
)  # the lowest number means null to DuckDB


def timestamps(values: Sequence[Any]) -> pa.Array:
    """Convert texts, integers and nulls to UTC timestamps; null where a value is not a time.

    A text without a zone is UTC: Coralogix writes "2025-06-19T00:44:47.461000000" and means
    UTC (recorded answers of its HTTP API). Years outside 1678 to 2261 do not fit in 64 bits of
    nanoseconds and become null too.
    """
    if any(value.__class__ is not str for value in values if value is not None):
        return pa.array([_one(value) for value in values], _UTC)
    for layout in (_NAIVE, _UTC):
        try:
            return pa.array(values, pa.string()).cast(layout).cast(_UTC)
        except (pa.ArrowInvalid, UnicodeEncodeError):
            continue  # another layout, or several in one column
    return pa.array([_one(value) for value in values], _UTC)


def _one(value: Any) -> int | None:
    if value.__class__ is str:
        return _from_text(value)
    return _from_count(value) if value.__class__ is int else None


def _from_text(text: str) -> int | None:
    for layout in (_NAIVE, _UTC):
        try:
            return int(pa.array([text], pa.string()).cast(layout)[0].value)
        except (pa.ArrowInvalid, UnicodeEncodeError):
            continue
    return None


def time_unit(count: int) -> int:
    """Return the unit of a bare count since 1970, in nanoseconds."""
    return next((unit for limit, unit in _UNITS if abs(count) < limit), 1)


def _from_count(count: int) -> int | None:
    unit = time_unit(count)
    return count * unit if count * unit in _NANOSECONDS else None
