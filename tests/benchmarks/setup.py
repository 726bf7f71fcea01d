"""Sets the product up with one stored result, and the same rows as a table for the peers.

`python -m tests.benchmarks.setup <rows> <folder>` prints what the benchmark needs to know as JSON. It runs with the
product's own settings, in a process of its own, so that its memory counts for nothing.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django

TABLE = "logs"
WIDTH = 20  # columns of the exports


def main(count: int, folder: Path) -> dict[str, Any]:
    """Store `count` rows; a folder that is ready already is left as it is."""
    ready = folder / "stage.json"
    if ready.is_file():
        known: dict[str, Any] = json.loads(ready.read_text())
        return known
    from django.conf import settings

    from queries.supervisor.local import ensure_local_user, prepare_installation

    prepare_installation()
    user = ensure_local_user()
    run, seconds, size = _stored_run(user, count)
    facts = {
        "run": str(run.pk),
        "rows": count,
        "json_bytes": size,
        "stored_bytes": run.result.size,
        "ingest_seconds": seconds,
        "cookie": [settings.SESSION_COOKIE_NAME, _session(user)],
        "columns": _table_for_peers(run, folder / "peer.db"),
    }
    ready.write_text(json.dumps(facts))
    return facts


def _stored_run(user: Any, count: int) -> tuple[Any, float, int]:
    """A run whose rows went the way of every ingest; the seconds it took, and the bytes of the rows."""
    from queries.models import Connection, ResultPart, ResultSet, Run, Status
    from queries.providers.coralogix.provider import Coralogix
    from queries.providers.coralogix.rows import parse_row
    from queries.results import PartWriter, compact
    from queries.stored_results import result_dir
    from tests.benchmarks.rows import wire_rows

    connection = Connection(
        owner=user,
        name="Benchmark",
        provider=Coralogix.slug,
        origin="http://127.0.0.1:1",
    )
    connection.set_key("benchmark")
    connection.save()
    run = Run.objects.create(
        owner=user,
        connection=connection,
        connection_name="Benchmark",
        provider=Coralogix.slug,
        statement="source logs",
        status=Status.SUCCEEDED,
        rows_received=count,
        finished_at=datetime.now(UTC),
        expires_at=datetime.now(UTC) + timedelta(days=30),
    )
    result_set = ResultSet.objects.create(run=run, complete=True)
    rows = list(wire_rows(count))
    begun = time.perf_counter()
    writer = PartWriter(result_dir(result_set), hints=Coralogix.column_hints)
    names = [part.name for part in writer.write(map(parse_row, rows))]
    documents = Coralogix.row_documents
    whole = compact(result_dir(result_set), names, writer.columns, documents)
    seconds = time.perf_counter() - begun
    ResultPart.objects.create(result_set=result_set, seq=0, **asdict(whole))
    result_set.columns = [asdict(column) for column in writer.columns]
    result_set.row_count, result_set.size = writer.rows, whole.size
    result_set.save()
    for name in set(names) - {whole.name}:
        (result_dir(result_set) / name).unlink()
    Run.objects.filter(pk=run.pk).update(result=result_set)
    run.result = result_set
    return run, seconds, sum(map(len, rows)) + len(rows)


def _session(user: Any) -> str:
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def _table_for_peers(run: Any, path: Path) -> list[str]:
    """The same cells as an SQLite table, its columns named c0, c1 ...; the first twenty of them also alone."""
    from queries.stored_results import open_result, stored_columns

    names = [column.name for column in stored_columns(run.result)]
    with sqlite3.connect(path) as database, open_result(run.result) as reader:
        fields = [f"c{at}" for at in range(len(names))]
        database.execute(f"CREATE TABLE {TABLE} ({', '.join(fields)})")
        insert = f"INSERT INTO {TABLE} VALUES ({', '.join('?' * len(names))})"
        for batch in reader.batches(columns=names):
            cells = [
                [_plain(cell) for cell in column.cast("string").to_pylist()]
                if str(column.type).startswith("timestamp")
                else column.to_pylist()
                for column in batch.columns
            ]
            database.executemany(insert, zip(*cells, strict=True))
        database.execute(
            f"CREATE VIEW twenty AS SELECT {', '.join(fields[:WIDTH])} FROM {TABLE}"
        )
    return names


def _plain(cell: str | None) -> str | None:
    return cell and cell.replace(" ", "T", 1)


if __name__ == "__main__":
    django.setup()
    print(json.dumps(main(int(sys.argv[1]), Path(sys.argv[2]))))
