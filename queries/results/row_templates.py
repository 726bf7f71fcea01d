"""Row templates: what the texts of a result's rows have in common, learnt from a sample.

Most rows of a result are written alike: the same keys in the same order, some of them left out. They
differ in the values, which are in the columns already. A template says how to rebuild a row's text from
its cells, so that a row whose text is rebuilt byte for byte need not store it (`row_packing` compares,
and stores the rest). So a wrong guess costs only space.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2s
from typing import Any, Final

import msgspec

from queries.results.columns import Column
from queries.results.flatten import MAX_DEPTH
from queries.results.keypaths import keypath
from queries.results.times import time_unit

# Root of DataPrime, with which the columns begin -> where it is in a row's text (a key, or "" for all of it), and how: "json" as
# it is, "text" as JSON inside a text, "pairs" as a list of {"key", "value"}.
Documents = Mapping[str, tuple[str, str]]

WHOLE: Final[Documents] = {"$d": ("", "json")}
_STYLE: Final = re.compile(rb'\s*\{"(?:[^"\\]|\\.)*":( ?)')
_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(?:\.(\d{1,9}))?(Z|[+-]00:?00|)"
)
_PAIR: Final = {"key", "value"}


class RowTemplate(msgspec.Struct, omit_defaults=True):
    """One node of a row's text: a cell, an object's members, or sometimes one and sometimes the other.

    `form` is how a time or a level is spelled (`_time_form`, `_level_form`). `shape` is "json", "text"
    or "pairs", see `Documents`; `spaced` says that separators are followed by a blank. A member is
    `nullable` when it is written as null where its object has no value for it.
    """

    column: Column | None = None
    form: str = ""
    shape: str = "json"
    spaced: bool = False
    nullable: bool = False
    members: dict[str, RowTemplate] = {}

    def columns(self) -> Iterator[Column]:
        """All columns of this node and below."""
        if self.column is not None:
            yield self.column
        for member in self.members.values():
            yield from member.columns()


def template_number(template: RowTemplate) -> int:
    """Return the number by which rows name their template: 63 bits, the same in every file."""
    digest = blake2s(msgspec.json.encode(template), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def learn(
    texts: Iterable[bytes], columns: Sequence[Column], documents: Documents
) -> RowTemplate:
    """Return the template that these rows have in common, as far as they have one.

    Texts that are not a JSON object are skipped.
    """
    student = _TemplateLearner({column.name: column for column in columns})
    template = RowTemplate()
    for text in texts:
        try:
            row = msgspec.json.decode(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            student.row(template, row, text, documents)
    return template


class _TemplateLearner:
    """Reads rows and records their layout in a template."""

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = columns

    def row(
        self,
        template: RowTemplate,
        row: dict[str, Any],
        text: bytes,
        documents: Documents,
    ) -> None:
        template.spaced = template.spaced or _is_spaced(text)
        places = {key: (root, shape) for root, (key, shape) in documents.items()}
        if "" in places:
            self._object(template, row, None, 0)
            return
        member: RowTemplate | None = None
        for key, value in row.items():
            root, shape = places.get(key, (key, "json"))
            member = _member(template, key, after=member)
            member.spaced = template.spaced
            member.shape = shape
            self._document(member, value, root)

    def _document(self, place: RowTemplate, value: Any, root: str) -> None:
        if place.shape == "pairs":
            self._pairs(place, value, root)
        elif place.shape == "text" and isinstance(value, str):
            place.spaced = place.spaced or _is_spaced(value.encode(errors="replace"))
            try:
                inside = msgspec.json.decode(value)
            except (ValueError, RecursionError):
                inside = value
            self._value(place, inside, root, 1)
        else:
            self._value(place, value, root, 1)

    def _pairs(self, place: RowTemplate, pairs: Any, root: str) -> None:
        member: RowTemplate | None = None
        for pair in pairs if isinstance(pairs, list) else ():
            if not (isinstance(pair, dict) and pair.keys() == _PAIR):
                continue
            member = _member(place, str(pair["key"]), after=member)
            member.spaced = place.spaced
            name = keypath(root, str(pair["key"]))
            self._value(member, pair["value"], name, 2)

    def _object(
        self, place: RowTemplate, values: dict[str, Any], name: str | None, depth: int
    ) -> None:
        member: RowTemplate | None = None
        for key, value in values.items():
            member = _member(place, key, after=member)
            member.spaced = place.spaced
            self._value(member, value, keypath(name, key), depth + 1)

    def _value(self, place: RowTemplate, value: Any, name: str, depth: int) -> None:
        if value is None:
            place.nullable = True
        if isinstance(value, dict) and value and depth < MAX_DEPTH:
            self._object(place, value, name, depth)
            return
        place.column = self._columns.get(name)
        if place.column is not None and not place.form:
            place.form = _form(place.column, value)


def _member(place: RowTemplate, key: str, after: RowTemplate | None) -> RowTemplate:
    """Return the member of that key; a new one is inserted after the one that preceded it."""
    if key in place.members:
        return place.members[key]
    found, new = dict(place.members), RowTemplate()
    if after is None:
        place.members = {key: new, **found}
    else:
        place.members = {}
        for known, member in found.items():
            place.members[known] = member
            if member is after:
                place.members[key] = new
    return new


def _is_spaced(text: bytes) -> bool:
    """Return whether a blank follows the first key's colon, as many JSON writers put it."""
    found = _STYLE.match(text)
    return bool(found and found[1])


def _form(column: Column, value: Any) -> str:
    if "t" in column.types:
        return _time_form(value)
    return _level_form(value) if column.kind == "severity" else ""


def _time_form(value: Any) -> str:
    """Return `iso/<separator>/<digits of the fraction>/<zone>`, or `count/<nanoseconds each>` since 1970."""
    if value.__class__ is int:
        return f"count/{time_unit(value)}"
    found = _ISO.fullmatch(value) if value.__class__ is str else None
    return f"iso/{found[1]}/{len(found[2] or '')}/{found[3]}" if found else ""


def _level_form(value: Any) -> str:
    """Return how a level is spelled where the column has a word for it."""
    if value.__class__ is int:
        return "number"
    if value.__class__ is not str or not value:
        return ""
    if value.isdigit():
        return "digits"
    return "lower" if value.islower() else "upper" if value.isupper() else "word"
