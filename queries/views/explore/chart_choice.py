"""Which picture stands above the grid: the rows over time, a chart of an aggregate, or none.

The address decides (``show=timeline|bar|line|table``); where it says nothing, the columns do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2s
from typing import NamedTuple

from django.urls import reverse
from django.utils.http import urlencode

from queries.models import Run
from queries.results import Column
from queries.views.explore.grid_links import Address

MOST_ROWS = 10_000
"""Rows that a chart is made of."""
MOST_MARKS = 10_000
"""Points or pieces of columns in one drawing: series times steps."""
ROWS_UNASKED = 2_000
"""Rows of an aggregate that are drawn unasked; an hour by severity of a week has about 1,000."""
FEW_ROWS = 500
"""Rows of a wide result, no aggregate, for which a chart is offered all the same."""
LEAST_ROWS = 2
MOST_COLUMNS = 6
"""Columns of what is taken for an aggregate unasked."""
NUMBERS = ("integer", "number")
_TEXTS = ("text", "severity", "boolean")
_WORDS = {"timeline": "Timeline", "bar": "Bars", "line": "Lines", "table": "Table"}


class Choice(NamedTuple):
    """One picture to choose, and whether it is shown now."""

    words: str
    href: str
    current: bool


@dataclass(frozen=True)
class Figure:
    """The picture above the grid: where to fetch it, and what else could be shown."""

    kind: str = "table"
    choices: list[Choice] = field(default_factory=list)
    url: str = ""
    key: str = ""


def figure_of(
    run: Run,
    address: Address,
    known: Sequence[Column],
    drawn: Sequence[Column],
    rows: int,
) -> Figure:
    """The picture for this address. Its ``key`` stays while what it shows stays.

    ``drawn`` are the columns of rows as charts take them (`drawings.as_drawn`).
    """
    offered = list(_offered(known, drawn, rows))
    if not offered:
        return Figure()
    asked = address.get("show")
    by_itself = _by_itself(drawn, offered, rows)
    kind = asked if asked in {*offered, "table"} else by_itself
    choices = [
        Choice(_WORDS[name], address.setting(show=name), name == kind)
        for name in (*offered, "table")
    ]
    if kind == "table":
        return Figure(kind, choices)
    view = "run_timeline" if kind == "timeline" else "run_chart"
    url = f"{reverse(view, args=[run.pk])}?{urlencode({'view': address.text})}"
    key = blake2s(f"{url} {rows}".encode(), digest_size=8).hexdigest()
    return Figure(kind, choices, url, key)


def _offered(
    known: Sequence[Column], drawn: Sequence[Column], rows: int
) -> Iterator[str]:
    if times_of(known) and rows:
        yield "timeline"
    few = rows <= FEW_ROWS or len(drawn) <= MOST_COLUMNS
    if rows >= LEAST_ROWS and few and numbers_of(drawn) and places_of(drawn):
        yield "bar"
        yield "line"


def _by_itself(drawn: Sequence[Column], offered: list[str], rows: int) -> str:
    """A line over time, bars over names; of rows that are no aggregate the timeline, if any."""
    if "bar" in offered and len(drawn) <= MOST_COLUMNS and rows <= ROWS_UNASKED:
        return "line" if times_of(drawn) else "bar"
    return "timeline" if "timeline" in offered else "table"


def times_of(known: Sequence[Column]) -> list[Column]:
    """The columns of times."""
    return [column for column in known if "t" in column.types]


def numbers_of(known: Sequence[Column]) -> list[Column]:
    """The columns that can be drawn."""
    return [column for column in known if column.kind in NUMBERS]


def names_of(known: Sequence[Column]) -> list[Column]:
    """The columns of names to group by."""
    return [column for column in known if column.kind in _TEXTS]


def places_of(known: Sequence[Column]) -> list[Column]:
    """The columns that an x axis can be made of, the likeliest first.

    Of nothing but numbers the first one is, as in rows per status code.
    """
    found = [*times_of(known), *names_of(known)]
    numbers = numbers_of(known)
    return found if found or len(numbers) < LEAST_ROWS else numbers[:1]
