"""Date math as OpenSearch has it: ``now`` or a date and ``||``, then steps (``-1d``) and roundings (``/d``)."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta

_NOW = datetime(2000, 1, 1, tzinfo=UTC)
_SHAPE = re.compile(r"(?P<now>now)?(?P<steps>(?:[+-]\d{1,6}[yMwdhHms]|/[yMwdhHms])*)")
_STEP = re.compile(r"([+-]\d+|/)([yMwdhHms])")
_SIZES = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "H": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
_YEAR = 4


class DateMathError(Exception):
    """A text that is no moment; safe to show."""


def validate_date_math(text: str) -> str:
    """The text, if it is date math."""
    resolve_date_math(text, _NOW)
    return text


def resolve_date_math(text: str, now: datetime, *, round_up: bool = False) -> datetime:
    """The moment a text means, in UTC; ``up`` rounds to the end of a unit, as an upper bound does.

    Raises ``DateMathError``.
    """
    anchor, bars, steps = text.partition("||")
    if text.startswith("now"):
        anchor, steps = "", text
    found = _SHAPE.fullmatch(steps)
    if (
        found is None
        or bool(found["now"]) is bool(anchor)
        or (found["steps"] and anchor and not bars)
    ):
        raise DateMathError(
            f"[{text[:60]}] is not date math, such as now-1d or 2022-05-18||/M"
        )
    try:
        moment = now if found["now"] else _anchor(anchor)
        for size, unit in _STEP.findall(found["steps"]):
            moment = (
                _rounded(moment, unit, up=round_up)
                if size == "/"
                else _moved(moment, int(size), unit)
            )
    except (ValueError, OverflowError, OSError):
        raise DateMathError(f"[{text[:60]}] is not a date, or too far away") from None
    return moment


def _anchor(text: str) -> datetime:
    if text.isascii() and text.isdigit() and len(text) > _YEAR:
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    padded = {4: f"{text}-01-01", 7: f"{text}-01"}.get(len(text), text)
    moment = datetime.fromisoformat(padded)
    return (
        moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    )


def _moved(moment: datetime, steps: int, unit: str) -> datetime:
    if unit in _SIZES:
        return moment + steps * _SIZES[unit]
    months = moment.year * 12 + moment.month - 1 + steps * (12 if unit == "y" else 1)
    year, month = months // 12, months % 12 + 1
    return moment.replace(
        year=year, month=month, day=min(moment.day, monthrange(year, month)[1])
    )


def _rounded(moment: datetime, unit: str, *, up: bool) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = {
        "y": day.replace(month=1, day=1),
        "M": day.replace(day=1),
        "w": day - timedelta(days=day.weekday()),
        "d": day,
        "m": moment.replace(second=0, microsecond=0),
        "s": moment.replace(microsecond=0),
    }
    start = starts.get(unit, moment.replace(minute=0, second=0, microsecond=0))
    return _moved(start, 1, unit) if up else start
