"""Aggregation functions (Coralogix docs, functions reference, Aggregation)."""

from __future__ import annotations

from dataprime.functions.signature import (
    Args,
    CallSite,
    Function,
    Functions,
    constant_arg,
    custom,
    present_args,
)
from dataprime.table import Kind
from dataprime.values import (
    Value,
    any_json,
    as_json,
    as_text,
    coerce,
    typed_null,
)

# Longest array one group may collect: a bound on memory, not one of the docs.
MAX_COLLECTED = 10_000
NUMBER = Kind.NUMBER
_ORDERED = (Kind.STRING, Kind.TIMESTAMP, Kind.INTERVAL, Kind.SEVERITY, Kind.BOOL)


def distinct_text(value: Value) -> str:
    """Return VARCHAR that is equal exactly for equal values; NULL for null."""
    if value.kind is Kind.STRING:
        return value.sql
    if value.kind in (Kind.ANY, Kind.OBJECT):
        return f"nullif(CAST({value.sql} AS VARCHAR), 'null')"
    return as_text(value)


@custom("condition?:bool")
def count(_: CallSite, args: Args) -> Value:
    chosen = f" FILTER (WHERE {args[0].sql})" if args[0] else ""
    return Value(NUMBER, f"count(*){chosen}")


@custom("condition:bool expression?:any")
def count_if(_: CallSite, args: Args) -> Value:
    condition, *rest = present_args(args)
    counted = distinct_text(rest[0]) if rest else "*"
    return Value(NUMBER, f"count({counted}) FILTER (WHERE {condition.sql})")


@custom("expression:any")
def distinct_count(_: CallSite, args: Args) -> Value:
    (value,) = present_args(args)
    return Value(NUMBER, f"count(DISTINCT {distinct_text(value)})")


@custom("condition:bool expression:any")
def distinct_count_if(_: CallSite, args: Args) -> Value:
    condition, value = present_args(args)
    counted = f"count(DISTINCT {distinct_text(value)})"
    return Value(NUMBER, f"{counted} FILTER (WHERE {condition.sql})")


@custom("expression:any")
def approx_count_distinct(_: CallSite, args: Args) -> Value:
    (value,) = present_args(args)
    return Value(NUMBER, f"approx_count_distinct({distinct_text(value)})")


def _number(value: Value, site: CallSite) -> Value:
    number = coerce(value, NUMBER)
    if number is None:
        raise site.error(
            f"needs a number, not {value.kind.with_article}: cast it with ':number'"
        )
    return number


def _exact(function: str, number: Value) -> Value:
    """Return an aggregate that stays integer when every input is an integer.

    Nanosecond times and ids have 19 digits; a double holds 15.
    """
    plain = Value(NUMBER, f"{function}({number.sql})")
    if number.text is None:
        return plain
    whole = f"TRY_CAST({number.text} AS DECIMAL(28, 0))"
    all_whole = f"bool_and({number.sql} = trunc({number.sql}))"
    all_fit = f"count({whole}) = count({number.sql})"
    return any_json(
        f"CASE WHEN {all_fit} AND {all_whole} THEN to_json({function}({whole})) "
        f"ELSE {as_json(plain)} END"
    )


@custom("expression:any")
def sum_(site: CallSite, args: Args) -> Value:
    (value,) = present_args(args)
    if value.kind is Kind.INTERVAL:
        return Value(Kind.INTERVAL, f"TRY_CAST(sum({value.sql}) AS BIGINT)")
    return _exact("sum", _number(value, site))


def _extreme(function: str) -> Function:
    @custom("expression:any")
    def build(site: CallSite, args: Args) -> Value:
        (value,) = present_args(args)
        if value.kind in _ORDERED:
            return Value(value.kind, f"{function}({value.sql})")
        return _exact(function, _number(value, site))

    return build


