"""Columns: the cells of one keypath, and their physical columns in the files.

JSON does not promise one type per keypath, so a part has one *physical* column per keypath and
type: `level` that is mostly text and sometimes a number is two physical columns and one column.
Nothing is ever converted to fit, a later part may add types, and the physical name depends only on
keypath and type, so that all parts agree on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import blake2s
from typing import Final

import pyarrow as pa

ROW_NUMBER: Final = "_n"
ORIGINAL: Final = "_original"  # the row's text; null where a template says what it is
TEMPLATE: Final = "_template"  # the number of that template (see `templates`)
# In a part's metadata, as JSON: physical name -> cells that hold a value; number -> template.
PRESENT: Final = b"querydeck.present"
TEMPLATES: Final = b"querydeck.templates"

# Letter -> how the cells of that type are stored. Letters are part of the file format.
TYPES: Final[dict[str, pa.DataType]] = {
    "i": pa.int64(),  # integers that a double also holds exactly (to 2^53)
    "w": pa.int64(),  # integers of which some need all 64 bits
    "g": pa.string(),  # integers beyond 64 bits, as digits
    "f": pa.float64(),
    "b": pa.bool_(),
    "t": pa.timestamp("ns", "UTC"),
    "j": pa.string(),  # lists, empty objects and objects nested too deeply, as JSON
    "s": pa.string(),
}

# Kind -> the types it can be made of; the first that fits is taken, and text fits always.
# Integers beyond 2^53 and fractions in one column are text: a double would change digits.
_KINDS: Final = {
    "null": "",
    "integer": "iw",
    "number": "if",
    "boolean": "b",
    "timestamp": "t",
    "json": "j",
}
KINDS: Final = (*_KINDS, "text", "severity")

_ARROW: Final[dict[str, pa.DataType]] = {
    "integer": TYPES["i"],
    "number": TYPES["f"],
    "boolean": TYPES["b"],
    "timestamp": TYPES["t"],
}


@dataclass(frozen=True)
class Column:
    """One keypath of a result. Store all three fields: `dataclasses.asdict` and `Column(**d)`.

    `kind` is one of KINDS ("null": only nulls so far); `types` are the letters of the types met, sorted.
    """

    name: str
    kind: str
    types: str

    @property
    def arrow_type(self) -> pa.DataType:
        """The single type that holds all cells of this column."""
        return _ARROW.get(self.kind, pa.string())


def make_column(name: str, types: Iterable[str], hint: str = "") -> Column:
    """Return the column of these types; a "severity" hint marks texts that are levels."""
    letters = "".join(sorted(types))
    return Column(name, _kind_of(letters, hint), letters)


def _kind_of(letters: Collection[str], hint: str) -> str:
    if hint == "severity" and letters == "s":
        return "severity"
    return next(
        (kind for kind, fits in _KINDS.items() if set(letters) <= set(fits)), "text"
    )


def physical_name(name: str, letter: str) -> str:
    """Return the name in the files for the cells of one type: short, lower case, unique.

    DuckDB's names ignore case, Parquet's do not, and a keypath may contain anything. So neither sees a
    keypath: 80 bits of a hash cannot be made to collide within one result.
    """
    return f"{blake2s(name.encode(), digest_size=10).hexdigest()}_{letter}"
