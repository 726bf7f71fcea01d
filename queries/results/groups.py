"""Keys to group rows by, and each key as the text that a condition takes.

A key is what is shown as one value: 5 and 5.0 in a column of numbers, the millisecond of a time.
Columns of several types are grouped by text.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from queries.results.binding import physical_columns
from queries.results.columns import Column

_MILLISECOND: Final = 1_000_000
_EXACT: Final = 2**53
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def group_key(column: Column) -> str:
    """Return the expression to group by; null where the row has no value."""
    names = dict(physical_columns(column))
    if column.kind == "integer":
        return f"coalesce({', '.join(names.values())})"
    if column.kind == "number":
        return f"coalesce({', '.join(f'{name}::DOUBLE' for name in names.values())})"
    if column.kind in {"boolean", "timestamp"}:
        return _alone(*names.popitem())
    texts = [_as_text(letter, name) for letter, name in names.items()]
    return f"coalesce({', '.join(texts)})" if texts else "NULL::VARCHAR"


def _alone(letter: str, name: str) -> str:
    return _milliseconds(name) if letter == "t" else name


def _milliseconds(name: str) -> str:
    """Return whole milliseconds since 1970, rounded down also before it (`//` rounds towards zero)."""
    nanoseconds = f"epoch_ns({name})"
    rest = f"({nanoseconds} % {_MILLISECOND})"
    return f"(({nanoseconds} - {rest}) // {_MILLISECOND} - ({rest} < 0)::BIGINT)"


def _as_text(letter: str, name: str) -> str:
    """Return what `group_text` would write, as far as SQL can: conditions count exactly where it matters."""
    if letter == "t":
        return f"left(strftime({name}, '%Y-%m-%dT%H:%M:%S.%n'), 23) || 'Z'"
    if letter == "f":
        whole = f"abs({name}) < {_EXACT} AND {name} = trunc({name})"
        return (
            f"CASE WHEN {whole} THEN {name}::BIGINT::VARCHAR ELSE {name}::VARCHAR END"
        )
    return name if letter in "gjs" else f"{name}::VARCHAR"


def group_text(key: Any, column: Column) -> str:
    """Return the key as it is shown, and as a condition finds it again."""
    if column.kind == "timestamp":
        time = _EPOCH + timedelta(milliseconds=key)
        return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, float) and "i" in column.types and key.is_integer():
        return str(int(key)) if abs(key) < _EXACT else repr(key)
    return str(key)
