"""Text that a worksheet can hold: at most 32,767 characters, and only what XML 1.0 allows."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from queries.exports.formats.text import as_bytes, count, has_bytes, patched

#: Microsoft, "Excel specifications and limits": characters in a cell. Excel counts UTF-16 units: an emoji is two.
MAX_CELL_CHARACTERS = 32_767
#: XML 1.0 forbids the controls and two non-characters, and turns a return into a line feed.
_CONTROLS = bytes(byte for byte in range(0x20) if byte not in b"\t\n")
_NON_CHARACTERS = ("\ufffe", "\uffff")
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
#: ECMA-376 part 1, 22.9.2.19 (ST_Xstring): _xHHHH_ stands for a character; the text "_x0041" itself begins _x005F_.
_LOOKS_ESCAPED = r"_(x[0-9A-Fa-f]{4})"


def truncate(text: pa.StringArray) -> tuple[pa.StringArray, int]:
    """Return the texts truncated to Excel's limit, and how many were truncated."""
    # UTF-8 never has fewer bytes than UTF-16 has units: what is short in bytes needs no closer look.
    long = pc.greater(pc.binary_length(text), MAX_CELL_CHARACTERS)
    if not count(long):
        return text, 0
    shortened = patched(text, long, _head)
    return shortened, count(pc.not_equal(shortened, text))


def escaped(text: pa.StringArray) -> pa.StringArray:
    """Return texts as the content of an XML element, nulls kept."""
    data = as_bytes(text)
    if b"_x" in data:
        text = pc.replace_substring_regex(text, _LOOKS_ESCAPED, r"_x005F_\1")
    if has_bytes(data, _CONTROLS) or any(
        each.encode() in data for each in _NON_CHARACTERS
    ):
        text = patched(
            text, pc.match_substring_regex(text, _FORBIDDEN.pattern), _spell_forbidden
        )
    for plain, entity in (("&", "&amp;"), ("<", "&lt;"), ("]]>", "]]&gt;")):
        if plain.encode() in data:
            text = pc.replace_substring(text, plain, entity)
    return text


def _head(value: str) -> str:
    units = value.encode("utf-16-le")[: MAX_CELL_CHARACTERS * 2]
    return units.decode("utf-16-le", "ignore")  # "ignore" drops half a pair at the end


def _spell_forbidden(value: str) -> str:
    return _FORBIDDEN.sub(lambda match: f"_x{ord(match[0]):04X}_", value)
