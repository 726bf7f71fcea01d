"""What one compilation shares: bound values, the clock, warnings, fresh names."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from dataprime.errors import CompileWarning, DataPrimeError, Position
from dataprime.sql import Params
from dataprime.times import to_nanos


@dataclass
class Context:
    """The state of one compilation.

    now     nanoseconds since the epoch: the value of `now()`
    start, end   the time range in force
    strict  an unknown keypath is an error, not a warning
    """

    now: int
    start: datetime | None = None
    end: datetime | None = None
    strict: bool = False
    params: Params = field(default_factory=Params)
    warnings: dict[CompileWarning, None] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=count)

    def unique_name(self) -> str:
        """Return a column name that nothing else uses."""
        return f"__dp{next(self._numbers)}"

    def report_missing(self, message: str, at: Position) -> None:
        """Note something that is missing; raise DataPrimeError when strict."""
        if self.strict:
            raise DataPrimeError(message, *at)
        self.warnings[CompileWarning(message, *at)] = None

    def range_bound(self, name: str) -> int | None:
        """Return `startTime` or `endTime` of the range in nanoseconds, if there is one."""
        moment = {"startTime": self.start, "endTime": self.end}.get(name)
        return to_nanos(moment) if moment else None
