"""Answers from the footers of parts, without reading rows. Parts never change, so they are cached.

Columns, values per column, first and last time: questions about all rows of a large result that need
no row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from queries.results.cache import LRUCache
from queries.results.columns import PRESENT, TEMPLATES
from queries.results.errors import ResultsDamagedError, ResultsMissingError


@dataclass(frozen=True)
class Footer:
    """A part's physical columns, and how many values each has: None if the file does not say.

    `templates` are those that its rows name, as JSON (see `row_texts`).
    """

    names: frozenset[str]
    present: Mapping[str, int] | None
    templates: bytes


@dataclass(frozen=True)
class _Pieces:
    """One column of one part, by row groups."""

    bounds: list[int] | None
    few: bool


# By how many columns there are: some hundred bytes each.
FOOTERS: Final[LRUCache[Footer]] = LRUCache(
    200_000, lambda footer: len(footer.names) + 1
)
_PIECES: Final[LRUCache[_Pieces]] = LRUCache(
    200_000, lambda one: len(one.bounds or ()) + 1
)
_SMALL_DICTIONARY: Final = 2_048  # bytes, compressed: some hundred words


def read_footer(path: Path) -> Footer:
    """Return the footer of a part. Raises ResultsMissingError and ResultsDamagedError."""
    return FOOTERS.get(path, lambda: _footer(path))


def stored_columns(paths: Iterable[Path]) -> frozenset[str]:
    """Return the physical columns that at least one of the parts has."""
    return frozenset().union(*(read_footer(path).names for path in paths))


def presence_counts(paths: Iterable[Path]) -> dict[str, int] | None:
    """Return how many values the parts have together, by physical column; None if one does not say."""
    found: dict[str, int] = {}
    for path in paths:
        counts = read_footer(path).present
        if counts is None:
            return None
        for name, count in counts.items():
            found[name] = found.get(name, 0) + count
    return found


def time_bounds(paths: Iterable[Path], name: str) -> list[int] | None:
    """Return the least and greatest number of each part of a column of integers or times (nanoseconds).

    Empty if it has none; None if a part does not say.
    """
    found: list[int] = []
    for path in paths:
        if name in read_footer(path).names:
            bounds = _remembered(path, name).bounds
            if bounds is None:
                return None
            found += bounds
    return found


def has_few(paths: Iterable[Path], name: str) -> bool:
    """Return whether the column has so few distinct values that small dictionaries hold them all."""
    return all(
        _remembered(path, name).few for path in paths if name in read_footer(path).names
    )


def _footer(path: Path) -> Footer:
    metadata = _metadata(path)
    facts = metadata.metadata or {}
    counts = facts.get(PRESENT)
    return Footer(
        frozenset(metadata.schema.names),
        None if counts is None else json.loads(counts),
        facts.get(TEMPLATES, b"{}"),
    )


def _remembered(path: Path, name: str) -> _Pieces:
    return _PIECES.get((path, name), lambda: _pieces(path, name))


def _pieces(path: Path, name: str) -> _Pieces:
    metadata = _metadata(path)
    at = metadata.schema.names.index(name)
    groups = [metadata.row_group(n).column(at) for n in range(metadata.num_row_groups)]
    bounds: list[int] | None = []
    for group in groups:
        known = group.statistics
        if known is not None and known.has_min_max and bounds is not None:
            bounds += [known.min_raw, known.max_raw]
        elif known is None or known.null_count != group.num_values:
            bounds = None
    return _Pieces(bounds, all(map(_is_small, groups)))


def _is_small(group: pq.ColumnChunkMetaData) -> bool:
    """Return whether a column's row group has no more distinct values than a small dictionary holds."""
    if not group.has_dictionary_page:
        return False
    size = group.data_page_offset - group.dictionary_page_offset
    return bool(size <= _SMALL_DICTIONARY)


def _metadata(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except FileNotFoundError as error:
        raise ResultsMissingError from error
    except (pa.ArrowInvalid, OSError) as error:
        raise ResultsDamagedError from error
