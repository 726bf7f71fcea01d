"""Where a keypath leads: documents as a base plus the edits made to them so far.

Nothing is rebuilt while a query runs through its steps. A document is its stored JSON
and a list of edits; looking up a keypath finds the last edit that covers it, or reads
it from the stored JSON. Only the end of the query renders documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dataprime.context import Context
from dataprime.errors import printable
from dataprime.table import ROOTS, Field, Kind, Table
from dataprime.tree import Keypath
from dataprime.values import NULL, Value, any_json, as_json, field_value

Keys = tuple[str, ...]


@dataclass(frozen=True)
class Edit:
    """A key set to a value, or removed (no value). `only_existing`: replaced."""

    keys: Keys
    value: Value | None
    only_existing: bool = False


@dataclass(frozen=True)
class Doc:
    """One of `$m`, `$l`, `$d`.

    base     SQL of the stored JSON; None for a document made of its edits alone
    fields   typed keypaths of the base
    only     what `choose` left of it; None for everything
    hidden   further names of values, found by lookups but not shown
    """

    base: str | None = None
    fields: Mapping[Keys, Field] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    selected: tuple[Keys, ...] | None = None
    hidden: Mapping[Keys, Value] = field(default_factory=dict)

    def with_edit(self, edit: Edit) -> Doc:
        """Return the document after one more edit."""
        kept = tuple(e for e in self.edits if not _covers(edit.keys, e.keys))
        return replace(self, edits=(*kept, edit))


@dataclass(frozen=True)
class Scope:
    """The documents a command sees."""

    docs: Mapping[str, Doc]
    table: Table | None = None

    def with_edit(self, path: Keys, edit: Edit) -> Scope:
        """Return the scope after an edit below the root `path[0]`."""
        doc = self.docs[path[0]].with_edit(edit)
        return replace(self, docs={**self.docs, path[0]: doc})


def table_scope(table: Table) -> Scope:
    """Return the scope of a table's rows."""
    docs = {}
    for root in ROOTS:
        fields = {path[1:]: f for path, f in table.fields.items() if path[0] == root}
        docs[root] = Doc(table.roots.get(root), fields)
    return Scope(docs, table)


def column_scope(
    columns: Iterable[tuple[Keys, Value]], hidden: Mapping[Keys, Value]
) -> Scope:
    """Return the scope of computed rows: every column in `$d`.

    `hidden` maps full paths to values that stay reachable by their old keypath.
    """
    docs = {}
    for root in ROOTS:
        below = {path[1:]: v for path, v in hidden.items() if path[0] == root}
        docs[root] = Doc(hidden=below)
    edits = tuple(Edit(keys, value) for keys, value in columns)
    docs["$d"] = replace(docs["$d"], edits=edits)
    return Scope(docs)


def computed_kinds(scope: Scope) -> dict[Keys, Kind]:
    """Return the kinds of the values that commands put into the documents, by full path."""
    return {
        (root, *edit.keys): Kind(edit.value.kind)
        for root, doc in scope.docs.items()
        for edit in doc.edits
        if edit.value is not None
    }


def without_metadata(scope: Scope) -> Scope:
    """Return the scope with nothing left in `$m` and `$l`."""
    empty = {root: Doc(hidden=scope.docs[root].hidden) for root in ("$m", "$l")}
    return replace(scope, docs={**scope.docs, **empty})


def resolve(scope: Scope, keypath: Keypath, ctx: Context) -> Value:
    """Return the value at a keypath; null, with a warning, when it cannot exist.

    Raises DataPrimeError for a missing keypath when the query is strict.
    """
    found = _lookup(scope.docs[keypath.root], keypath.keys, ctx)
    if found is None or not _known(scope, keypath):
        name = "".join((keypath.root, *(_key(key) for key in keypath.keys)))
        ctx.report_missing(f"keypath does not exist {printable(name)}", keypath.at)
    return found or NULL


def _key(key: str) -> str:
    return f".{key}" if key.isidentifier() else f"['{key}']"


def _known(scope: Scope, keypath: Keypath) -> bool:
    """Return whether the table knows a keypath that no step of the query made."""
    if scope.table is None or scope.table.has_keypath is None or not keypath.keys:
        return True
    doc = scope.docs[keypath.root]
    if keypath.keys in doc.fields or any(
        overlaps(e.keys, keypath.keys) for e in doc.edits
    ):
        return True
    return scope.table.has_keypath(keypath.path)


def _lookup(doc: Doc, keys: Keys, ctx: Context) -> Value | None:
    if keys in doc.hidden:
        return doc.hidden[keys]
    for edit in reversed(doc.edits):
        if _covers(edit.keys, keys):
            rest = keys[len(edit.keys) :]
            return part(edit.value, rest, ctx) if edit.value else None
        if _covers(keys, edit.keys):
            return Value(Kind.OBJECT, render(doc, ctx, keys))
    return _stored(doc, keys, ctx)


def _stored(doc: Doc, keys: Keys, ctx: Context) -> Value | None:
    if doc.selected is not None and not any(
        _covers(only, keys) for only in doc.selected
    ):
        return None
    for length in range(len(keys), 0, -1):
        typed = doc.fields.get(keys[:length])
        if typed is not None:
            return part(field_value(typed), keys[length:], ctx)
    if doc.base is None:
        inside = any(_covers(keys, known) for known in doc.fields)
        return Value(Kind.OBJECT, render(doc, ctx, keys)) if inside else None
    return part(any_json(doc.base), keys, ctx)