def _numeric(template: str) -> Function:
    @custom("expression:any")
    def build(site: CallSite, args: Args) -> Value:
        (value,) = present_args(args)
        if value.kind is Kind.INTERVAL:
            total = template.format(f"CAST({value.sql} AS DOUBLE)")
            return Value(Kind.INTERVAL, f"TRY_CAST({total} AS BIGINT)")
        double = f"CAST({_number(value, site).sql} AS DOUBLE)"
        return Value(NUMBER, template.format(double))

    return build


@custom("percentile!:number expression:any error_threshold?!:number")
def percentile(site: CallSite, args: Args) -> Value:
    share, value, *_ = present_args(args)
    level = share.constant
    if not isinstance(level, int | float) or not 0 <= level <= 1:
        raise site.error("the first argument must be a number from 0 to 1")
    if value.kind in (Kind.INTERVAL, Kind.TIMESTAMP):
        middle = f"quantile_disc({value.sql}, {float(level)!r})"
        return Value(value.kind, middle)
    # The exact percentile: more precise than the documented approximation.
    double = f"CAST({_number(value, site).sql} AS DOUBLE)"
    return Value(NUMBER, f"quantile_cont({double}, {float(level)!r})")


@custom("expression:any")
def any_value(_: CallSite, args: Args) -> Value:
    (value,) = present_args(args)
    if value.kind in (Kind.ANY, Kind.OBJECT):
        return any_json(f"CAST(any_value({distinct_text(value)}) AS JSON)")
    return Value(value.kind, f"any_value({value.sql})")


@custom("expression:any distinct?!:bool limit?!:number ignoreNulls?!:bool")
def collect(site: CallSite, args: Args) -> Value:
    (value, *_) = present_args(args)
    limit = constant_arg(args, 2)
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise site.error("'limit' must be a whole number above 0")
    size = min(limit or MAX_COLLECTED, MAX_COLLECTED)
    json = f"coalesce({as_json(value)}, 'null'::JSON)"
    chosen = " FILTER (WHERE " + distinct_text(value) + " IS NOT NULL)"
    skip = chosen if constant_arg(args, 3) is True else ""
    # Distinct values come sorted: their order would change from run to run.
    listed = (
        f"list(DISTINCT {json} ORDER BY {json})"
        if constant_arg(args, 1)
        else f"list({json})"
    )
    return Value(Kind.ARRAY, f"list_slice(coalesce({listed}{skip}, []), 1, {size})")


def _by(function: str) -> Function:
    @custom("sortKey:any expression:any")
    def build(_: CallSite, args: Args) -> Value:
        key, value = present_args(args)
        order = sort_key(key)
        if value.kind in (Kind.ANY, Kind.OBJECT):
            found = f"{function}({distinct_text(value)}, {order})"
            return any_json(f"CAST({found} AS JSON)")
        return Value(value.kind, f"{function}({value.sql}, {order})")

    return build


def sort_key(value: Value) -> str:
    """Return one SQL value to order by: numbers as numbers, all else as it is."""
    if value.kind is Kind.ANY:
        number = coerce(value, NUMBER)
        sql = number.sql if number else typed_null(NUMBER)
        return f"{{'n': {sql}, 't': {as_text(value)}}}"
    return value.sql


AGGREGATES: Functions = {
    "count": count,
    "count_if": count_if,
    "distinct_count": distinct_count,
    "distinct_count_if": distinct_count_if,
    "approx_count_distinct": approx_count_distinct,
    "sum": sum_,
    "min": _extreme("min"),
    "max": _extreme("max"),
    "avg": _numeric("avg({})"),
    "stddev": _numeric("stddev_pop({})"),
    "variance": _numeric("var_pop({})"),
    "sample_stddev": _numeric("stddev_samp({})"),
    "sample_variance": _numeric("var_samp({})"),
    "median": _numeric("quantile_cont({}, 0.5)"),
    "percentile": percentile,
    "any_value": any_value,
    "collect": collect,
    "min_by": _by("arg_min_null"),
    "max_by": _by("arg_max_null"),
}
# Functions that are aggregations with one argument and scalar with more.
SCALAR_OVERLOADS = ("sum", "min", "max")
