"""JSON strings, and validation of JSON text before it goes into a file."""

from __future__ import annotations

import json
import re
from typing import NoReturn

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from queries.exports.formats.base import Report
from queries.exports.formats.text import as_bytes, has_bytes, patched

_CONTROLS = bytes(range(0x20))
#: Up to here a double holds every integer (RFC 8259, 6). Fewer digits are exact; a run of as many may not be.
_EXACT = str(2**53)
_LONG = len(_EXACT)
_LONG_INTEGER = rf"[0-9]{{{_LONG}}}"
#: Strings, to step over them; integers that nothing makes a fraction; every other number.
_TOKENS = re.compile(
    r'"(?:[^"\\]|\\.)*"|(-?[0-9]+)(?![0-9.eE])|-?[0-9.]+(?:[eE][+-]?[0-9]+)?', re.DOTALL
)
_validator = msgspec.json.Decoder(msgspec.Raw)


def encode(value: str) -> str:
    """Return one text as a JSON string."""
    return msgspec.json.encode(value).decode()


def escaped(text: pa.StringArray) -> pa.StringArray:
    """Return texts as they stand between the quotes of JSON strings; nulls stay."""
    data = as_bytes(text)
    if not has_bytes(data, _CONTROLS):
        return _easily(text, data)
    hard = pc.match_substring_regex(text, r"[\x00-\x1f]")
    escaped = patched(text, hard, lambda value: encode(value)[1:-1])
    return pc.if_else(hard, escaped, _easily(text, data))


def _easily(text: pa.StringArray, data: bytes) -> pa.StringArray:
    if b"\\" in data:
        text = pc.replace_substring(text, "\\", "\\\\")
    if b'"' in data:
        text = pc.replace_substring(text, '"', '\\"')
    return text


def checked(text: pa.StringArray, report: Report) -> pa.StringArray:
    """Return JSON texts on one line each; invalid ones become JSON strings and are counted.

    Line ends can only stand between the tokens of valid JSON, so replacing them by blanks changes nothing.
    """
    valid = [value is None or is_json(value) for value in text.to_pylist()]
    if not all(valid):
        report.values_quoted += valid.count(False)
        text = patched(text, pa.array([not each for each in valid]), encode)
    if has_bytes(as_bytes(text), b"\r\n"):
        text = pc.replace_substring_regex(text, r"[\r\n]", " ")
    return text


def is_json(value: str) -> bool:
    """Return whether a text is exactly one JSON value."""
    try:
        _validator.decode(value)
    except RecursionError:
        return False  # no reader would accept it either
    except msgspec.DecodeError:
        return _is_json_with_lone_surrogates(value)
    return True


def _is_json_with_lone_surrogates(value: str) -> bool:
    r"""Accept lone escapes such as "\ud800", which msgspec refuses and the grammar (RFC 8259, 8.2) allows."""
    try:
        json.loads(value, parse_constant=_refuse, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def large_integers_as_text(text: pa.StringArray, report: Report) -> pa.StringArray:
    """Return valid JSON texts with integers beyond 2^53 as strings, at any depth; count them."""

    def quote_large(match: re.Match[str]) -> str:
        digits = match[1]
        if digits is None or len(digits) < _LONG or not _is_large(digits):
            return match[0]
        report.integers_as_text += 1
        return f'"{digits}"'

    mask = pc.match_substring_regex(text, _LONG_INTEGER)
    return patched(text, mask, lambda value: _TOKENS.sub(quote_large, value))


def _is_large(digits: str) -> bool:
    bare = digits.lstrip("-")
    return len(bare) > _LONG or (len(bare) == _LONG and bare > _EXACT)
