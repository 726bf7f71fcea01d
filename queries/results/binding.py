"""Bound values and physical column names, for all SQL over a result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from queries.results.cells import SEVERITIES
from queries.results.columns import Column, physical_name

NEVER: Final = "false"
_NANOSECONDS: Final = (-(2**63) + 1, 2**63 - 1)


class Bindings:
    """Values to bind to a statement; user text is nowhere else."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self.values: dict[str, Any] = dict(values or {})

    def __call__(self, value: Any) -> str:
        """Return the placeholder of the value; equal texts share one."""
        for name, known in self.values.items():
            if known.__class__ is str and known == value:
                return f"${name}"
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"${name}"


Bind = Callable[[Any], str]


def physical_columns(column: Column) -> Iterator[tuple[str, str]]:
    """Yield letter and quoted name of each physical column."""
    return (
        (letter, f'"{physical_name(column.name, letter)}"') for letter in column.types
    )


def severity_rank(name: str) -> str:
    """Return the SQL for the rank of a level name among SEVERITIES (1 is the lowest), ignoring case; NULL for other texts."""
    return f"list_position({[word.lower() for word in SEVERITIES]}, lower({name}))"


def time_sql(nanoseconds: int, bind: Bind) -> str:
    """Return a point in time, clamped to 64 bits of nanoseconds."""
    low, high = _NANOSECONDS
    return (
        f"make_timestamp_ns({bind(min(max(nanoseconds, low), high))})::TIMESTAMPTZ_NS"
    )
