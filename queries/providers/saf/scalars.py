"""Single values in the several forms a server of the OpenSearch family may write them in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from queries.providers.repair import repair_json

_MIN_MILLISECONDS = 10**11  # 1973; anything smaller is in seconds
_MAX_DIGITS = 18


def parse_timestamp(value: object) -> datetime | None:
    """Read a moment: ISO 8601, or milliseconds or seconds since 1970, also as text; None if it is none."""
    if isinstance(value, str):
        text = value.strip()
        if text.isascii() and text.isdigit() and _MAX_DIGITS >= len(text) > 4:  # noqa: PLR2004 - a year has four
            return _since_1970(int(text))
        return _iso(text)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(value)
    return None


def parse_count(value: object) -> int | None:
    """Read a count, which is a number, a text of digits, or {"value", "relation": "eq"}; None if it is none."""
    if isinstance(value, dict):
        return (
            None if value.get("relation") == "gte" else parse_count(value.get("value"))
        )
    if (
        isinstance(value, str)
        and value.isascii()
        and value.isdigit()
        and len(value) <= _MAX_DIGITS
    ):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None


def first_present(value: Mapping[str, Any], names: Iterable[str]) -> Any:
    """Return the first member of these names that is there and not null."""
    return next((value[name] for name in names if value.get(name) is not None), None)


def as_mapping(value: object) -> Mapping[str, Any]:
    """Return an object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def parse_json(text: bytes) -> Any:
    """Return the value of a JSON text, also of one that a strict decoder refuses. Raises ValueError for what is none."""
    try:
        return msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return msgspec.json.decode(normalize_json(text))


def normalize_json(text: bytes) -> bytes:
    """Give JSON text that every decoder takes. Raises ValueError if it is not JSON, or nested too deeply."""
    try:
        return repair_json(text)
    except RecursionError:
        raise ValueError("This is nested too deeply.") from None


def _since_1970(number: float) -> datetime | None:
    seconds = number / 1000 if abs(number) >= _MIN_MILLISECONDS else number
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _iso(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (
            moment.replace(tzinfo=UTC)
            if moment.tzinfo is None
            else moment.astimezone(UTC)
        )
    except (ValueError, OverflowError):
        return None
