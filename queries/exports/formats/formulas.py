"""Find text that a spreadsheet would run as a formula, and neutralize it.

OWASP "CSV Injection": a leading apostrophe makes the cell text. Text inside a cell is not changed.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from queries.exports.formats.text import as_bytes, count, joined

#: After anything a spreadsheet drops while importing (blanks of every script, controls, invisible characters,
#: quotes): a formula's first character, ASCII or full-width. A tab or a return is a trigger itself.
TRIGGER = r"""^[\pZ\pC"']*?([\t\r=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}])"""
#: A plain number is not a formula, whatever its sign.
NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"

#: First bytes that no formula has, whatever follows: ASCII but blanks, quotes, controls and triggers, and the UTF-8 of
#: letters from À to Hebrew and from CJK to Hangul.
_HARMLESS = bytes(
    byte
    for byte in (*range(0x21, 0x7F), *range(0xC3, 0xD8), *range(0xE4, 0xEE))
    if byte not in b"\"'=+-@"
)


def neutralize(array: pa.StringArray) -> tuple[pa.StringArray, int]:
    """Return the texts with ' before those that look like a formula, and how many those were."""
    mask = looks_like_formula(array)
    if mask is None:
        return array, 0
    return pc.if_else(mask, joined("'", array), array), count(mask)


def looks_like_formula(array: pa.StringArray) -> pa.BooleanArray | None:
    """Return which texts a spreadsheet could run; None if there is none.

    Usually the first bytes show that there is none, in a tenth of a regular expression's time.
    """
    if not as_bytes(_first_bytes(array)).translate(None, _HARMLESS):
        return None
    mask = pc.match_substring_regex(array, TRIGGER)
    if not count(mask):
        return None
    mask = pc.and_not(mask, pc.match_substring_regex(array, NUMBER))
    return mask if count(mask) else None


def _first_bytes(array: pa.StringArray) -> pa.BinaryArray:
    return pc.binary_slice(array.cast(pa.binary()), 0, 1)
