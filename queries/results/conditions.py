"""Filters: conditions on columns and a search text. Plain data, no SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from queries.results.errors import ConditionError

OPERATIONS: Final = (
    "is",
    "not",
    "contains",
    "lacks",
    "matches",
    "between",
    "empty",
    "present",
)
_FEWEST: Final = {"between": 2, "empty": 0, "present": 0}  # values; else 1
_SEVERAL: Final = ("is", "not")


@dataclass(frozen=True)
class Condition:
    """What one column must hold. Raises ConditionError when it makes no sense.

    `values` are texts as people type or see them, compared as what the cells are: numbers as
    numbers, times as ISO 8601 (UTC when no zone is given), severities as words.

    - "is", "not": one of, none of the values. A time stands for its whole last unit:
      "2025-06-19" is that day, "2025-06-19 00:44:47.461" that millisecond; an interval
      ("2025-06-19T22:00Z/2025-06-20T21:59Z") is all of it.
    - "contains", "lacks": the text occurs in the cell as it is shown, upper and lower case alike.
    - "matches": a regular expression (RE2) finds something in the cell as it is shown.
    - "between": low and high, both included, "" for open.
    - "empty", "present": the row has no value there, or has one.

    Rows without a value pass "not", "lacks" and "empty".
    """

    column: str
    operation: str
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            raise ConditionError(self.column, "there is no such comparison")
        fewest = _FEWEST.get(self.operation, 1)
        several = self.operation in _SEVERAL
        if len(self.values) < fewest or (len(self.values) > fewest and not several):
            raise ConditionError(self.column, "it lacks a value, or has too many")
        if self.values and not several and not any(self.values):
            raise ConditionError(self.column, "no value was given")


@dataclass(frozen=True)
class Filter:
    """Rows that pass all conditions and contain the text in any column, or in one.

    The text is literal and ignores case. Cells are searched as they are shown: severities as words,
    times as "2025-06-19 00:44:47.461" in UTC, lists as JSON.
    """

    text: str = ""
    column: str | None = None
    conditions: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        """Return whether it excludes any row."""
        return bool(self.text or self.conditions)

    @property
    def is_expensive(self) -> bool:
        """Whether it searches texts, which takes far longer than comparing cells."""
        dear = {"contains", "lacks", "matches"}
        return bool(self.text) or any(by.operation in dear for by in self.conditions)
