"""What the compiler is given and what it gives back: tables, fields, compiled SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from dataprime.errors import CompileWarning

ROOTS = ("$m", "$l", "$d")


class Kind(StrEnum):
    """The types of the language. ANY is a JSON value whose type each row decides."""

    NUMBER = "number"
    STRING = "string"
    BOOL = "bool"
    TIMESTAMP = "timestamp"
    INTERVAL = "interval"
    ARRAY = "array"
    OBJECT = "object"
    SEVERITY = "severity"
    ANY = "any"
    NULL = "null"
    REGEXP = "regexp"

    @property
    def with_article(self) -> str:
        """The kind with its article, for messages."""
        return f"{'an' if self.value[0] in 'aio' else 'a'} {self.value}"


@dataclass(frozen=True)
class Field:
    """A keypath with a known type.

    `sql` is an expression over the table's columns, written by the program and never
    by a user. Its SQL type follows `kind`: number: any numeric; timestamp: TIMESTAMP
    in UTC, any precision; interval: BIGINT nanoseconds; severity: integer 1 (Debug)
    to 6 (Critical); array, object, any: JSON.
    """

    sql: str
    kind: Kind


@dataclass(frozen=True)
class Table:
    """A relation a query may read.

    name    the relation's name, quoted by the compiler as one identifier
    fields  typed keypaths, such as `("$m", "timestamp")`
    roots   a JSON expression for each of `$m`, `$l`, `$d`: every keypath not in `fields`
    order   an expression that is unique per row; makes ties and limits deterministic
    known   tells whether a keypath exists; None when anything may
    """

    name: str
    fields: Mapping[tuple[str, ...], Field] = field(default_factory=dict)
    roots: Mapping[str, str] = field(default_factory=dict)
    order: str | None = None
    has_keypath: Callable[[tuple[str, ...]], bool] | None = None


@dataclass(frozen=True)
class Compiled:
    """A query ready to run: DuckDB SQL with `$1`-style places, and their values.

    The SQL yields the VARCHAR columns `metadata`, `labels`, `user_data`, each JSON text.
    `start` (inclusive) and `end` (exclusive) are the range in force: the `source`
    clause's where there is one, else the one given. `limit` is the last `limit`, `top`
    or `bottom` that still bounds the rows. `kinds` are the types of the computed keypaths
    in the answer, where they are known.
    """

    sql: str
    params: tuple[object, ...]
    limit: int | None
    warnings: tuple[CompileWarning, ...]
    source: str
    start: datetime | None
    end: datetime | None
    is_aggregate: bool
    kinds: Mapping[tuple[str, ...], Kind] = field(default_factory=dict)
