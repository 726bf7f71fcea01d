"""Keypaths: names for positions inside a row, as DataPrime writes them.

`{"$d": {"kubernetes": {"labels": {"app.kubernetes.io/name": "web"}}}}` has one value, and its name
is `$d.kubernetes.labels['app.kubernetes.io/name']` (Coralogix docs, DataPrime language, keypaths).
Top-level names stay as they are: for SQL rows they are the column headings.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Control characters and lone surrogates: no page, file or database takes them in a name.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_QUOTED: Final = re.compile("['\\\\]")


def keypath(parent: str | None, key: str) -> str:
    """Return the name of `key` below `parent`, or at the top when there is no parent."""
    if parent is None:
        return _UNPRINTABLE.sub(_escaped, key) or "['']"
    return f"{parent}.{key}" if _PLAIN.fullmatch(key) else parent + _bracketed(key)


def spellings(parent: str | None, key: str) -> Iterator[str]:
    """Yield names to try in turn, in case others have taken the first.

    A top-level "a.b" and a "b" inside "a" want the same name; so do names that differ only in
    characters that had to be escaped.
    """
    name = keypath(parent, key)
    yield name
    yield (parent or "") + _bracketed(key)
    for number in itertools.count(2):
        yield f"{name} ({number})"


def _bracketed(key: str) -> str:
    quoted = _QUOTED.sub(lambda found: "\\" + found[0], key)
    return f"['{_UNPRINTABLE.sub(_escaped, quoted)}']"


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
