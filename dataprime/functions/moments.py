"""Time functions (Coralogix docs, functions reference, Time)."""

from __future__ import annotations

import re
from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dataprime.errors import printable
from dataprime.functions.signature import (
    Args,
    CallSite,
    Function,
    Functions,
    constant_arg,
    custom,
    present_args,
    simple,
)
from dataprime.sql import let
from dataprime.table import Kind
from dataprime.times import NANOS_PER_SECOND, unit_size
from dataprime.values import (
    Value,
    as_text,
    cast,
    interval_from_text,
    iso_text,
    timestamp_from_text,
)

TIMESTAMP, INTERVAL, NUMBER = Kind.TIMESTAMP, Kind.INTERVAL, Kind.NUMBER
_OFFSET = re.compile(r"([+-])([0-9]{1,2})(?::?([0-9]{2}))?")
_SPECIFIER = re.compile(r"%(-?.)?", re.DOTALL)
# strftime's shorthands that DuckDB lacks.
_LONG_FORMS = {
    "F": "%Y-%m-%d",
    "D": "%m/%d/%y",
    "R": "%H:%M",
    "T": "%H:%M:%S",
    "e": "%-d",
    "k": "%-H",
    "h": "%b",
    "L": "%g",
}
_PLAIN_FORMS = {
    *"aAwudbBmyYHIpMSfngjUWGVcxX%",
    "-d",
    "-m",
    "-y",
    "-H",
    "-I",
    "-M",
    "-S",
}
_UNIX_FORMS = {
    "timestamp_milli": 1_000_000,
    "timestamp_micro": 1_000,
    "timestamp_nano": 1,
}
_PARTS = {
    "year": "year",
    "y": "year",
    "quarter": "quarter",
    "month": "month",
    "week": "week",
    "w": "week",
    "day": "day",
    "d": "day",
    "day_of_month": "day",
    "day_of_year": "doy",
    "doy": "doy",
    "day_of_week": "isodow",
    "dow": "isodow",
    "hour": "hour",
    "h": "hour",
    "minute": "minute",
    "m": "minute",
}


def round_to(stamp: str, step: str) -> str:
    """Return a timestamp rounded down to a multiple of an interval."""

    def body(it: str) -> str:
        # The second remainder makes times before 1970 round down, not up.
        return f"TRY({it} - ({it} % {step} + {step}) % {step})"

    return let(stamp, body)


def positive_or_null(interval: Value) -> str:
    """Return an interval, NULL unless it is above zero."""
    if re.fullmatch("[0-9]+", interval.sql) and int(interval.sql):
        return interval.sql
    return let(interval.sql, lambda it: f"CASE WHEN {it} > 0 THEN {it} END")


def _unit(site: CallSite, args: Args, index: int, default: str) -> int:
    name = str(constant_arg(args, index) or default)
    size = unit_size(name)
    if size is None:
        raise site.error(
            f"unknown time unit {printable(name)}: use d, h, m, s, ms, us or ns"
        )
    return size


def zone_offset_sql(site: CallSite, zone: str) -> Callable[[str], str]:
    """Return a function from UTC nanoseconds to the SQL of the zone's offset then.

    `zone` is an offset such as `+05:30`, or an IANA name. Raises DataPrimeError.
    """
    fixed = _fixed_offset(zone)
    if fixed is not None:
        return lambda _: str(fixed)
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise site.error(f"unknown time zone {printable(zone)}") from error
    name = site.bind(zone)

    def shift(sql: str) -> str:
        moment = f"CAST(make_timestamp_ns({sql}) AS TIMESTAMP)"
        local = f"timezone({name}, timezone('UTC', {moment}))"
        return f"TRY((epoch_us({local}) - epoch_us({moment})) * 1000)"

    return shift


def _fixed_offset(zone: str) -> int | None:
    if zone.upper() in ("Z", "UTC", "GMT"):
        return 0
    match = _OFFSET.fullmatch(zone)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    return (-1 if match[1] == "-" else 1) * minutes * 60 * NANOS_PER_SECOND


def _format(site: CallSite, text: str, extra: str = "") -> str:
    """Return a strftime format DuckDB takes. Raises DataPrimeError.

    `extra` are further specifiers the caller can take.
    """

    def translated(match: re.Match[str]) -> str:
        form = match[1] or ""
        if form in _LONG_FORMS:
            return _LONG_FORMS[form]
        if form not in _PLAIN_FORMS and form not in (*extra,):
            raise site.error(f"the format {printable('%' + form)} is not supported")
        return match[0]

    return _SPECIFIER.sub(translated, text)


