"""Basic Lucene queries: parsed here, compiled to a condition over the same scope.

Coralogix docs, Lucene and `lucene`: fields are relative to `$d`; metadata is reached as
`coralogix.metadata.applicationName`, `.subsystemName`, `.severity`, and
`coralogix.timestamp`.
"""

from __future__ import annotations

from dataprime.context import Context
from dataprime.errors import Position
from dataprime.lucene_parser import parse_lucene
from dataprime.lucene_sql import condition
from dataprime.scope import Scope


def lucene_condition(text: str, at: Position, scope: Scope, ctx: Context) -> str:
    """Return a Lucene query as a condition. Raises DataPrimeError.

    `at` is the place of the text's first character.
    """
    return condition(parse_lucene(text, at), scope, ctx)
