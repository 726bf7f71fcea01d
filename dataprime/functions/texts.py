"""String functions (Coralogix docs, functions reference, String, URL and UUID)."""

from __future__ import annotations

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
from dataprime.search import contains_phrase
from dataprime.sql import let
from dataprime.table import Kind
from dataprime.values import Value, as_text, typed_null

# Longest text a pad may make: a row must not become megabytes.
MAX_PAD = 10_000
# DuckDB raises on offsets above 2^32.
MAX_INDEX = 1_000_000_000
_HEX = "[0-9a-fA-F]"
# Doubled braces: the text goes through a template.
_UUID = f"'{_HEX}{{{{8}}}}(?:-{_HEX}{{{{4}}}}){{{{3}}}}-{_HEX}{{{{12}}}}'"
STRING, NUMBER, BOOL = Kind.STRING, Kind.NUMBER, Kind.BOOL


def as_bigint(sql: str) -> str:
    """Return a number as BIGINT, cut towards zero; NULL outside its range."""
    return f"TRY_CAST(trunc({sql}) AS BIGINT)"


def as_index(sql: str) -> str:
    """Return a number as a place in a text or list, inside what DuckDB takes."""

    def body(it: str) -> str:
        return (
            f"CASE WHEN {it} IS NOT NULL THEN least(greatest({it}, 0), {MAX_INDEX}) END"
        )

    return let(as_bigint(sql), body)


@custom("values*:any")
def concat(site: CallSite, args: Args) -> Value:
    parts = [as_text(value) for value in present_args(args)]
    if not parts:
        raise site.error("the argument 'value' is missing")
    # Assumption: null counts as empty text, as in SQL's concat.
    return Value(STRING, f"concat({', '.join(parts)})")


@custom("value:string pattern:regexp")
def matches(_: CallSite, args: Args) -> Value:
    value, pattern = present_args(args)
    return Value(BOOL, f"regexp_full_match({value.sql}, {pattern.sql})")


@custom("value:string from:number length?:number")
def substr(_: CallSite, args: Args) -> Value:
    value, start, *length = present_args(args)
    first = f"{as_index(start.sql)} + 1"
    count = f", {as_index(length[0].sql)}" if length else ""
    return Value(STRING, f"substring({value.sql}, {first}{count})")


@custom("value:string delimiter:string index:number")
def split_parts(_: CallSite, args: Args) -> Value:
    value, delimiter, index = present_args(args)
    parts = f"string_split({value.sql}, {delimiter.sql})"
    return Value(STRING, f"list_extract({parts}, {as_index(index.sql)})")


@custom("value:string delimiter:regexp index:number")
def regexp_split_parts(_: CallSite, args: Args) -> Value:
    value, delimiter, index = present_args(args)
    parts = f"regexp_split_to_array({value.sql}, {delimiter.sql})"
    return Value(STRING, f"list_extract({parts}, {as_index(index.sql)})")


def _pad(function: str) -> Function:
    @custom("value:string charCount:number fillWith!:string")
    def pad(site: CallSite, args: Args) -> Value:
        value, count, fill = present_args(args)
        if len(str(fill.constant)) != 1:
            raise site.error("'fillWith' must be one character")
        size = f"least(greatest({as_bigint(count.sql)}, 0), {MAX_PAD})::INTEGER"
        return Value(STRING, f"{function}({value.sql}, {size}, {fill.sql})")

    return pad


@custom("target:any phrase!:string")
def text_search(site: CallSite, args: Args) -> Value:
    target, _ = present_args(args)
    return Value(BOOL, contains_phrase(target, str(constant_arg(args, 1)), site.ctx))


@custom("code:number")
def chr_(_: CallSite, args: Args) -> Value:
    (code,) = present_args(args)

    def body(it: str) -> str:
        valid = f"{it} BETWEEN 1 AND 55295 OR {it} BETWEEN 57344 AND 1114111"
        return f"CASE WHEN {valid} THEN chr({it}::INTEGER) END"

    return Value(STRING, let(as_bigint(code.sql), body))


@custom("value:string")
def codepoint(_: CallSite, args: Args) -> Value:
    (value,) = present_args(args)
    return Value(NUMBER, f"unicode(nullif({value.sql}, ''))")


@custom("")
def uuid(_site: CallSite, _args: Args) -> Value:
    return Value(STRING, "CAST(uuid() AS VARCHAR)")


@custom("")
def record_location(_site: CallSite, _args: Args) -> Value:
    # Null for rows that are not in cloud storage (Coralogix docs, recordLocation).
    return Value(STRING, typed_null(STRING))


_ONE = "value:string"
_TWO = "value:string substring:string"

FUNCTIONS: Functions = {
    "contains": simple(_TWO, BOOL, "contains({}, {})"),
    "startsWith": simple("value:string prefix:string", BOOL, "starts_with({}, {})"),
    "endsWith": simple("value:string suffix:string", BOOL, "ends_with({}, {})"),
    "matches": matches,
    "toLowerCase": simple(_ONE, STRING, "lower({})"),
    "toUpperCase": simple(_ONE, STRING, "upper({})"),
    "concat": concat,
    "substr": substr,
    "length": simple(_ONE, NUMBER, "length({})"),
    "byteLength": simple(_ONE, NUMBER, "strlen({})"),
    "trim": simple(_ONE, STRING, "regexp_replace({}, '^\\s+|\\s+$', '', 'g')"),
    "ltrim": simple(_ONE, STRING, "regexp_replace({}, '^\\s+', '')"),
    "rtrim": simple(_ONE, STRING, "regexp_replace({}, '\\s+$', '')"),
    "splitParts": split_parts,
    "regexpSplitParts": regexp_split_parts,
    "indexOf": simple(_TWO, NUMBER, "(instr({}, {}) - 1)"),
    "pad": _pad("lpad"),
    "padLeft": _pad("lpad"),
    "padRight": _pad("rpad"),
    "textSearch": text_search,
    "chr": chr_,
    "codepoint": codepoint,
    "encodeBase64": simple(_ONE, STRING, "to_base64(encode({}))"),
    "decodeBase64": simple(_ONE, STRING, "TRY(decode(from_base64({})))"),
    "urlEncode": simple(_ONE, STRING, "url_encode({})"),
    "urlDecode": simple(_ONE, STRING, "TRY(url_decode({}))"),
    "isUuid": simple(_ONE, BOOL, "regexp_full_match({}, " + _UUID + ")"),
    "randomUuid": uuid,
    "uuid": uuid,
    "recordLocation": record_location,
}
