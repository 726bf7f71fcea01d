"""Rows of Coralogix, from the wire's pairs and texts to one tree of values.

A row comes as {"metadata": [{key, value}], "labels": [{key, value}], "userData": "<JSON text>"} and becomes
{"$m": {...}, "$l": {...}, "$d": ...}, as DataPrime names the three. The original is kept byte for byte beside it.

- A key that comes twice with another value gets a suffix: "key_2". Of a key that comes twice inside userData the last
  one counts, as for every JSON reader. The original holds them all.
- A pair without a value is null.
- userData that is not a JSON object stays what it is: `$d` is then the text, number, list or null itself.
- Severity is a number, a word or a capital word on the wire, by tier; here it is always a word.
"""

from __future__ import annotations

from typing import Any

import msgspec

from queries.providers.base import Row
from queries.providers.errors import UnexpectedResponseError
from queries.providers.repair import repair_json

_SEVERITIES = ("Debug", "Verbose", "Info", "Warning", "Error", "Critical")  # 1 to 6
_SEVERITY_WORDS = {str(number): word for number, word in enumerate(_SEVERITIES, 1)} | {
    word.lower(): word for word in _SEVERITIES
}


class _Pair(msgspec.Struct, gc=False):
    key: str
    value: Any = None


class _Record(msgspec.Struct, gc=False):
    metadata: list[_Pair] = []
    labels: list[_Pair] = []
    user_data: str = msgspec.field(default="{}", name="userData")


_records = msgspec.json.Decoder(_Record)
_trees = msgspec.json.Decoder()


def parse_row(original: bytes) -> Row:
    """Return a row from its JSON text. Raises UnexpectedResponseError if it is not an object.

    The original stays as it came, unless it is no UTF-8: then the invalid bytes are replaced in it, too.
    """
    try:
        record = _records.decode(original)
    except (ValueError, RecursionError):
        original, record = _tolerated(original)
    metadata = _values(record.metadata)
    severity = metadata.get("severity")
    if severity is not None:
        metadata["severity"] = _SEVERITY_WORDS.get(str(severity).lower(), severity)
    values: dict[str, Any] = {"$m": metadata, "$l": _values(record.labels)}
    # An aggregate has neither: empty columns would stand before its own.
    values = {name: pairs for name, pairs in values.items() if pairs}
    values["$d"] = parse_json_or_text(record.user_data)
    return Row(values, original)


def parse_json_or_text(text: Any) -> Any:
    """Return the JSON value of a text, or the text itself if it is none. What is no text is given back."""
    if not isinstance(text, str):
        return text
    try:
        return _trees.decode(text)
    except (ValueError, RecursionError):
        return _odd_tree(text)


def _odd_tree(text: str) -> Any:
    # Python's own decoder knows two things msgspec refuses: lone surrogates and numbers beyond a double.
    if text.lstrip()[:1] not in {"{", "[", '"', "-"}:
        return text
    try:
        return msgspec.json.decode(repair_json(text.encode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return text


def _values(pairs: list[_Pair]) -> dict[str, Any]:
    found = {pair.key: pair.value for pair in pairs}
    return found if len(found) == len(pairs) else _suffixed(pairs)


def _suffixed(pairs: list[_Pair]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        name, number = pair.key, 1
        while name in found and found[name] != pair.value:
            number += 1
            name = f"{pair.key}_{number}"
        found[name] = pair.value
    return found


def _tolerated(original: bytes) -> tuple[bytes, _Record]:
    """Read a row whose members are not of the documented types, or whose text is damaged."""
    try:
        text = original.decode("utf-8", "replace")
        value = msgspec.json.decode(repair_json(original))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UnexpectedResponseError("A row of Coralogix' answer is not an object.")
    record = _Record(
        _pairs(value.get("metadata")),
        _pairs(value.get("labels")),
        value.get("userData", {}),
    )
    return text.encode(), record


def _pairs(value: Any) -> list[_Pair]:
    if isinstance(value, dict):
        return [_Pair(str(key), item) for key, item in value.items()]
    items = value if isinstance(value, list) else []
    return [
        _Pair(str(item.get("key", "")), item.get("value"))
        for item in items
        if isinstance(item, dict)
    ]
