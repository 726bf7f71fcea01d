"""The tree a query is parsed into: expressions and commands, plain frozen data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields

from dataprime.errors import Position


@dataclass(frozen=True)
class Expr:
    """An expression. `height` bounds recursion: the parser refuses tall trees."""

    at: Position
    height: int = field(init=False, compare=False, repr=False, default=1)

    def __post_init__(self) -> None:
        tallest = max((child.height for child in self.children()), default=0)
        object.__setattr__(self, "height", tallest + 1)

    def children(self) -> Iterator[Expr]:
        """Yield the expressions directly below this one."""
        for slot in fields(self):
            if slot.name != "height":
                yield from _expressions(getattr(self, slot.name))


def _expressions(value: object) -> Iterator[Expr]:
    if isinstance(value, Expr):
        yield value
    elif isinstance(value, tuple) and not isinstance(value, Position):
        for item in value:
            yield from _expressions(item)


@dataclass(frozen=True)
class Literal(Expr):
    """A string, number, boolean or null."""

    value: str | int | float | bool | None


@dataclass(frozen=True)
class IntervalLiteral(Expr):
    """`1d2h`: nanoseconds."""

    nanos: int


@dataclass(frozen=True)
class TimestampLiteral(Expr):
    """`@'…'`: nanoseconds since the epoch, or None for `@'now'`."""

    nanos: int | None


@dataclass(frozen=True)
class RegexLiteral(Expr):
    """`/…/`: the pattern as written."""

    pattern: str


@dataclass(frozen=True)
class SeverityLiteral(Expr):
    """A bare enum word: 1 (DEBUG) to 6 (CRITICAL)."""

    rank: int


@dataclass(frozen=True)
class Keypath(Expr):
    """`$d.a.b`: a root and keys. `bare` when it was written without a root."""

    root: str
    keys: tuple[str, ...]
    bare: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        """Return root and keys as one tuple."""
        return (self.root, *self.keys)


@dataclass(frozen=True)
class ArrayLiteral(Expr):
    """`[a, b]`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True)
class Unary(Expr):
    """`!x` or `-x`."""

    op: str
    operand: Expr


@dataclass(frozen=True)
class Binary(Expr):
    """Arithmetic, a comparison or a text search."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Logical(Expr):
    """`a && b && …` or `a || b || …`, flat so that long chains stay shallow."""

    op: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True)
class Membership(Expr):
    """`x in [a, b]` (candidates) or `x in $d.list` (array)."""

    needle: Expr
    candidates: tuple[Expr, ...] = ()
    array: Expr | None = None


@dataclass(frozen=True)
class Cast(Expr):
    """`x:number`."""

    operand: Expr
    target: str


@dataclass(frozen=True)
class Index(Expr):
    """`f(x)[0]` or `f(x).key`: a part of a computed value."""

    operand: Expr
    key: str


@dataclass(frozen=True)
class Call(Expr):
    """`f(a, name=b)`; a method call carries its subject as the first argument."""

    name: str
    args: tuple[Expr, ...]
    named: tuple[tuple[str, Expr], ...] = ()


@dataclass(frozen=True)
class Case(Expr):
    """`case { … }` and its shorthands; `subject` is None for the plain form."""

    form: str
    subject: Expr | None
    branches: tuple[tuple[Expr, Expr], ...]
    default: Expr | None


@dataclass(frozen=True)
class Named:
    """An expression with the keypath its value goes to, if one was given."""

    expr: Expr
    alias: Keypath | None = None


@dataclass(frozen=True)
class Between:
    """`between T and T`."""

    start: Expr
    end: Expr


@dataclass(frozen=True)
class Last:
    """`last I`."""

    interval: Expr


@dataclass(frozen=True)
class Around:
    """`around T [interval I]`."""

    middle: Expr
    interval: Expr | None


@dataclass(frozen=True)
class Shifted:
    """`timeshifted I`."""

    interval: Expr


TimeClause = Between | Last | Around | Shifted


@dataclass(frozen=True)
class Command:
    """One step of the pipe."""

    at: Position


@dataclass(frozen=True)
class Source(Command):
    """`source [space/]dataset [time clause]`."""

    dataset: str
    clause: TimeClause | None


@dataclass(frozen=True)
class Filter(Command):
    """`filter cond`, or `block cond` when `negated`."""

    condition: Expr
    negated: bool


@dataclass(frozen=True)
class Choose(Command):
    items: tuple[Named, ...]


@dataclass(frozen=True)
class Create(Command):
    """`create k from e`, `replace k with e`; the policies are those of `on keypath`."""

    target: Keypath
    value: Expr
    if_exists: str = "overwrite"
    if_missing: str = "create"


@dataclass(frozen=True)
class Remove(Command):
    targets: tuple[Keypath, ...]


@dataclass(frozen=True)
class Move(Command):
    origin: Keypath
    target: Keypath


@dataclass(frozen=True)
class Convert(Command):
    """`convert k:type, …`."""

    types: tuple[tuple[Keypath, str], ...]


@dataclass(frozen=True)
class Redact(Command):
    """`redact k matching /re/ | 's' to 'x'`."""

    target: Keypath
    pattern: RegexLiteral | Literal
    replacement: str


@dataclass(frozen=True)
class Limit(Command):
    count: int


@dataclass(frozen=True)
class SortKey:
    expr: Expr
    descending: bool


@dataclass(frozen=True)
class OrderBy(Command):
    keys: tuple[SortKey, ...]


@dataclass(frozen=True)
class Count(Command):
    into: Keypath | None


@dataclass(frozen=True)
class CountBy(Command):
    keys: tuple[Named, ...]
    into: Keypath | None
    direction: str | None


@dataclass(frozen=True)
class GroupBy(Command):
    """`groupby k aggregate f`; `aggregate f` has no keys, `distinct k` no functions."""

    keys: tuple[Named, ...]
    aggregates: tuple[Named, ...]


@dataclass(frozen=True)
class Top(Command):
    """`top N e by e`, or `bottom` when not `descending`."""

    count: int
    items: tuple[Named, ...]
    by: tuple[Named, ...]
    descending: bool


@dataclass(frozen=True)
class Dedupe(Command):
    keys: tuple[Expr, ...]
    keep: int


@dataclass(frozen=True)
class Find(Command):
    """`find 's' in k`, or `wildfind 's'` over all user data."""

    phrase: Literal
    target: Keypath


@dataclass(frozen=True)
class LuceneFilter(Command):
    """`lucene '…'`; `text_at` is where the text itself begins."""

    text: str
    text_at: Position


@dataclass(frozen=True)
class Extract(Command):
    """`extract e into k using method(options) [datatypes k:type, …]`."""

    value: Expr
    target: Keypath
    method: str
    options: tuple[tuple[str, Expr], ...]
    types: tuple[tuple[Keypath, str], ...]


@dataclass(frozen=True)
class RoundTime(Command):
    """`roundtime [source] to I [into k]`."""

    value: Expr
    interval: Expr
    target: Keypath


@dataclass(frozen=True)
class Query:
    """A whole query: where the rows come from, then the steps in order."""

    source: Source | None
    commands: tuple[Command, ...]


def walk(expr: Expr) -> Iterable[Expr]:
    """Yield the expression and all below it."""
    yield expr
    for child in expr.children():
        yield from walk(child)
