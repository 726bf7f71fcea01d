"""Array functions (Coralogix docs, functions reference, Array)."""

from __future__ import annotations

from dataprime.functions.signature import (
    Args,
    CallSite,
    Functions,
    constant_arg,
    custom,
    present_args,
    simple,
)
from dataprime.functions.texts import as_bigint
from dataprime.sql import let
from dataprime.table import Kind
from dataprime.values import Value, as_json, as_text

ARRAY, BOOL, NUMBER, STRING = Kind.ARRAY, Kind.BOOL, Kind.NUMBER, Kind.STRING
_ONE = "array:array"
_TWO = "array1:array array2:array"
_EMPTY = "CAST([] AS JSON[])"


def json_element(value: Value) -> str:
    """Return a value as an element of an array: JSON, null as JSON null."""
    return f"coalesce({as_json(value)}, 'null'::JSON)"


def array_contains(array: Value, value: Value) -> Value:
    """Return whether an array holds a value."""
    return Value(BOOL, f"list_contains({array.sql}, {json_element(value)})")


@custom("array:array value:any")
def contains(_: CallSite, args: Args) -> Value:
    array, value = present_args(args)
    return array_contains(array, value)


@custom("value:any array:array")
def in_array(_: CallSite, args: Args) -> Value:
    value, array = present_args(args)
    return array_contains(array, value)


@custom("array:array value:any")
def append(_: CallSite, args: Args) -> Value:
    array, value = present_args(args)
    added = json_element(value)

    def body(it: str) -> str:
        return f"CASE WHEN {it} IS NOT NULL THEN list_append({it}, {added}) END"

    return Value(ARRAY, let(array.sql, body))


@custom("array:array value:any")
def remove(_: CallSite, args: Args) -> Value:
    array, value = present_args(args)
    kept = (
        f"list_filter({array.sql}, lambda e: e IS DISTINCT FROM {json_element(value)})"
    )
    return Value(ARRAY, kept)


def _around(array: str, index: str, middle: str, skip: int) -> str:
    """Return the array up to an index, `middle`, and what follows after `skip`."""
    place = as_bigint(index)

    def body(it: str) -> str:
        before = f"list_slice({it}, 1, {place})"
        after = f"list_slice({it}, {place} + {skip} + 1, len({it}))"
        inside = f"{place} BETWEEN 0 AND len({it}) - {skip}"
        joined = f"list_concat(list_concat({before}, {middle}), {after})"
        return f"CASE WHEN {inside} THEN {joined} ELSE {it} END"

    return let(array, body)


@custom("array:array position:number")
def remove_at(_: CallSite, args: Args) -> Value:
    array, index = present_args(args)
    return Value(ARRAY, _around(array.sql, index.sql, _EMPTY, 1))


@custom("array:array position:number value:any")
def insert_at(_: CallSite, args: Args) -> Value:
    array, index, value = present_args(args)
    return Value(ARRAY, _around(array.sql, index.sql, f"[{json_element(value)}]", 0))


@custom("array:array position:number value:any")
def replace_at(_: CallSite, args: Args) -> Value:
    array, index, value = present_args(args)
    return Value(ARRAY, _around(array.sql, index.sql, f"[{json_element(value)}]", 1))


@custom("array:array value:any newValue:any")
def replace_all(_: CallSite, args: Args) -> Value:
    array, old, new = present_args(args)
    swapped = f"CASE WHEN e = {json_element(old)} THEN {json_element(new)} ELSE e END"
    return Value(ARRAY, f"list_transform({array.sql}, lambda e: {swapped})")


@custom("array:array delimiter:string")
def join(_: CallSite, args: Args) -> Value:
    array, delimiter = present_args(args)
    texts = f"list_transform({array.sql}, lambda e: e ->> '$')"
    # array_to_string takes only a constant delimiter.
    some = f"list_filter({texts}, lambda e: e IS NOT NULL)"
    all_ = f"list_reduce({some}, lambda a, b: a || {delimiter.sql} || b, '')"
    return Value(STRING, f"substring({all_}, length({delimiter.sql}) + 1)")


