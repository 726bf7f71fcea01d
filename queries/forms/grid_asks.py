"""What small forms ask of the grid, folded into its address: a new condition, a column moved.

Forms work without a script by sending names of their own; the page then leads to the address that
says the same in the grid's own words, so that what is bookmarked and shared has one form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from django.http import QueryDict

from queries.forms.grid_view import as_text, view_of

CONDITION = ("fo", "fc", "fv", "fw")
MOVES = ("up", "down")
_BRIEF = ("rows", "page", "view")
# A time as typed, by length: the unit that its last figure stands for.
_UNITS = {
    len("2026-06-19"): timedelta(days=1),
    len("2026-06-19 05:30"): timedelta(minutes=1),
    len("2026-06-19 05:30:00"): timedelta(seconds=1),
}
_LEAST = timedelta(milliseconds=1)


def asks(query: QueryDict) -> bool:
    """Whether the address comes from such a form."""
    return any(name in query for name in (*CONDITION, *MOVES))


def settled(
    query: QueryDict, kinds: Mapping[str, str], shown: Sequence[str], zone: tzinfo
) -> QueryDict:
    """The address that says what the forms asked.

    ``kinds`` are the columns' kinds by name, ``shown`` the names in the order shown. Times typed
    without a zone are in ``zone``.
    """
    there = query.copy()
    if kinds.get(there.get("fc", "")) == "timestamp":
        _in_utc(there, zone)
    there.setlist("f", [as_text(condition) for condition in view_of(there).conditions])
    _move(there, shown)
    for name in (*CONDITION, *MOVES, *_BRIEF):
        there.pop(name, None)
    for name in [name for name, values in there.lists() if not any(values)]:
        del there[name]
    return there


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
    """Times typed on the reader's clock, as UTC; "is" one becomes the span it stands for."""
    operation, low = query.get("fo"), query.get("fv", "").strip()
    if operation == "between":
        query["fv"] = span_of(low, zone)[0]
        query["fw"] = span_of(query.get("fw", "").strip(), zone)[1]
    elif operation == "is" and len(query.getlist("fv")) == 1:
        query["fo"] = "between"
        query["fv"], query["fw"] = span_of(low, zone)
        if query["fv"] == query["fw"]:
            query["fo"] = "is"


def span_of(text: str, zone: tzinfo) -> tuple[str, str]:
    """The first and the last millisecond that a typed time stands for; what is none stays as it is."""
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        return text, text
    moment = typed if typed.tzinfo else typed.replace(tzinfo=zone)
    unit = timedelta() if typed.tzinfo else _UNITS.get(len(text), timedelta())
    # On the clock of the zone: a day may have 23 hours.
    last = (moment + unit - _LEAST) if unit else moment
    return stamp(moment), stamp(last)


def stamp(moment: datetime) -> str:
    """A moment as an address carries it: UTC, to the millisecond."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
