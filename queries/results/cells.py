"""Convert Python values to Arrow arrays, one array per type met, every value exact.

Values are what a JSON decoder gives: None, bool, int of any size, float, str, list, dict.
Anything else is stored as text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from queries.results.columns import TYPES
from queries.results.times import timestamps

Arrays = list[
    tuple[str, pa.Array]
]  # letters of columns.TYPES, and the cells of that type

TOO_DEEP: Final = "(nested too deeply to show here: open the row)"
_EXACT: Final = 2**53  # a double holds every integer up to here
_INT64: Final = range(-(2**63), 2**63)
_LETTERS: Final[dict[type, str]] = {
    int: "i",
    float: "f",
    bool: "b",
    list: "j",
    dict: "j",
}

# The scale of Coralogix (docs, log severity), the one numbered scale among the providers.
SEVERITIES: Final = ("Debug", "Verbose", "Info", "Warning", "Error", "Critical")
_SEVERITY_WORDS: Final[dict[str | int, str]] = {
    **dict(enumerate(SEVERITIES, start=1)),
    **{str(number): word for number, word in enumerate(SEVERITIES, start=1)},
    **{word.lower(): word for word in SEVERITIES},
}


def column_arrays(values: list[Any], hint: str) -> Arrays:
    """Return the cells of one column by type, each as long as the values; usually one array.

    `hint` "timestamp" converts what can be a time, "severity" converts Coralogix's severity numbers
    to words; other values stay as they are.
    """
    if hint == "timestamp" and values:
        return _hinted_timestamps(values)
    if hint == "severity":
        values = _severities(values)
    return _plain(values)


def _hinted_timestamps(values: list[Any]) -> Arrays:
    times = timestamps(values)
    if times.null_count == len(times):
        return _plain(values)
    left = [
        None if known else value
        for value, known in zip(values, times.is_valid().to_pylist(), strict=True)
    ]
    return [("t", times), *_plain(left)]


def _plain(values: list[Any]) -> Arrays:
    found = {_LETTERS.get(kind, "s") for kind in set(map(type, values)) - {type(None)}}
    arrays: Arrays = []
    for letter in sorted(found):
        chosen = values if len(found) == 1 else _only(letter, values)
        arrays += _BUILDERS[letter](chosen)
    return arrays


def _only(letter: str, values: Sequence[Any]) -> list[Any]:
    return [
        value
        if value is not None and _LETTERS.get(type(value), "s") == letter
        else None
        for value in values
    ]


def _integers(values: Sequence[int | None]) -> Arrays:
    try:
        array = pa.array(values, TYPES["i"])
    except (OverflowError, pa.ArrowInvalid):
        fits = [v if v is not None and v in _INT64 else None for v in values]
        giants = [
            _digits(v) if v is not None and v not in _INT64 else None for v in values
        ]
        return [*_integers(fits), ("g", pa.array(giants, TYPES["g"]))]
    if array.null_count == len(array):
        return []
    bounds = pc.min_max(array).as_py()
    exact = bounds["min"] >= -_EXACT and bounds["max"] <= _EXACT
    return [("i" if exact else "w", array)]


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses to write out more than 4,300 digits
        return hex(value)


def _floats(values: Sequence[float | None]) -> Arrays:
    return [("f", pa.array(values, TYPES["f"]))]


def _booleans(values: Sequence[bool | None]) -> Arrays:
    return [("b", pa.array(values, TYPES["b"]))]


def _json(values: Sequence[Any]) -> Arrays:
    return [
        (
            "j",
            pa.array([None if v is None else json_text(v) for v in values], TYPES["j"]),
        )
    ]


def _texts(values: Sequence[Any]) -> Arrays:
    try:
        return [("s", pa.array(values, TYPES["s"]))]
    except (UnicodeEncodeError, pa.ArrowTypeError, pa.ArrowInvalid):
        return [("s", pa.array([None if v is None else _printable(v) for v in values]))]


def _printable(value: Any) -> str:
    r"""Replace lone surrogates, which no file or page can hold, by `\udXXX`."""
    return str(value).encode(errors="backslashreplace").decode()


def json_text(value: Any) -> str:
    """Return a list or an object as compact JSON."""
    try:
        return msgspec.json.encode(value).decode()
    except (ValueError, TypeError, RecursionError):
        return _careful_json_text(value)


def _careful_json_text(value: Any) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), default=str)
    except (ValueError, RecursionError):
        return TOO_DEEP


def _severities(values: list[Any]) -> list[Any]:
    if set(map(type, values)) <= {
        str,
        type(None),
    }:  # few distinct words, often repeated
        words = {value: _severity(value) for value in set(values)}
        return [words[value] for value in values]
    return [_severity(value) for value in values]


def _severity(value: Any) -> Any:
    key = value.lower() if value.__class__ is str else value
    return _SEVERITY_WORDS.get(key, value) if key.__class__ in (str, int) else value


_BUILDERS: Final[dict[str, Callable[[Sequence[Any]], Arrays]]] = {
    "i": _integers,
    "f": _floats,
    "b": _booleans,
    "j": _json,
    "s": _texts,
}