@custom("timestamp:timestamp format?!:string tz?!:string")
def format_timestamp(site: CallSite, args: Args) -> Value:
    (stamp, *_) = present_args(args)
    form, zone = str(constant_arg(args, 1) or "iso8601"), constant_arg(args, 2)
    if form in _UNIX_FORMS:
        return Value(
            Kind.STRING, f"CAST({stamp.sql} // {_UNIX_FORMS[form]} AS VARCHAR)"
        )
    if form == "timestamp_second":
        return Value(Kind.STRING, f"CAST({stamp.sql} // {NANOS_PER_SECOND} AS VARCHAR)")
    shift = zone_offset_sql(site, str(zone or "UTC"))
    if form == "iso8601":
        text = let(stamp.sql, lambda it: _iso(it, shift(it), zoned=zone is not None))
        return Value(Kind.STRING, text)
    place = site.bind(_format(site, form))

    def body(it: str) -> str:
        return f"TRY(strftime(make_timestamp_ns({it} + {shift(it)}), {place}))"

    return Value(Kind.STRING, let(stamp.sql, body))


def _iso(stamp: str, offset: str, *, zoned: bool) -> str:
    text = iso_text(f"({stamp} + {offset})")
    if not zoned:
        return f"{text} || 'Z'"
    minutes = f"abs({offset}) // {60 * NANOS_PER_SECOND}"
    sign = f"CASE WHEN {offset} < 0 THEN '-' ELSE '+' END"
    clock = f"lpad(CAST(({minutes}) // 60 * 100 + ({minutes}) % 60 AS VARCHAR), 4, '0')"
    return f"{text} || {sign} || {clock}"


@custom("timestamp:timestamp")
def iso_date_time(_: CallSite, args: Args) -> Value:
    (stamp,) = present_args(args)
    # As many digits as needed, in threes: 2023-08-11T07:29:17.634Z.
    text = f"regexp_replace({iso_text(stamp.sql)}, '(?:000){{1,2}}$', '') || 'Z'"
    return Value(Kind.STRING, f"({text})")


@custom("string:string format?!:string tz?!:string")
def parse_timestamp(site: CallSite, args: Args) -> Value:
    (text, *_) = present_args(args)
    forms = str(constant_arg(args, 1) or "auto").split("|")
    tried = [_parsed(site, text, form) for form in forms[:20]]
    stamp = f"coalesce({', '.join(tried)})" if len(tried) > 1 else tried[0]
    if constant_arg(args, 2) is None:
        return Value(TIMESTAMP, stamp)
    zone = str(constant_arg(args, 2))
    return Value(TIMESTAMP, let(stamp, _from_local(site, zone)))


def _from_local(site: CallSite, zone: str) -> Callable[[str], str]:
    fixed = _fixed_offset(zone)
    if fixed is not None:
        return lambda it: f"({it} - {fixed})"
    zone_offset_sql(site, zone)  # refuses an unknown zone
    name = site.bind(zone)

    def body(it: str) -> str:
        moment = f"CAST(make_timestamp_ns({it}) AS TIMESTAMP)"
        shift = f"(epoch_us(timezone({name}, {moment})) - epoch_us({moment}))"
        return f"TRY({it} + {shift} * 1000)"

    return body


def _parsed(site: CallSite, text: Value, form: str) -> str:
    if form in _UNIX_FORMS:
        return f"TRY(TRY_CAST({text.sql} AS BIGINT) * {_UNIX_FORMS[form]})"
    if form in ("auto", "timestamp_second"):
        # The docs' own example gives milliseconds to 'timestamp_second'.
        loose = cast(Value(Kind.ANY, f"to_json({text.sql})", text.sql), TIMESTAMP)
        return loose.sql if loose else text.sql
    if form in ("iso8601", "iso8601bare"):
        return timestamp_from_text(text.sql)
    if "%" not in form:
        raise site.error(f"unknown format {printable(form)}")
    place = site.bind(_format(site, form, extra="z"))
    parsed = f"try_strptime({text.sql}, {place})"
    if "%z" in form:
        return f"TRY(epoch_us({parsed}) * 1000)"
    return f"TRY(epoch_ns(TRY_CAST({parsed} AS TIMESTAMP_NS)))"


@custom("timestamp:timestamp timeUnit?!:string")
def to_unix_time(site: CallSite, args: Args) -> Value:
    (stamp, *_) = present_args(args)
    return Value(NUMBER, f"({stamp.sql} // {_unit(site, args, 1, 'ms')})")


@custom("unixTime:number timeUnit?!:string")
def from_unix_time(site: CallSite, args: Args) -> Value:
    (number, *_) = present_args(args)
    return Value(TIMESTAMP, _scaled(number, _unit(site, args, 1, "ms")))


