"""Signatures: `value:string length?:number` and the matching of arguments to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dataprime.context import Context
from dataprime.errors import DataPrimeError, Position, printable
from dataprime.table import Kind
from dataprime.values import Constant, Value, coerce

Args = tuple[Value | None, ...]


@dataclass(frozen=True)
class Param:
    """A parameter. `constant`: a literal is required, as for formats and units."""

    name: str
    kind: Kind
    optional: bool = False
    variadic: bool = False
    constant: bool = False


@dataclass(frozen=True)
class CallSite:
    """Where a function is called: for errors, the clock and bound values."""

    name: str
    at: Position
    ctx: Context

    def error(self, message: str) -> DataPrimeError:
        """Return an error placed at the call."""
        return DataPrimeError(f"{self.name}(): {message}", *self.at)

    def bind(self, value: str) -> str:
        """Return the SQL of a bound text."""
        return self.ctx.params.bind(value)


@dataclass(frozen=True)
class Function:
    """A function: its parameters and how a call becomes a value."""

    params: tuple[Param, ...]
    build: Callable[[CallSite, Args], Value]


Functions = Mapping[str, Function]


def parse_signature(signature: str) -> tuple[Param, ...]:
    """Read a signature: names with kinds; `?` optional, `*` any number, `!` literal."""
    return tuple(_param(word) for word in signature.split())


def _param(word: str) -> Param:
    name, kind = word.split(":")
    marks = name[len(name.rstrip("?*!")) :]
    return Param(
        name.rstrip("?*!"), Kind(kind), "?" in marks, "*" in marks, "!" in marks
    )


def simple(signature: str, result: Kind, template: str) -> Function:
    """Return a function that is a template over the SQL of its arguments."""

    def build(_: CallSite, args: Args) -> Value:
        return Value(result, template.format(*(arg.sql for arg in args if arg)))

    return Function(parse_signature(signature), build)


def custom(
    signature: str,
) -> Callable[[Callable[[CallSite, Args], Value]], Function]:
    """Decorate a builder with its signature."""

    def wrap(build: Callable[[CallSite, Args], Value]) -> Function:
        return Function(parse_signature(signature), build)

    return wrap


def match_args(
    function: Function,
    args: tuple[Value, ...],
    named: Mapping[str, Value],
    site: CallSite,
) -> Args:
    """Return one value per parameter, converted; the rest of a variadic one follows.

    Raises DataPrimeError for a missing, superfluous or mistyped argument.
    """
    wanted = function.params
    taken = list(args)
    matched: list[Value | None] = []
    for param in wanted:
        if param.variadic:
            matched += [_converted(v, param, site) for v in taken]
            taken = []
            continue
        value = taken.pop(0) if taken else named.get(param.name)
        if value is None and not param.optional:
            raise site.error(f"the argument {printable(param.name)} is missing")
        matched.append(None if value is None else _converted(value, param, site))
    _check_rest(taken, named, wanted, site)
    return tuple(matched)


def _check_rest(
    taken: list[Value],
    named: Mapping[str, Value],
    wanted: tuple[Param, ...],
    site: CallSite,
) -> None:
    if taken:
        raise site.error(
            f"takes {len(wanted)} arguments, not {len(wanted) + len(taken)}"
        )
    for name in named:
        if name not in {param.name for param in wanted}:
            raise site.error(f"has no argument {printable(name)}")


def _converted(value: Value, param: Param, site: CallSite) -> Value:
    if param.constant and value.constant is None:
        raise site.error(f"the argument {printable(param.name)} must be a literal")
    if param.kind is Kind.ANY:
        return value
    found = coerce(value, param.kind)
    if found is None:
        raise site.error(
            f"the argument {printable(param.name)} is {param.kind.with_article}, not {value.kind.with_article}"
            f"{cast_hint(param.kind)}"
        )
    return found


def cast_hint(kind: Kind) -> str:
    """Return the advice to cast, for kinds that have a cast."""
    castable = (Kind.NUMBER, Kind.STRING, Kind.BOOL, Kind.TIMESTAMP, Kind.INTERVAL)
    return f": cast it with ':{kind}'" if kind in castable else ""


def constant_arg(args: Args, index: int) -> Constant:
    """Return the literal behind an argument, None when it was left out."""
    arg = args[index] if index < len(args) else None
    return arg.constant if arg else None


def present_args(args: Args) -> tuple[Value, ...]:
    """Return the arguments that are there."""
    return tuple(arg for arg in args if arg is not None)
