"""Repair JSON text that a strict decoder refuses: damaged UTF-8, lone surrogates, numbers beyond a double."""

from __future__ import annotations

import json
import math
import re
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")


def repair_json(text: bytes) -> bytes:
    """Return JSON text that every decoder accepts: invalid UTF-8 becomes U+FFFD, a lone surrogate its escape.

    Raises ValueError if it is not JSON.
    """
    spelled = json.dumps(_loads(text.decode("utf-8", "replace")), ensure_ascii=False)
    return _SURROGATE.sub(_escaped, spelled).encode()


def _escaped(found: re.Match[str]) -> str:
    return rf"\\u{ord(found[0]):04x}"


def _loads(text: str) -> Any:
    return json.loads(text, parse_float=_float, parse_constant=_no_constant)


def _float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON.")
