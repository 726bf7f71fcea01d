"""What a query says, command by command."""

from __future__ import annotations

from dataclasses import dataclass, field

FUNCTIONS = ("count", "avg", "min", "max", "sum", "dc")


@dataclass(frozen=True)
class Compare:
    """``field=value`` and its like."""

    field: str
    operator: str
    value: str


@dataclass(frozen=True)
class Term:
    """Text to be found anywhere in an event."""

    text: str


@dataclass(frozen=True)
class BooleanGroup:
    """Several conditions, all of which hold (``AND``), or one of which does (``OR``)."""

    operator: str
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Negation:
    """``NOT``."""

    part: Condition


Condition = Compare | Term | BooleanGroup | Negation


@dataclass(frozen=True)
class Source:
    """``source``: indices by name or pattern; the range is that of the request unless stated here."""

    patterns: tuple[str, ...]
    size: int | None = None
    earliest: str = ""
    latest: str = ""
    place: int = 0
    seconds: int = 0  # how long it takes at the least: an option of the sandbox alone


@dataclass(frozen=True)
class Search:
    """``search``."""

    condition: Condition


@dataclass(frozen=True)
class Fields:
    """``fields``: those to keep, or to leave out."""

    names: tuple[str, ...]
    exclude: bool = False


@dataclass(frozen=True)
class Sort:
    """``sort``: fields, each with whether it descends."""

    keys: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Head:
    """``head``."""

    count: int


@dataclass(frozen=True)
class Function:
    """One figure of ``aggs`` or ``timeaggs``; ``field`` is empty for a plain count."""

    name: str
    field: str
    label: str


@dataclass(frozen=True)
class Aggs:
    """``aggs``."""

    functions: tuple[Function, ...]
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class TimeAggs:
    """``timeaggs``: figures by time and, if wanted, by one field. ``span`` is in seconds; 0 lets the range decide."""

    functions: tuple[Function, ...]
    span: int = 0
    time_field: str = "@timestamp"
    limit: int = 10
    use_other: bool = True
    by: str = ""


Command = Source | Search | Fields | Sort | Head | Aggs | TimeAggs


@dataclass(frozen=True)
class Query:
    """A whole query; ``commands`` are in order, the source apart."""

    source: Source
    commands: tuple[Command, ...] = field(default=())
