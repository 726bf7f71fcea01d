"""Texts of stored values as pages and charts show them."""

from __future__ import annotations

import json
from typing import Any, Final

MAX_CELL_CHARACTERS: Final = 300
"""Characters of a cell that are sent to the browser; the row panel shows the rest."""
SEVERITIES: Final = ("debug", "verbose", "info", "warning", "error", "critical")
"""Coralogix docs, severity levels 1 to 6."""
SEVERITY_ALIASES: Final = {"warn": "warning", "err": "error", "fatal": "critical"}


def cell_text(value: Any) -> str:
    """Format a value as one line of at most ``MAX_CELL_CHARACTERS`` characters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        value = json_text(value)
    text = str(value)
    return f"{text[:MAX_CELL_CHARACTERS]}…" if len(text) > MAX_CELL_CHARACTERS else text


def json_text(value: Any) -> str:
    """Format a value as JSON; return an ellipsis for one nested too deeply to write."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return "…"


def escape_surrogates(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot encode, by their escapes."""
    return text.encode(errors="backslashreplace").decode()


def severity_key(value: Any) -> str:
    """Return ``debug`` ... ``critical`` for a word in any case, an alias or Coralogix's number; else ""."""
    word = str(value).strip().lower() if value is not None else ""
    if word.isascii() and word.isdigit() and 1 <= int(word[:2]) <= len(SEVERITIES):
        return SEVERITIES[int(word[:2]) - 1]
    word = SEVERITY_ALIASES.get(word, word)
    return word if word in SEVERITIES else ""