@custom("number:number timeUnit?!:string")
def to_interval(site: CallSite, args: Args) -> Value:
    (number, *_) = present_args(args)
    return Value(INTERVAL, _scaled(number, _unit(site, args, 1, "ns")))


def _scaled(number: Value, size: int) -> str:
    if isinstance(number.constant, int):
        exact = number.constant * size
        return str(exact) if abs(exact) < 2**63 else "CAST(NULL AS BIGINT)"
    whole = f"TRY_CAST({number.text or number.sql} AS BIGINT) * {size}"
    part = f"TRY_CAST({number.sql} * {size} AS BIGINT)"
    is_whole = f"{number.sql} = trunc({number.sql})"
    # A whole number is scaled as an integer: a double holds no nanoseconds of today.
    return f"TRY(CASE WHEN {is_whole} THEN {whole} ELSE {part} END)"


@custom("timestamp:timestamp unit!:string tz?!:string")
def extract_time(site: CallSite, args: Args) -> Value:
    stamp, unit, *_ = present_args(args)
    shift = zone_offset_sql(site, str(constant_arg(args, 2) or "UTC"))
    name = str(unit.constant).lower()
    size = unit_size(name)
    if size is not None and size < 60 * NANOS_PER_SECOND:
        # Units below a minute: the time since it began, with its fraction.
        return Value(NUMBER, f"(({stamp.sql} % {60 * NANOS_PER_SECOND}) / {size})")
    part = _PARTS.get(name) or _PARTS.get(name.removesuffix("s"))
    if part is None:
        raise site.error(
            f"unknown time unit {printable(name)}: use hour, day, month, …"
        )

    def body(it: str) -> str:
        return f"TRY(date_part('{part}', make_timestamp_ns({it} + {shift(it)})))"

    return Value(NUMBER, let(stamp.sql, body))


@custom("timestamp:timestamp interval:interval")
def round_time(_: CallSite, args: Args) -> Value:
    stamp, interval = present_args(args)
    return Value(TIMESTAMP, round_to(stamp.sql, positive_or_null(interval)))


@custom("interval:interval scale!:string")
def round_interval(site: CallSite, args: Args) -> Value:
    interval, _ = present_args(args)
    size = _unit(site, args, 1, "ns")
    return Value(INTERVAL, f"({interval.sql} // {size} * {size})")


@custom("interval:interval scale?!:string")
def format_interval(site: CallSite, args: Args) -> Value:
    (interval, *scale) = present_args(args)
    if not scale:
        return Value(Kind.STRING, as_text(interval))
    size = _unit(site, args, 1, "ns")
    label = next(
        k for k in ("w", "d", "h", "m", "s", "ms", "us", "ns") if unit_size(k) == size
    )
    return Value(
        Kind.STRING, f"(CAST({interval.sql} // {size} AS VARCHAR) || '{label}')"
    )


@custom("string:string")
def parse_interval(_: CallSite, args: Args) -> Value:
    (text,) = present_args(args)
    return Value(INTERVAL, interval_from_text(text.sql))


@custom("")
def now(site: CallSite, _args: Args) -> Value:
    return Value(TIMESTAMP, f"CAST({site.ctx.now} AS BIGINT)")


def _sum(left: str, right: str, op: str, result: Kind) -> Function:
    names = ("t", "i") if left != right else ("left", "right")
    signature = f"{names[0]}:{left} {names[1]}:{right}"
    return simple(signature, result, f"TRY({{}} {op} {{}})")


FUNCTIONS: Functions = {
    "now": now,
    "parseTimestamp": parse_timestamp,
    "parseToTimestamp": parse_timestamp,
    "formatTimestamp": format_timestamp,
    "toIso8601DateTime": iso_date_time,
    "toUnixTime": to_unix_time,
    "fromUnixTime": from_unix_time,
    "extractTime": extract_time,
    "roundTime": round_time,
    "timeRound": round_time,
    "addTime": _sum("timestamp", "interval", "+", TIMESTAMP),
    "subtractTime": _sum("timestamp", "interval", "-", TIMESTAMP),
    "diffTime": simple("to:timestamp from:timestamp", INTERVAL, "TRY({} - {})"),
    "addInterval": _sum("interval", "interval", "+", INTERVAL),
    "subtractInterval": _sum("interval", "interval", "-", INTERVAL),
    "multiplyInterval": simple(
        "i:interval factor:number", INTERVAL, "TRY(CAST(trunc({} * {}) AS BIGINT))"
    ),
    "toInterval": to_interval,
    "parseInterval": parse_interval,
    "formatInterval": format_interval,
    "roundInterval": round_interval,
}
