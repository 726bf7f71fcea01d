"""Rows in, columns out: takes nested rows apart into one list of values per keypath.

This is the hot loop of every ingest, hence plain lists, and padding only when a value arrives:
a keypath that a row lacks costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from queries.results.cells import arrays_of
from queries.results.columns import Column, column_of, physical_name
from queries.results.keypaths import keypath, spellings

MAX_NAME: Final = 500  # characters; longer names are keys made of data
MAX_DEPTH: Final = 32  # levels; what is deeper is one cell of JSON
MAX_DROPPED: Final = (
    10_000  # counting stops here: remembering what was left out costs memory
)


class Series:
    """The values met under one keypath since the last part, and all types met so far."""

    __slots__ = ("hint", "name", "place", "types", "values")

    def __init__(self, name: str, hint: str, types: str = "") -> None:
        self.name = name
        self.hint = hint
        self.types = set(types)
        self.values: list[Any] = []
        self.place: Place | None = None


class Place:
    """One place in the rows: a node of the tree that all keypaths make."""

    __slots__ = ("below", "depth", "key", "name", "parent", "values")

    def __init__(self, parent: Place | None, key: str) -> None:
        self.parent = parent
        self.key = key
        self.depth: int = parent.depth + 1 if parent else 1
        self.name: str = keypath(parent.name if parent else None, key)
        self.below: dict[str, Place] = {}
        self.values: list[Any] | None = None  # None until a value was met here


class Shredder:
    """Takes rows apart. `columns` are those of earlier parts of the same result, if any.

    Keypaths beyond `max_columns` are left out of the columns (never out of the row's JSON)
    and counted in `dropped`, up to MAX_DROPPED.
    """

    def __init__(
        self, hints: Mapping[str, str], columns: Sequence[Column], max_columns: int
    ) -> None:
        self._hints = hints
        self._max_columns = max_columns
        self._series = {c.name: self._new_series(c.name, c.types) for c in columns}
        self._top: dict[str, Place] = {}
        self._places = 0
        self._dropped: set[int] = set()
        self.rows = 0

    @property
    def columns(self) -> list[Column]:
        """All columns met so far, in order of first appearance."""
        return [column_of(s.name, s.types, s.hint) for s in self._series.values()]

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self._series)

    @property
    def dropped(self) -> int:
        """How many keypaths found no room."""
        return len(self._dropped)

    def add(self, values: Mapping[str, Any]) -> None:
        """Take one row apart."""
        self._walk(values, self._top, None)
        self.rows += 1

    def arrays(self) -> dict[str, pa.Array]:
        """What was taken apart since `clear`: physical name -> array of `rows` cells.

        Columns without any value are left out; a reader takes them for nulls.
        """
        arrays: dict[str, pa.Array] = {}
        for series in self._series.values():
            del series.values[self.rows :]  # of a row that broke off half way
            for letter, array in arrays_of(series.values, self.rows, series.hint):
                series.types.add(letter)
                arrays[physical_name(series.name, letter)] = array
        return arrays

    def clear(self) -> None:
        """Forget the values, keep the columns."""
        for series in self._series.values():
            series.values.clear()
        self.rows = 0

    def _walk(
        self, values: Mapping[str, Any], places: dict[str, Place], parent: Place | None
    ) -> None:
        row = self.rows
        for key, value in values.items():
            place = places.get(key) or self._new_place(places, parent, key)
            if place is None:
                continue
            if value.__class__ is dict and value and place.depth < MAX_DEPTH:
                self._walk(value, place.below, place)
                continue
            cells = place.values
            if cells is None:
                cells = self._claim(place)
                if cells is None:
                    continue
            if value is not None:
                if len(cells) < row:
                    cells.extend([None] * (row - len(cells)))
                cells.append(value)

    def _new_place(
        self, places: dict[str, Place], parent: Place | None, key: str
    ) -> Place | None:
        """Room for a key not met here before; None when there is none.

        Places are bounded apart from columns: an object whose every key is refused would
        otherwise still leave a place behind, once per row.
        """
        room = self.width < self._max_columns and self._places < 4 * self._max_columns
        if not room or len(key) > MAX_NAME:
            self._drop(parent, key)
            return None
        places[key] = place = Place(parent, key)
        self._places += 1
        return place

    def _claim(self, place: Place) -> list[Any] | None:
        """The list for the values met at a place that so far held only objects, or nothing."""
        parent = place.parent.name if place.parent else None
        for name in spellings(parent, place.key):
            series = self._series.get(name)
            if series is None and (
                self.width >= self._max_columns or len(name) > MAX_NAME
            ):
                self._drop(place.parent, place.key)
                return None
            if series is None:
                series = self._series[name] = self._new_series(name)
            if series.place is None:
                series.place = place
                place.values = series.values
                break
        return place.values

    def _drop(self, parent: Place | None, key: str) -> None:
        if len(self._dropped) < MAX_DROPPED:
            self._dropped.add(hash((parent.name if parent else None, key)))

    def _new_series(self, name: str, types: str = "") -> Series:
        return Series(name, self._hints.get(name, ""), types)
