"""The warnings this sandbox has reason to give, in the form the wire wants (IBM Cloud Logs API, camelCase)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dataprime import Compiled

Warning_ = dict[str, Any]


def compile_warnings(compiled: Compiled) -> list[Warning_]:
    """What the compiler found suspicious."""
    return [
        {"compileWarning": {"warningMessage": str(warning)}}
        for warning in compiled.warnings
    ]


def deprecation(message: str) -> Warning_:
    """A value that should no longer be used."""
    return {"deprecationWarning": {"warningMessage": message}}


def time_range(message: str, start: datetime, end: datetime) -> Warning_:
    """The range actually used is not the one asked for."""
    return {
        "timeRangeWarning": {
            "warningMessage": message,
            "startDate": rfc3339(start),
            "endDate": rfc3339(end),
        }
    }


def number_of_results(limit: int) -> Warning_:
    """More rows matched than ``limit``."""
    return {"numberOfResultsLimitWarning": {"numberOfResultsLimit": limit}}


def bytes_scanned() -> Warning_:
    """The rows were cut by their size."""
    return {"bytesScannedLimitWarning": {}}


def rfc3339(moment: datetime) -> str:
    """A UTC time as the server writes it."""
    text = moment.replace(tzinfo=None).isoformat(
        timespec="milliseconds" if moment.microsecond else "seconds"
    )
    return f"{text}Z"