@custom("string:string delimiter:any")
def split(site: CallSite, args: Args) -> Value:
    text, delimiter = present_args(args)
    if delimiter.kind is Kind.REGEXP:
        parts = f"regexp_split_to_array({text.sql}, {delimiter.sql})"
    elif delimiter.kind in (STRING, Kind.ANY):
        parts = f"string_split({text.sql}, {as_text(delimiter)})"
    else:
        raise site.error("'delimiter' must be a string or a /pattern/")
    return Value(ARRAY, f"list_transform({parts}, lambda e: to_json(e))")


@custom("array:array desc?!:bool nullsFirst?!:bool")
def sort(_: CallSite, args: Args) -> Value:
    (array, *_rest) = present_args(args)
    order = "DESC" if constant_arg(args, 1) is True else "ASC"
    nulls = "NULLS FIRST" if constant_arg(args, 2) is True else "NULLS LAST"
    # Numbers sort as numbers and before texts, each element with its key beside it.
    pair = (
        "{'n': TRY_CAST(CAST(e AS VARCHAR) AS DOUBLE), "
        "'t': nullif(CAST(e AS VARCHAR), 'null'), 'e': e}"
    )

    def body(it: str) -> str:
        keyed = f"list_transform({it}, lambda e: {pair})"
        full = f"list_filter({keyed}, lambda p: p.t IS NOT NULL)"
        empty = f"list_filter({keyed}, lambda p: p.t IS NULL)"
        ordered = f"list_sort({full}, '{order}', '{nulls}')"
        both = (empty, ordered) if nulls == "NULLS FIRST" else (ordered, empty)
        merged = f"list_transform(list_concat({', '.join(both)}), lambda p: p.e)"
        return f"CASE WHEN {it} IS NOT NULL THEN {merged} END"

    return Value(ARRAY, let(array.sql, body))


@custom("value:any")
def is_empty(_: CallSite, args: Args) -> Value:
    (value,) = present_args(args)
    if value.kind is STRING:
        return Value(BOOL, f"({value.sql} = '')")
    if value.kind is ARRAY:
        return Value(BOOL, f"(len({value.sql}) = 0)")
    # Assumption: an empty object is empty too; null is null.
    return Value(BOOL, f"(nullif({as_text(value)}, 'null') IN ('', '[]', '{{}}'))")


def _set(array: str) -> str:
    return f"list_distinct(coalesce({array}, {_EMPTY}))"


_A, _B = _set("{0}"), _set("{1}")
_MINUS = "list_filter({a}, lambda e: NOT list_contains({b}, e))"
_DIFF = _MINUS.format(a=_A, b=_B)
_BACK = _MINUS.format(a=_B, b=_A)

# list_concat takes null for empty; the language says null.
_JOINED = "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN list_concat({0}, {1}) END"

FUNCTIONS: Functions = {
    "arrayLength": simple(_ONE, NUMBER, "len({})"),
    "arrayContains": contains,
    "inArray": in_array,
    "arrayAppend": append,
    "arrayConcat": simple(_TWO, ARRAY, _JOINED),
    "arrayRemove": remove,
    "arrayRemoveAt": remove_at,
    "arrayInsertAt": insert_at,
    "arrayReplaceAt": replace_at,
    "arrayReplaceAll": replace_all,
    "arrayJoin": join,
    "arraySplit": split,
    "arraySort": sort,
    "cardinality": simple(_ONE, NUMBER, "len(list_distinct({}))"),
    "isEmpty": is_empty,
    "isSubset": simple(_TWO, BOOL, f"(len({_DIFF}) = 0)"),
    "isSuperset": simple(_TWO, BOOL, f"(len({_BACK}) = 0)"),
    "setUnion": simple(_TWO, ARRAY, f"list_distinct(list_concat({_A}, {_B}))"),
    "setIntersection": simple(
        _TWO, ARRAY, f"list_filter({_A}, lambda e: list_contains({_B}, e))"
    ),
    "setDiff": simple(_TWO, ARRAY, _DIFF),
    "setDiffSymmetric": simple(_TWO, ARRAY, f"list_concat({_DIFF}, {_BACK})"),
    "setEqualsTo": simple(_TWO, BOOL, f"(len({_DIFF}) = 0 AND len({_BACK}) = 0)"),
}
