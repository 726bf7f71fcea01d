"""DataPrime and basic Lucene, compiled to DuckDB SQL: text in, SQL and values out.

Knows nothing but the standard library. `docs/dataprime.md` lists what is supported.
"""

from __future__ import annotations

from dataprime.commands import parse
from dataprime.compiler import compile_dataprime, compile_lucene
from dataprime.errors import (
    CompileWarning,
    DataPrimeError,
    UnknownConstructError,
)
from dataprime.table import Compiled, Field, Kind, Table
from dataprime.tree import Query

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
