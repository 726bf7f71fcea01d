"""Stored results: rows -> Parquet parts -> pages. No Django, no HTTP, no provider."""

from __future__ import annotations

from queries.results.columns import KINDS, ORIGINAL, Column
from queries.results.compaction import compact
from queries.results.conditions import OPERATIONS, Condition, Filter
from queries.results.engine import Bounds
from queries.results.errors import (
    BusyError,
    ConditionError,
    MemoryLimitError,
    QueryTimeoutError,
    ResultError,
    ResultsDamagedError,
    ResultsMissingError,
    RowNotFoundError,
    StorageError,
    StorageFullError,
    UnknownColumnError,
    UnknownFormatError,
)
from queries.results.histogram import NO_VALUE, OTHER, Histogram
from queries.results.pages import Page
from queries.results.parts import Part, orphan_directories, remove_result
from queries.results.reader import ResultReader
from queries.results.row_templates import WHOLE, Documents
from queries.results.sql import Sort
from queries.results.statistics import ColumnStatistics
from queries.results.writer import FORMAT_VERSION, Limits, PartWriter

__all__ = [
    "FORMAT_VERSION",
    "KINDS",
    "NO_VALUE",
    "OPERATIONS",
    "ORIGINAL",
    "OTHER",
    "WHOLE",
    "Bounds",
    "BusyError",
    "Column",
    "ColumnStatistics",
    "Condition",
    "ConditionError",
    "Documents",
    "Filter",
    "Histogram",
    "Limits",
    "MemoryLimitError",
    "Page",
    "Part",
    "PartWriter",
    "QueryTimeoutError",
    "ResultError",
    "ResultReader",
    "ResultsDamagedError",
    "ResultsMissingError",
    "RowNotFoundError",
    "Sort",
    "StorageError",
    "StorageFullError",
    "UnknownColumnError",
    "UnknownFormatError",
    "compact",
    "orphan_directories",
    "remove_result",
]