def part(value: Value, keys: Keys, ctx: Context) -> Value:
    """Return what is below a value; a scalar has nothing below."""
    if not keys:
        return value
    if value.kind is Kind.ARRAY:
        value = any_json(as_json(value))
    if value.kind not in (Kind.ANY, Kind.OBJECT):
        return any_json(as_json(NULL))
    place = ctx.params.pointer(keys)
    return Value(
        Kind.ANY,
        f"json_extract({value.sql}, {place})",
        f"json_extract_string({value.sql}, {place})",
    )


def exists(scope: Scope, keypath: Keypath, ctx: Context) -> str:
    """Return a condition: the row has the key, even if it holds null."""
    doc = scope.docs[keypath.root]
    for edit in reversed(doc.edits):
        if _covers(edit.keys, keypath.keys) or _covers(keypath.keys, edit.keys):
            return "true" if edit.value else "false"
    if doc.base is None:
        return "true" if keypath.keys in doc.fields else "false"
    return (
        f"coalesce(json_exists({doc.base}, {ctx.params.pointer(keypath.keys)}), false)"
    )


def render(doc: Doc, ctx: Context, keys: Keys = ()) -> str:
    """Return the JSON of a document, or of the object at `keys` inside it."""
    # An edit at or above the object replaces it: only what came later counts.
    above = [n for n, edit in enumerate(doc.edits) if _covers(edit.keys, keys)]
    first = above[-1] + 1 if above else 0
    below = [e for e in doc.edits[first:] if _covers(keys, e.keys)]
    if not above and (doc.base is None or doc.selected is not None):
        return _assembled(doc, below, ctx, keys)
    sql = _before(doc, doc.edits[above[-1]] if above else None, keys, ctx)
    if below:
        sql = _as_object(sql)
    for edit in below:
        sql = _applied(sql, edit, edit.keys[len(keys) :], ctx)
    return f"coalesce({sql}, '{{}}')"


def _before(doc: Doc, edit: Edit | None, keys: Keys, ctx: Context) -> str:
    """Return the JSON at `keys` as an edit left it, or as it is stored."""
    if edit is None:
        return as_json(part(any_json(doc.base or "NULL"), keys, ctx))
    value = edit.value or any_json(as_json(NULL))
    return as_json(part(value, keys[len(edit.keys) :], ctx))


def _as_object(sql: str) -> str:
    # A log that is bare text becomes {"text": …}, as Coralogix wraps plain text.
    return (
        f"CASE coalesce(json_type({sql}), 'NULL') "
        f"WHEN 'OBJECT' THEN {sql} WHEN 'NULL' THEN '{{}}' "
        f"ELSE json_object('text', {sql}) END"
    )


def _applied(sql: str, edit: Edit, keys: Keys, ctx: Context) -> str:
    place = ctx.params.pointer(keys)
    if edit.value is None:
        return f"json_remove({sql}, {place})"
    function = "json_replace" if edit.only_existing else "json_set"
    return f"{function}({sql}, {place}, {_not_null(edit.value)})"


def _not_null(value: Value) -> str:
    return f"coalesce({as_json(value)}, 'null'::JSON)"


def _assembled(doc: Doc, edits: list[Edit], ctx: Context, keys: Keys) -> str:
    leaves: dict[Keys, str] = {}
    for path in doc.fields if doc.selected is None else doc.selected:
        stored = _stored(doc, path, ctx) if _covers(keys, path) else None
        if stored is not None:
            leaves[path[len(keys) :]] = _original(doc, path, stored, ctx)
    for edit in edits:
        _place(leaves, edit, edit.keys[len(keys) :], ctx)
    return _object(leaves, ctx)


def _place(leaves: dict[Keys, str], edit: Edit, keys: Keys, ctx: Context) -> None:
    """Apply an edit to an object under assembly."""
    for path in leaves:
        if _covers(path, keys) and path != keys:
            inside = f"coalesce({leaves[path]}, '{{}}')"
            leaves[path] = _applied(inside, edit, keys[len(path) :], ctx)
            return
    for path in [path for path in leaves if _covers(keys, path)]:
        del leaves[path]
    if edit.value is not None:
        leaves[keys] = as_json(edit.value)


def _original(doc: Doc, path: Keys, stored: Value, ctx: Context) -> str:
    # What a document keeps, it keeps in its stored form: a time stays text there.
    if doc.base is None:
        return as_json(stored)
    return as_json(part(any_json(doc.base), path, ctx))


def _object(leaves: Mapping[Keys, str], ctx: Context) -> str:
    if () in leaves:
        return leaves[()]
    groups: dict[str, dict[Keys, str]] = {}
    for path, sql in leaves.items():
        groups.setdefault(path[0], {})[path[1:]] = sql
    parts = (f"{ctx.params.bind(key)}, {_object(g, ctx)}" for key, g in groups.items())
    return f"json_object({', '.join(parts)})"


def _covers(outer: Keys, inner: Keys) -> bool:
    return inner[: len(outer)] == outer


def overlaps(path: Keys, other: Keys) -> bool:
    """Return whether one keypath is, holds or is inside another."""
    return _covers(path, other) or _covers(other, path)
