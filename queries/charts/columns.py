"""Columns that a chart can use: for its x axis, its values and its groups."""

from __future__ import annotations

from collections.abc import Sequence

from queries.results import Column

NUMERIC_KINDS = ("integer", "number")
CATEGORY_KINDS = ("text", "severity", "boolean")


def time_columns(columns: Sequence[Column]) -> list[Column]:
    """Return the columns that hold times."""
    return [column for column in columns if "t" in column.types]


def numeric_columns(columns: Sequence[Column]) -> list[Column]:
    """Return the columns that can be drawn as values."""
    return [column for column in columns if column.kind in NUMERIC_KINDS]


def category_columns(columns: Sequence[Column]) -> list[Column]:
    """Return the columns that can be grouped by."""
    return [column for column in columns if column.kind in CATEGORY_KINDS]


def x_axis_columns(columns: Sequence[Column]) -> list[Column]:
    """Return the columns that can be an x axis, the likeliest first.

    If all columns are numbers, the first one can, as in rows per status code.
    """
    candidates = [*time_columns(columns), *category_columns(columns)]
    numbers = numeric_columns(columns)
    return candidates if candidates or len(numbers) == 1 else numbers[:1]
