"""JSON text that a strict decoder refuses, made fit for it: damaged UTF-8, lone surrogates, numbers beyond a double."""

from __future__ import annotations

import json
import math
from typing import Any


def repaired(text: bytes) -> bytes:
    """Give JSON text that every decoder takes: bytes that are no UTF-8 and lone surrogates become "?" or U+FFFD.

    Raises ValueError if it is not JSON.
    """
    return json.dumps(
        _loads(text.decode("utf-8", "replace")), ensure_ascii=False
    ).encode("utf-8", "replace")


def _loads(text: str) -> Any:
    return json.loads(text, parse_float=_float, parse_constant=_no_constant)


def _float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON.")
