"""Rows as lines of NDJSON, in the recorded form: metadata and labels as lists of pairs, user data as a string."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from sandbox.engine import Row

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def line(value: Any) -> bytes:
    """One JSON value and its newline."""
    return _encode(value) + b"\n"


def direct_rows(rows: Iterable[Row]) -> bytes:
    """A result line of a direct query."""
    return b'{"result":{"results":[' + b",".join(map(_row, rows)) + b"]}}\n"


def background_rows(rows: Iterable[Row]) -> bytes:
    """A line of background data: the same rows, one level deeper."""
    return (
        b'{"response":{"results":{"results":[' + b",".join(map(_row, rows)) + b"]}}}\n"
    )


def _row(row: Row) -> bytes:
    return b'{"metadata":%b,"labels":%b,"userData":%b}' % (
        _pairs(row.metadata),
        _shared_pairs(row.labels),
        _encode(_user_data(row.user_data)),
    )


def _pairs(text: str) -> bytes:
    found = _decode(text)
    return _encode(
        [_pair(key, value) for key, value in found.items()]
        if isinstance(found, dict)
        else []
    )


# Labels are the same for thousands of rows.
_shared_pairs = lru_cache(maxsize=1_000)(_pairs)


def _pair(key: str, value: Any) -> dict[str, str]:
    if value is None:
        return {"key": key}  # seen in the wild: a pair without a value
    return {
        "key": key,
        "value": value if isinstance(value, str) else _encode(value).decode(),
    }


def _user_data(text: str) -> str:
    """The language sees plain text as a JSON string; on the wire it is the text itself."""
    if not text.startswith('"'):
        return text
    found: str = _decode(text)
    return found
