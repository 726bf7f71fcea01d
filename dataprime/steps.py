"""What each command does to the pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from dataprime import tree
from dataprime.compile_expr import Compiler, has_aggregate
from dataprime.errors import DataPrimeError, Position, printable
from dataprime.extract import compile_extract
from dataprime.functions.moments import positive_or_null, round_to
from dataprime.lucene import lucene_condition
from dataprime.patterns import check_pattern
from dataprime.pipeline import Pipeline
from dataprime.scope import (
    Doc,
    Edit,
    Keys,
    Scope,
    exists,
    overlaps,
    render,
    without_metadata,
)
from dataprime.search import contains_phrase
from dataprime.table import ROOTS, Kind
from dataprime.values import (
    Value,
    any_json,
    as_json,
    as_text,
    coerce,
)


def run(pipeline: Pipeline, command: tree.Command) -> None:
    """Apply one command. Raises DataPrimeError."""
    _STEPS[type(command)](pipeline, command)


def _compiler(pipeline: Pipeline) -> Compiler:
    return Compiler(pipeline.scope, pipeline.ctx)


def _filter(pipeline: Pipeline, command: tree.Filter) -> None:
    condition = _compiler(pipeline).condition(command.condition)
    pipeline.where(f"({condition}) IS NOT TRUE" if command.negated else condition)


def _find(pipeline: Pipeline, command: tree.Find) -> None:
    value = _compiler(pipeline).compile(command.target)
    phrase = str(command.phrase.value)
    pipeline.where(contains_phrase(value, phrase, pipeline.ctx))


def _lucene(pipeline: Pipeline, command: tree.LuceneFilter) -> None:
    pipeline.where(
        lucene_condition(command.text, command.text_at, pipeline.scope, pipeline.ctx)
    )


def _choose(pipeline: Pipeline, command: tree.Choose) -> None:
    compiler = _compiler(pipeline)
    chosen = _Chosen()
    for number, item in enumerate(command.items):
        value = compiler.compile(item.expr)
        source = item.expr if isinstance(item.expr, tree.Keypath) else None
        if source and not source.keys and item.alias is None:
            chosen.base = _chosen_root(pipeline, source)
            continue
        if source and source.keys and item.alias is None:
            chosen.kept[source.root].append((source.keys, value))
        keys = _target(item, number)
        # The same name twice: what comes from $d wins, the rest stays in its place.
        if keys not in chosen.edits or item.alias or (source and source.root == "$d"):
            chosen.edits[keys] = Edit(keys, value)
    pipeline.scope = chosen.scope(pipeline.scope)


@dataclass
class _Chosen:
    """What `choose` leaves: the whole of `$d` (base), its keys, parts of the others."""

    base: str | None = None
    edits: dict[Keys, Edit] = field(default_factory=dict)
    kept: dict[str, list[tuple[Keys, Value]]] = field(
        default_factory=lambda: {root: [] for root in (*ROOTS, "$p")}
    )

    def scope(self, old: Scope) -> Scope:
        # Assumption: metadata and labels keep the keys that were chosen from them.
        docs = {root: self._reduced(root, old.docs[root]) for root in ("$m", "$l")}
        # A chosen $d.a.b becomes b, and later steps may use either.
        hidden = dict(self.kept["$d"])
        docs["$d"] = Doc(self.base, edits=tuple(self.edits.values()), hidden=hidden)
        return Scope(docs, old.table if self.base else None)

    def _reduced(self, root: str, doc: Doc) -> Doc:
        paths = [keys for keys, _ in self.kept[root]]
        if doc.selected is not None:
            paths = [keys for keys in paths if keys in doc.selected]
        edits = tuple(e for e in doc.edits if any(overlaps(e.keys, k) for k in paths))
        return replace(doc, selected=tuple(paths), edits=edits)


def _chosen_root(pipeline: Pipeline, source: tree.Keypath) -> str:
    if source.root != "$d":
        raise DataPrimeError(
            f"choose single keys of {source.root}, or give it a name with 'as'",
            *source.at,
        )
    return render(pipeline.scope.docs["$d"], pipeline.ctx)


def _target(item: tree.Named, number: int) -> Keys:
    """Return where a chosen value goes: its alias, or the last key of its keypath."""
    if item.alias is not None:
        _check_target(item.alias)
        return item.alias.keys
    expr = item.expr
    while isinstance(expr, tree.Cast):
        expr = expr.operand
    if isinstance(expr, tree.Keypath):
        return (expr.keys[-1] if expr.keys else expr.root.lstrip("$"),)
    # Assumption: the docs do not say what an unnamed expression is called.
    return (f"_expr{number}",)


def _create(pipeline: Pipeline, command: tree.Create) -> None:
    value = _compiler(pipeline).compile(command.value)
    _check_target(command.target)
    if command.if_exists == "skip":
        old = _lenient(pipeline, command.target)
        here = exists(pipeline.scope, command.target, pipeline.ctx)
        value = any_json(
            f"CASE WHEN {here} THEN {as_json(old)} ELSE {as_json(value)} END"
        )
    only_existing = command.if_missing == "skip"
    if only_existing:
        here = exists(pipeline.scope, command.target, pipeline.ctx)
        value = any_json(f"CASE WHEN {here} THEN {as_json(value)} END")
    plain = isinstance(command.value, tree.Keypath | tree.Literal)
    if not plain or only_existing or command.if_exists == "skip":
        value = pipeline.column(_storable(value))
    _set(
        pipeline,
        command.target,
        Edit(command.target.keys, value, only_existing=only_existing),
    )


def _storable(value: Value) -> Value:
    if value.kind in (Kind.NULL, Kind.REGEXP):
        return any_json(as_json(value))
    return value


def _lenient(pipeline: Pipeline, keypath: tree.Keypath) -> Value:
    """Look a keypath up without a warning when it does not exist."""
    quiet = replace(pipeline.ctx, strict=False, warnings={})
    return Compiler(pipeline.scope, quiet).compile(keypath)


def _check_target(target: tree.Keypath) -> None:
    if not target.keys or target.root not in ROOTS:
        raise DataPrimeError(
            "a keypath to write to is needed, such as $d.key", *target.at
        )


def _set(pipeline: Pipeline, target: tree.Keypath, edit: Edit) -> None:
    _check_target(target)
    pipeline.scope = pipeline.scope.with_edit(target.path, edit)


def _remove(pipeline: Pipeline, command: tree.Remove) -> None:
    for target in command.targets:
        _compiler(pipeline).compile(target)
        _set(pipeline, target, Edit(target.keys, None))


def _move(pipeline: Pipeline, command: tree.Move) -> None:
    value = _compiler(pipeline).compile(command.origin)
    _set(pipeline, command.origin, Edit(command.origin.keys, None))
    _set(pipeline, command.target, Edit(command.target.keys, value))


def _convert(pipeline: Pipeline, command: tree.Convert) -> None:
    for target, name in command.types:
        node = tree.Cast(target.at, target, name)
        value = pipeline.column(_compiler(pipeline).compile(node))
        _set(pipeline, target, Edit(target.keys, value, only_existing=True))


def _redact(pipeline: Pipeline, command: tree.Redact) -> None:
    value = _compiler(pipeline).compile(command.target)
    bind = pipeline.ctx.params.bind
    if isinstance(command.pattern, tree.RegexLiteral):
        at = Position(command.pattern.at.line, command.pattern.at.column + 1)
        pattern = bind(check_pattern(command.pattern.pattern, at).text)
        # In the replacement a backslash would refer to a group.
        text = bind(command.replacement.replace("\\", "\\\\"))
        sql = f"regexp_replace({as_text(value)}, {pattern}, {text}, 'g')"
    else:
        old, new = bind(str(command.pattern.value)), bind(command.replacement)
        sql = f"replace({as_text(value)}, {old}, {new})"
    column = pipeline.column(Value(Kind.STRING, sql))
    _set(
        pipeline, command.target, Edit(command.target.keys, column, only_existing=True)
    )


def _extract(pipeline: Pipeline, command: tree.Extract) -> None:
    _check_target(command.target)
    value = pipeline.column(compile_extract(command, _compiler(pipeline)))
    _set(pipeline, command.target, Edit(command.target.keys, value))


def _round_time(pipeline: Pipeline, command: tree.RoundTime) -> None:
    compiler = _compiler(pipeline)
    stamp = coerce(compiler.compile(command.value), Kind.TIMESTAMP)
    step = coerce(compiler.compile(command.interval), Kind.INTERVAL)
    if stamp is None or step is None:
        raise DataPrimeError("roundtime takes a timestamp and an interval", *command.at)
    rounded = Value(Kind.TIMESTAMP, round_to(stamp.sql, positive_or_null(step)))
    value = pipeline.column(rounded)
    _set(pipeline, command.target, Edit(command.target.keys, value))


def _limit(pipeline: Pipeline, command: tree.Limit) -> None:
    pipeline.take(command.count)


def _order_by(pipeline: Pipeline, command: tree.OrderBy) -> None:
    compiler = _compiler(pipeline)
    pipeline.sort([(compiler.compile(k.expr), k.descending) for k in command.keys])


def _dedupe(pipeline: Pipeline, command: tree.Dedupe) -> None:
    compiler = _compiler(pipeline)
    keys = [compiler.compile(key) for key in command.keys]
    pipeline.keep_per_group(keys, command.keep)


def _count(pipeline: Pipeline, command: tree.Count) -> None:
    name, into = pipeline.ctx.unique_name(), _into(command.into)
    number = Value(Kind.NUMBER, name)
    pipeline.group([], [(into, number)], [(name, "count(*)")], {})


def _into(target: tree.Keypath | None) -> Keys:
    if target is None:
        return ("_count",)
    _check_target(target)
    return target.keys


def _count_by(pipeline: Pipeline, command: tree.CountBy) -> None:
    name, into = pipeline.ctx.unique_name(), _into(command.into)
    keys, hidden = _group_keys(pipeline, command.keys)
    _check_names([*(path for path, _ in keys), into], command.at)
    number = Value(Kind.NUMBER, name)
    pipeline.group(keys, [(into, number)], [(name, "count(*)")], hidden)
    if command.direction:
        pipeline.sort([(number, command.direction == "desc")])


def _group_by(pipeline: Pipeline, command: tree.GroupBy) -> None:
    for item in command.keys:
        if has_aggregate(item.expr):
            raise DataPrimeError(
                "write 'aggregate' before the aggregation functions", *item.expr.at
            )
    keys, hidden = _group_keys(pipeline, command.keys)
    aggregates, computed = _aggregates(pipeline, command.aggregates)
    _check_names([path for path, _ in (*keys, *aggregates)], command.at)
    pipeline.group(keys, aggregates, computed, hidden)


def _group_keys(
    pipeline: Pipeline, items: tuple[tree.Named, ...]
) -> tuple[list[tuple[Keys, Value]], dict[Keys, int]]:
    compiler = _compiler(pipeline)
    keys = [
        (_target(item, number), _storable(compiler.compile(item.expr)))
        for number, item in enumerate(items)
    ]
    # The grouped keypath stays a name of its column: … | orderby $l.applicationname
    hidden = {
        item.expr.path: number
        for number, item in enumerate(items)
        if isinstance(item.expr, tree.Keypath) and item.expr.keys
    }
    return keys, hidden


def _aggregates(
    pipeline: Pipeline, items: tuple[tree.Named, ...]
) -> tuple[list[tuple[Keys, Value]], list[tuple[str, str]]]:
    """Return the values over groups, and the aggregations they are made of."""
    computed: list[tuple[str, str]] = []
    compiler = Compiler(pipeline.scope, pipeline.ctx, computed)
    counters: dict[str, int] = {}
    found: list[tuple[Keys, Value]] = []
    for item in items:
        value = compiler.compile(item.expr)
        if not has_aggregate(item.expr):
            raise DataPrimeError(
                "an aggregation such as count() or max($d.key) is needed here",
                *item.expr.at,
            )
        found.append((_aggregate_name(item, counters), _storable(value)))
    return found, computed


def _aggregate_name(item: tree.Named, counters: dict[str, int]) -> Keys:
    if item.alias is not None:
        return _target(item, 0)
    # Unnamed results are _count0, _max0, … (Coralogix docs, multigroupby and max).
    name = item.expr.name if isinstance(item.expr, tree.Call) else "expr"
    number = counters.get(name, 0)
    counters[name] = number + 1
    return (f"_{name}{number}",)


def _check_names(paths: list[Keys], at: Position) -> None:
    for number, path in enumerate(paths):
        for other in paths[:number]:
            if path[: len(other)] == other or other[: len(path)] == path:
                raise DataPrimeError(
                    f"two results are called {printable('.'.join(path))}: give one "
                    "another name with 'as'",
                    *at,
                )


def _top(pipeline: Pipeline, command: tree.Top) -> None:
    items = (*command.items, *command.by)
    if any(has_aggregate(item.expr) for item in items):
        ranks = _ranked_groups(pipeline, command)
    else:
        compiler = _compiler(pipeline)
        ranks = [compiler.compile(item.expr) for item in command.by]
        _choose(pipeline, tree.Choose(command.at, items))
        pipeline.scope = without_metadata(pipeline.scope)
        pipeline.is_aggregate = True
    pipeline.sort([(rank, command.descending) for rank in ranks])
    pipeline.take(command.count)


def _ranked_groups(pipeline: Pipeline, command: tree.Top) -> list[Value]:
    """Group by what is no aggregation; return the columns to rank by."""
    items = [*command.items, *command.by]
    plain = tuple(item for item in items if not has_aggregate(item.expr))
    ranked = tuple(item for item in items if has_aggregate(item.expr))
    keys, hidden = _group_keys(pipeline, plain)
    aggregates, named = _aggregates(pipeline, ranked)
    _check_names([path for path, _ in (*keys, *aggregates)], command.at)
    columns = pipeline.group(keys, aggregates, named, hidden)
    return [columns[(*plain, *ranked).index(item)] for item in command.by]


# `Any`: each step takes the one command type it is listed under.
_STEPS: dict[type[tree.Command], Callable[[Pipeline, Any], None]] = {
    tree.Filter: _filter,
    tree.Find: _find,
    tree.LuceneFilter: _lucene,
    tree.Choose: _choose,
    tree.Create: _create,
    tree.Remove: _remove,
    tree.Move: _move,
    tree.Convert: _convert,
    tree.Redact: _redact,
    tree.Extract: _extract,
    tree.RoundTime: _round_time,
    tree.Limit: _limit,
    tree.OrderBy: _order_by,
    tree.Dedupe: _dedupe,
    tree.Count: _count,
    tree.CountBy: _count_by,
    tree.GroupBy: _group_by,
    tree.Top: _top,
}
