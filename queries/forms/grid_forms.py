"""Small forms of the grid, merged into its URL: a new condition, a moved column.

Forms work without JavaScript by sending fields of their own; the page then redirects to the URL that
means the same in the grid's own parameters, so that bookmarked and shared URLs have one form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from django.http import QueryDict

from queries.forms.grid_view import encode_condition, parse_grid_state
from queries.results import parse_value

CONDITION_FIELDS = ("fo", "fc", "fv", "fw")
MOVE_FIELDS = ("up", "down")
_BRIEF = ("rows", "page", "view")
# A time as typed, by length: the unit that its last figure stands for.
_UNITS = {
    len("2026-06-19"): timedelta(days=1),
    len("2026-06-19 05"): timedelta(hours=1),
    len("2026-06-19 05:30"): timedelta(minutes=1),
    len("2026-06-19 05:30:00"): timedelta(seconds=1),
}
_LEAST = timedelta(milliseconds=1)


def is_submitted(query: QueryDict) -> bool:
    """Return whether the URL comes from such a form."""
    return any(name in query for name in (*CONDITION_FIELDS, *MOVE_FIELDS))


def canonical_query(
    query: QueryDict, kinds: Mapping[str, str], shown: Sequence[str], zone: tzinfo
) -> QueryDict:
    """Return the grid's query for what the forms sent.

    ``kinds`` are the columns' kinds by name, ``shown`` the names in the order shown. Times typed
    without a zone are in ``zone``.
    """
    there = query.copy()
    if kinds.get(there.get("fc", "")) == "timestamp":
        _in_utc(there, zone)
    there.setlist(
        "f",
        [
            encode_condition(condition)
            for condition in parse_grid_state(there).conditions
        ],
    )
    _move(there, shown)
    for name in (*CONDITION_FIELDS, *MOVE_FIELDS, *_BRIEF):
        there.pop(name, None)
    for name in [name for name, values in there.lists() if not any(values)]:
        del there[name]
    return there


def validation_error(query: QueryDict, kinds: Mapping[str, str]) -> str:
    """Return why the submitted condition is invalid; "" if it is valid.

    ``kinds`` are the columns' kinds by name.
    """
    operation = query.get("fo", "")
    if not operation or operation in {"empty", "present"}:
        return ""
    names = ("fv", "fw") if operation == "between" else ("fv",)
    given = [text for name in names for text in query.getlist(name) if text.strip()]
    if not given and operation == "between":
        return "Enter a minimum, a maximum or both."
    if not given:
        return "Enter a value. To find rows without one, use “is empty”."
    fits, wanted = _READ.get(kinds.get(query.get("fc", ""), ""), (None, ""))
    wrong = [text for text in given if fits is not None and not fits(text)]
    return f"“{wrong[0]}” is {wanted}." if wrong else ""


def _is_time(text: str) -> bool:
    try:
        return bool(datetime.fromisoformat(text.strip()))
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    return parse_value.parse_number(text) is not None


_NO_NUMBER = "not a number"
_READ = {
    "timestamp": (_is_time, "not a time. Enter it like 2026-06-19 or 2026-06-19 05:30"),
    "integer": (_is_number, _NO_NUMBER),
    "number": (_is_number, _NO_NUMBER),
    "boolean": (
        lambda text: text.strip().lower() in {"true", "false"},
        "neither true nor false",
    ),
}


def _move(query: QueryDict, shown: Sequence[str]) -> None:
    for name, step in (("up", -1), ("down", 1)):
        column = query.get(name)
        names = query.getlist("col") or list(shown)
        if column not in names:
            continue
        at = names.index(column)
        to = min(max(at + step, 0), len(names) - 1)
        names.insert(to, names.pop(at))
        query.setlist("col", names)


def _in_utc(query: QueryDict, zone: tzinfo) -> None:
    """Convert times typed in the user's zone to UTC, each to the span it stands for."""
    if query.get("fo") == "between":
        query["fv"] = typed_time_bounds(query.get("fv", "").strip(), zone)[0]
        query["fw"] = typed_time_bounds(query.get("fw", "").strip(), zone)[1]
        return
    spans = [typed_time_bounds(text.strip(), zone) for text in query.getlist("fv")]
    query.setlist("fv", [_interval(*span) for span in spans])
    if query.get("fo") == "is" and len(spans) == 1 and spans[0][0] != spans[0][1]:
        query["fo"] = "between"
        query["fv"], query["fw"] = spans[0]


def _interval(low: str, high: str) -> str:
    return low if low == high else f"{low}/{high}"


def typed_time_bounds(text: str, zone: tzinfo) -> tuple[str, str]:
    """Return the first and the last millisecond that a typed time stands for; other texts unchanged."""
    try:
        there = datetime.fromisoformat(text)
    except ValueError:
        return text, text
    moment = there if there.tzinfo else there.replace(tzinfo=zone)
    unit = timedelta() if there.tzinfo else _UNITS.get(len(text), timedelta())
    # In the zone's local time: a day may have 23 hours.
    last = (moment + unit - _LEAST) if unit else moment
    return format_utc_milliseconds(moment), format_utc_milliseconds(last)


def format_utc_milliseconds(moment: datetime) -> str:
    """Format a time as URLs carry it: UTC, to the millisecond."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
