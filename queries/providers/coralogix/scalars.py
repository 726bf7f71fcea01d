"""Single values as Coralogix writes them: protobuf's JSON form."""

from __future__ import annotations

from datetime import UTC, datetime

_MAX_DIGITS = 19  # of an int64


def parse_timestamp(text: object) -> datetime | None:
    """Read a moment, to the microsecond; None if it is none. Without a zone it is UTC (so are recorded answers)."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (
        moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    )


def parse_int64(text: str) -> int | None:
    """Read a whole number that was sent as text, as every int64 is; None if it is none."""
    return (
        int(text)
        if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
        else None
    )
