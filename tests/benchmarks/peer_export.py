"""One export by a peer, timed; runs in the benchmark's own environment, which has the peers and not us.

`python peer_export.py <peer> <format> <database> <file>` prints the seconds as JSON.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path

STATEMENT = "SELECT * FROM twenty"


def explorer(kind: str, database: str, file: Path) -> float:
    """django-sql-explorer: its exporter classes over its own query model, as its download view uses them."""
    import django
    from django.conf import settings

    settings.configure(
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}
        },
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "explorer",
        ],
        EXPLORER_CONNECTIONS={"Default": "default"},
        EXPLORER_DEFAULT_CONNECTION="default",
        SECRET_KEY="benchmark",
    )
    django.setup()
    from django.db import connection
    from explorer.exporters import get_exporter_class
    from explorer.models import QueryResult

    class Query:
        title = "rows"

        def execute_query_only(self) -> QueryResult:
            return QueryResult(STATEMENT, connection)

    exporter = get_exporter_class({"xlsx": "excel"}.get(kind, kind))(Query())
    begun = time.perf_counter()
    output = exporter.get_output()
    file.write_bytes(output if isinstance(output, bytes) else output.encode())
    return time.perf_counter() - begun


def pandas(kind: str, database: str, file: Path) -> float:
    """pandas: read the rows, write the file."""
    import pandas as pd

    with sqlite3.connect(database) as connection:
        begun = time.perf_counter()
        frame = pd.read_sql(STATEMENT, connection)
        if kind == "csv":
            frame.to_csv(file, index=False)
        elif kind == "json":
            frame.to_json(file, orient="records")
        else:
            frame.to_excel(file, index=False)
        return time.perf_counter() - begun


PEERS: dict[str, Callable[[str, str, Path], float]] = {
    "explorer": explorer,
    "pandas": pandas,
}

if __name__ == "__main__":
    seconds = PEERS[sys.argv[1]](sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    print(json.dumps({"seconds": seconds, "bytes": Path(sys.argv[4]).stat().st_size}))
