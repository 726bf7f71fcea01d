"""Flatten nested rows into one list of values per keypath.

This is the hot loop of every ingest, so there is no step per cell: rows whose objects have the same
keys are turned into columns together, by the interpreter's own `zip`, one level of nesting at a time.
Most rows of a result look alike, so there are few groups. A keypath that a row lacks costs nothing.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, compress
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from queries.results.cells import column_arrays
from queries.results.columns import Column, make_column, physical_name
from queries.results.keypaths import keypath, spellings

MAX_NAME_CHARACTERS: Final = 500  # characters; longer names are keys made of data
MAX_DEPTH: Final = 32  # levels; what is deeper is one cell of JSON
MAX_DROPPED: Final = 10_000  # counting stops here, because remembering costs memory

_values = operator.methodcaller("values")
Rows = Sequence[int]  # row numbers since the last part
Group = tuple[tuple[str, ...], Rows, Sequence[Mapping[str, Any]]]


class Series:
    """The values of one keypath since the last part, and all types met so far.

    `values` are in the order of `rows` concatenated: sequences that neighbours share.
    """

    __slots__ = ("hint", "name", "place", "rows", "types", "values")

    def __init__(self, name: str, hint: str, types: str = "") -> None:
        self.name = name
        self.hint = hint
        self.types = set(types)
        self.rows: list[Rows] = []
        self.values: list[Any] = []
        self.place: ColumnPath | None = None

    def add(self, rows: Rows, values: Sequence[Any]) -> None:
        """Values of these rows."""
        self.rows.append(rows)
        self.values.extend(values)

    def cut(self, rows: int) -> None:
        """Drop rows that were not flattened completely."""
        while self.rows and self.rows[-1][0] >= rows:
            self.rows.pop()
        del self.values[sum(map(len, self.rows)) :]


class ColumnPath:
    """One node of the tree of keypaths."""

    __slots__ = ("below", "depth", "key", "name", "parent", "series")

    def __init__(self, parent: ColumnPath | None, key: str) -> None:
        self.parent = parent
        self.key = key
        self.depth: int = parent.depth + 1 if parent else 1
        self.name: str = keypath(parent.name if parent else None, key)
        self.below: dict[str, ColumnPath] = {}
        self.series: Series | None = None  # None until a value was met here


class Flattener:
    """Flattens rows. `columns` are those of earlier parts of the same result, if any.

    Keypaths beyond `max_columns` are left out of the columns (never out of the row's JSON) and counted
    in `dropped`, up to MAX_DROPPED.
    """

    def __init__(
        self, hints: Mapping[str, str], columns: Sequence[Column], max_columns: int
    ) -> None:
        self._hints = hints
        self._max_columns = max_columns
        self._series = {c.name: self._new_series(c.name, c.types) for c in columns}
        self._top: dict[str, ColumnPath] = {}
        self._places = 0
        self._dropped: set[int] = set()
        self.rows = 0

    @property
    def columns(self) -> list[Column]:
        """All columns met so far, in order of first appearance."""
        return [make_column(s.name, s.types, s.hint) for s in self._series.values()]

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self._series)

    @property
    def dropped(self) -> int:
        """Number of keypaths left out."""
        return len(self._dropped)

    def add(self, values: Sequence[Mapping[str, Any]]) -> None:
        """Flatten rows. More rows at once are faster, but take memory twice."""
        if not values:
            return
        rows = range(self.rows, self.rows + len(values))
        self._flatten(values, rows, self._top, None)
        self.rows = rows.stop

    def arrays(self) -> dict[str, pa.Array]:
        """Return what was flattened since `clear`: physical name -> array of `rows` cells.

        Columns without any value are left out; readers treat them as nulls.
        """
        arrays: dict[str, pa.Array] = {}
        orders: dict[tuple[int, ...], pa.Array | None] = {}
        for series in self._series.values():
            series.cut(self.rows)
            pieces = tuple(map(id, series.rows))
            if pieces not in orders:
                orders[pieces] = _order(series.rows, self.rows)
            order = orders[pieces]
            for letter, array in column_arrays(series.values, series.hint):
                series.types.add(letter)
                arrays[physical_name(series.name, letter)] = (
                    array if order is None else array.take(order)
                )
        return arrays

    def clear(self) -> None:
        """Drop the values, keep the columns."""
        for series in self._series.values():
            series.rows.clear()
            series.values.clear()
        self.rows = 0

    def _flatten(
        self,
        objects: Sequence[Mapping[str, Any]],
        rows: Rows,
        places: dict[str, ColumnPath],
        parent: ColumnPath | None,
    ) -> None:
        """Flatten the objects of one node, or the rows themselves; `rows` are their row numbers."""
        for keys, group_rows, group in _groups(objects, rows):
            for key, values in zip(
                keys, zip(*map(_values, group), strict=True), strict=True
            ):
                place = places.get(key) or self._new_node(places, parent, key)
                if place is not None:
                    self._add_values(place, group_rows, values)

    def _add_values(self, place: ColumnPath, rows: Rows, values: Sequence[Any]) -> None:
        """Add values of one node: scalars are kept, objects are flattened further."""
        kinds = set(map(type, values))
        if dict in kinds and place.depth < MAX_DEPTH:
            if len(kinds) == 1 and all(values):
                self._flatten(values, rows, place.below, place)
                return
            objects, within, rows, values = _split_objects(rows, values)
            if objects:
                self._flatten(objects, within, place.below, place)
            if not values:
                return
        series = place.series or self._claim(place)
        if series is not None:
            series.add(rows, values)

    def _new_node(
        self, places: dict[str, ColumnPath], parent: ColumnPath | None, key: str
    ) -> ColumnPath | None:
        """Return a node for a new key; None when the limit is reached.

        Nodes are bounded apart from columns: an object whose every key is refused would otherwise still
        leave a node behind, once per row.
        """
        room = self.width < self._max_columns and self._places < 4 * self._max_columns
        if not room or len(key) > MAX_NAME_CHARACTERS:
            self._drop(parent, key)
            return None
        places[key] = place = ColumnPath(parent, key)
        self._places += 1
        return place

    def _claim(self, place: ColumnPath) -> Series | None:
        """Return the series of a node that so far had only objects, or no values."""
        parent = place.parent.name if place.parent else None
        for name in spellings(parent, place.key):
            series = self._series.get(name)
            if series is None and (
                self.width >= self._max_columns or len(name) > MAX_NAME_CHARACTERS
            ):
                self._drop(place.parent, place.key)
                return None
            if series is None:
                series = self._series[name] = self._new_series(name)
            if series.place is None:
                series.place = place
                place.series = series
                break
        return place.series

    def _drop(self, parent: ColumnPath | None, key: str) -> None:
        if len(self._dropped) < MAX_DROPPED:
            self._dropped.add(hash((parent.name if parent else None, key)))

    def _new_series(self, name: str, types: str = "") -> Series:
        return Series(name, self._hints.get(name, ""), types)


def _groups(objects: Sequence[Mapping[str, Any]], rows: Rows) -> Iterator[Group]:
    """Yield objects with the same keys in the same order, and their rows."""
    keys = list(map(tuple, objects))
    if keys.count(keys[0]) == len(keys):
        yield keys[0], rows, objects
        return
    groups: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for at, names in enumerate(keys):
        groups[names].append(at)
    for names, places in groups.items():
        yield names, [rows[at] for at in places], [objects[at] for at in places]


def _split_objects(
    rows: Rows, values: Sequence[Any]
) -> tuple[list[dict[str, Any]], Rows, Rows, Sequence[Any]]:
    """Split into non-empty objects with their rows, and all other values with theirs."""
    inner = [value.__class__ is dict and bool(value) for value in values]
    outer = list(map(operator.not_, inner))
    return (
        list(compress(values, inner)),
        list(compress(rows, inner)),
        list(compress(rows, outer)),
        list(compress(values, outer)),
    )


def _order(pieces: Sequence[Rows], rows: int) -> pa.Array | None:
    """Return the position of each row's value, null where it has none; None if all are in order."""
    found = list(chain.from_iterable(pieces))
    if found == list(range(rows)):
        return None
    return pc.inverse_permutation(pa.array(found, pa.int64()), max_index=rows - 1)
