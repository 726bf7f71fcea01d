"""DataPrime and basic Lucene, compiled to DuckDB SQL: text in, SQL and values out.

Knows nothing but the standard library. `docs/dataprime.md` lists what is supported.
"""

from __future__ import annotations

from queries.dataprime.commands import parse
from queries.dataprime.compiler import compile_dataprime, compile_lucene
from queries.dataprime.errors import (
    CompileWarning,
    DataPrimeError,
    UnknownConstructError,
)
from queries.dataprime.table import Compiled, Field, Kind, Table
from queries.dataprime.tree import Query

__all__ = [
    "CompileWarning",
    "Compiled",
    "DataPrimeError",
    "Field",
    "Kind",
    "Query",
    "Table",
    "UnknownConstructError",
    "compile_dataprime",
    "compile_lucene",
    "parse",
]
