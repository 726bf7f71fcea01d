"""Token search: what `~`, `find` and Lucene terms mean.

A text is split into tokens at white space and `= / : @ # $ * | , ; ' " ( [ { } ) ] < >
. _ -`; a phrase matches when its tokens appear as whole tokens in a row, in any case
(Coralogix docs, textSearch).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dataprime.context import Context
from dataprime.patterns import quote
from dataprime.table import Kind
from dataprime.values import Value, as_json, as_text

_SEPARATORS = r"""\s=/:@#$*|,;'"(\[{})\]<>._\-"""
# ASCII: what RE2, which does the matching, takes for white space.
_SPLIT = re.compile(f"[{_SEPARATORS}]+", re.ASCII)
_PLAIN = re.compile(r"[0-9A-Za-z]+")


@dataclass(frozen=True)
class _Edges:
    """What may stand before, between and after the tokens of a match."""

    start: str
    gap: str
    end: str


_IN_TEXT = _Edges(
    f"(?:^|[{_SEPARATORS}])", f"[{_SEPARATORS}]+", f"(?:$|[{_SEPARATORS}])"
)
# In JSON text a quote inside a string is escaped, so a bare one ends it. A match is in
# a value, not in a key, when no colon follows the end of its string. (A backslash in
# the text itself counts as a separator here, which forgives C:\new.)
_INSIDE = _SEPARATORS.replace('"', "")
_ESCAPED = r'\\["/\\bfnrt]|\\u[0-9a-f]{4}'
_GAP = f"(?:[{_INSIDE}]|{_ESCAPED})"
_CLOSE = r"\s*(?:$|[,}\]])"
_IN_JSON = _Edges(
    f"(?:^|[{_SEPARATORS}]|{_ESCAPED})",
    f"{_GAP}+",
    f'(?:(?:{_GAP}(?:[^"\\\\]|\\\\.)*)?"{_CLOSE}|{_CLOSE})',
)


def contains_phrase(value: Value, phrase: str, ctx: Context) -> str:
    """Return a condition: the value holds the phrase (objects: in their values)."""
    tokens = [quote(token) for token in _SPLIT.split(phrase) if token]
    return _matches(value, tokens, _PLAIN.findall(phrase), ctx) if tokens else "false"


def matches_wildcard(value: Value, token: str, ctx: Context) -> str:
    """Return a condition: a token matches one with `*` and `?`."""
    inside = f"[^{_SEPARATORS}\\\\]"
    parts = {"*": f"{inside}*", "?": inside}
    pattern = "".join(parts.get(c) or quote(c) for c in token)
    return _matches(value, [pattern], _PLAIN.findall(token), ctx)


def _matches(value: Value, tokens: list[str], words: list[str], ctx: Context) -> str:
    structured = value.kind in (Kind.ANY, Kind.OBJECT, Kind.ARRAY)
    edges = _IN_JSON if structured else _IN_TEXT
    text = f"CAST({as_json(value)} AS VARCHAR)" if structured else as_text(value)
    pattern = ctx.params.bind(edges.start + edges.gap.join(tokens) + edges.end)
    found = f"regexp_matches({text}, {pattern}, 'i')"
    if not structured or value.sql.startswith("json_extract"):
        return found
    # A whole document: plain words first, which is many times faster.
    likely = [
        f"contains(lower({text}), {ctx.params.bind(word.lower())})"
        for word in words[:5]
    ]
    tests = " AND ".join(likely)
    return f"CASE WHEN {tests} THEN {found} ELSE false END" if tests else found
