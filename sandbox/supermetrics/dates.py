"""Date ranges, as Supermetrics' documents describe them ("Date range types", "Date strings")."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sandbox.supermetrics.parameters import bad_request

_DAY = timedelta(days=1)
_COUNTED = re.compile(
    r"last_(\d{1,4})_(days|weeks_sun_sat|weeks_mon_sun|months|years)(_inc)?"
)
_OFFSET = re.compile(r"([+-]?\s*\d{1,4})\s*(day|week|month|year)s?(\s+ago)?")
_WORDS = {"today": 0, "now": 0, "yesterday": -1, "tomorrow": 1}


class DateRange(NamedTuple):
    """Two days, both included."""

    start: date
    end: date


def resolve_date_range(query: Mapping[str, Any], today: date) -> DateRange:
    """The days a query is about; 400 for an unknown range. Without any, yesterday."""
    start, end = query.get("start_date"), query.get("end_date")
    if start or end or query.get("date_range_type") == "custom":
        if not (start and end):
            raise bad_request(
                "start_date and end_date are both required for a custom range"
            )
        found = DateRange(parse_day(str(start), today), parse_day(str(end), today))
    else:
        found = _named(str(query.get("date_range_type") or "yesterday"), today)
    if found.start > found.end:
        raise bad_request("start_date is after end_date")
    return found


def parse_day(text: str, today: date) -> date:
    """A day by its date, its seconds since 1970, or in words."""
    words = " ".join(text.lower().split())
    if words in _WORDS:
        return today + _WORDS[words] * _DAY
    try:
        if words.startswith("@"):
            return datetime.fromtimestamp(int(words[1:]), UTC).date()
        return date.fromisoformat(words)
    except (ValueError, OverflowError, OSError):
        return _moved(words, text, today)


def _moved(words: str, text: str, today: date) -> date:
    found = _OFFSET.fullmatch(words)
    if found is None:
        raise bad_request(f"The sandbox does not know the date {text[:60]!r}")
    count = int(found[1].replace(" ", "")) * (-1 if found[3] else 1)
    try:
        if found[2] in ("day", "week"):
            return today + count * (7 if found[2] == "week" else 1) * _DAY
        return _months_on(today, count * (12 if found[2] == "year" else 1))
    except (ValueError, OverflowError) as error:
        raise bad_request(f"The date {text[:60]!r} is out of range") from error


def _named(kind: str, today: date) -> DateRange:
    plain: dict[str, Callable[[], DateRange]] = {
        "today": lambda: DateRange(today, today),
        "yesterday": lambda: DateRange(today - _DAY, today - _DAY),
        "this_month": lambda: DateRange(
            min(today - _DAY, today.replace(day=1)), today - _DAY
        ),
        "this_month_inc": lambda: DateRange(today.replace(day=1), today),
        "this_year_inc": lambda: DateRange(today.replace(month=1, day=1), today),
        "last_month": lambda: _units("months", 1, today),
        "last_year": lambda: _units("years", 1, today),
        "last_year_inc": lambda: _including("years", 1, today),
        "last_week_sun_sat": lambda: _units("weeks_sun_sat", 1, today),
        "last_week_mon_sun": lambda: _units("weeks_mon_sun", 1, today),
    }
    if kind in plain:
        return plain[kind]()
    found = _COUNTED.fullmatch(kind)
    if found is None or not int(found[1]):
        raise bad_request(f"date_range_type {kind[:60]!r} is not known")
    count, unit = int(found[1]), found[2]
    try:
        return (_including if found[3] else _units)(unit, count, today)
    except (ValueError, OverflowError) as error:
        raise bad_request(f"date_range_type {kind!r} is out of range") from error


def _units(unit: str, count: int, today: date) -> DateRange:
    """The last full units: they end before the one that today is in."""
    first = _first_of(unit, today)
    return DateRange(_back(unit, count, first), first - _DAY)


def _including(unit: str, count: int, today: date) -> DateRange:
    """The last full units and what there is of the present one."""
    return DateRange(_back(unit, count, _first_of(unit, today)), today)


def _first_of(unit: str, today: date) -> date:
    if unit == "weeks_sun_sat":
        return today - (today.isoweekday() % 7) * _DAY
    if unit == "weeks_mon_sun":
        return today - today.weekday() * _DAY
    if unit == "months":
        return today.replace(day=1)
    return today.replace(month=1, day=1) if unit == "years" else today


def _back(unit: str, count: int, first: date) -> date:
    if unit == "months":
        return _months_on(first, -count)
    if unit == "years":
        return _months_on(first, -12 * count)
    return first - count * (_DAY if unit == "days" else 7 * _DAY)


def _months_on(day: date, count: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
