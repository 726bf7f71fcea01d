"""Number functions (Coralogix docs, functions reference, Number).

A result outside the numbers (a logarithm of zero, an overflow) is null.
"""

from __future__ import annotations

from dataprime.functions.signature import (
    Args,
    CallSite,
    Function,
    Functions,
    custom,
    present_args,
    simple,
)
from dataprime.functions.texts import as_bigint
from dataprime.sql import let
from dataprime.table import Kind
from dataprime.values import Value

NUMBER = Kind.NUMBER
MIN_RADIX, MAX_RADIX = 2, 36
_ONE = "number:number"


@custom("number:number digits?:number")
def round_(_: CallSite, args: Args) -> Value:
    number, *digits = present_args(args)
    if not digits:
        return Value(NUMBER, f"round({number.sql})")
    places = f"greatest(least({as_bigint(digits[0].sql)}, 15), -15)::INTEGER"
    return Value(NUMBER, f"round({number.sql}, {places})")


@custom("upperBound:number")
def random_int(_: CallSite, args: Args) -> Value:
    (bound,) = present_args(args)
    return Value(NUMBER, f"CAST(floor(random() * {bound.sql}) AS BIGINT)")


@custom("")
def random_(_site: CallSite, _args: Args) -> Value:
    return Value(NUMBER, "random()")


@custom("")
def pi(_site: CallSite, _args: Args) -> Value:
    return Value(NUMBER, "pi()")


@custom("number:number radix!:number")
def to_base(site: CallSite, args: Args) -> Value:
    number, radix = present_args(args)
    return Value(
        Kind.STRING, f"TRY(to_base({as_bigint(number.sql)}, {_radix(site, radix)}))"
    )


@custom("string:string radix!:number")
def from_base(site: CallSite, args: Args) -> Value:
    text, radix = present_args(args)
    base = _radix(site, radix)
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"[:base]
    each = f"list_transform(string_split(lower({text.sql}), ''), lambda c: "
    places = f"{each}CAST(nullif(instr('{digits}', c), 0) - 1 AS HUGEINT))"
    total = f"list_reduce({places}, lambda a, b: a * {base} + b)"
    valid = f"regexp_full_match(lower({text.sql}), '[{digits}]{{1,20}}')"
    return Value(NUMBER, f"CASE WHEN {valid} THEN TRY({total}) END")


def _radix(site: CallSite, value: Value) -> int:
    if (
        not isinstance(value.constant, int)
        or not MIN_RADIX <= value.constant <= MAX_RADIX
    ):
        raise site.error("'radix' must be a whole number from 2 to 36")
    return value.constant


def _finite(signature: str, template: str) -> Function:
    """Return a function whose NaN and infinities are null, in comparisons too."""

    @custom(signature)
    def build(_: CallSite, args: Args) -> Value:
        result = template.format(*(value.sql for value in present_args(args)))
        finite = let(
            f"TRY({result})", lambda it: f"CASE WHEN isfinite({it}) THEN {it} END"
        )
        return Value(NUMBER, finite)

    return build


def _several(template: str, separator: str) -> Function:
    """Return a function of two or more numbers; of one it is an aggregation."""

    @custom("first:number second:number values*:number")
    def build(_: CallSite, args: Args) -> Value:
        listed = separator.join(value.sql for value in present_args(args))
        return Value(NUMBER, template.format(listed))

    return build


FUNCTIONS: Functions = {
    "abs": simple(_ONE, NUMBER, "TRY(abs({}))"),
    "ceil": simple(_ONE, NUMBER, "ceil({})"),
    "floor": simple(_ONE, NUMBER, "floor({})"),
    "round": round_,
    "sqrt": _finite(_ONE, "sqrt({})"),
    "ln": _finite(_ONE, "ln({})"),
    "log": _finite("base:number number:number", "log({}, {})"),
    "log2": _finite(_ONE, "log2({})"),
    "power": _finite("number:number exponent:number", "pow({}, {})"),
    "mod": simple("number:number divisor:number", NUMBER, "TRY({} % nullif({}, 0))"),
    "pi": pi,
    "random": random_,
    "randomInt": random_int,
    "toBase": to_base,
    "fromBase": from_base,
    "max": _several("greatest({})", ", "),
    "min": _several("least({})", ", "),
    "sum": _several("TRY({})", " + "),
}
