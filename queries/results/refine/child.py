"""The process that answers one refine and ends: `python -m queries.results.refine.child`.

Users' SQL runs only here, behind three barriers, each enough for what is known: only one read-only
statement, nested in one of ours (a nested statement cannot write); a DuckDB that opens only the
result's files, with locked settings; and a process with an empty environment, bounded memory, time
and files, and, where the kernel offers Landlock, without access to other files and to the network.

The request is one line of JSON on standard input (`process.RefineProcess` writes it); the answer is an
Arrow stream on standard output; an error is one line of JSON on standard error.
"""

from __future__ import annotations

import json
import os
import re
import resource
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import IO, Any, Final

import duckdb
import pyarrow as pa

from queries.results.engine import LOCKED_CONFIG, quote_path
from queries.results.refine.landlock import restrict_process
from queries.results.sql import ISO_TIME

ROWS: Final = 1_000  # of one batch
BATCH_BYTES: Final = 8 * 2**20  # of one message; a row may be larger
ROW_BYTES: Final = 32 * 2**20
MAX_COLUMNS: Final = 2_000
_NESTED: Final = "SELECT {cells} FROM (\n{text}\n) AS answer"
_PLACE: Final = re.compile(r"\n+LINE (\d+): (.*)\n( *)\^.*", re.DOTALL)
# DuckDB's words when it cannot put aside what does not fit in memory; they name our files.
# A catalogue of DuckDB's own is no answer to a table that is not there.
_OWN_TABLE: Final = re.compile(
    r'(Table with name .*)\s+Did you mean "(?!rows"|logs").*'
)
_NO_ROOM: Final = re.compile(
    "^IO Error: Could not (?:write|allocate|create)|No space left on device"
)


class RefusedError(Exception):
    """The statement is not allowed here; the text is safe to show."""


def main() -> int:
    """Answer the request on standard input; return 1 on an error."""
    asked = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    is_open = False
    try:
        _bound(asked["bounds"])
        with _opened(asked) as connection, _private_output() as sink:
            is_open = True
            _answer(connection, asked, sink)
    except (
        RefusedError,
        duckdb.Error,
        pa.ArrowException,
        OSError,
        MemoryError,
    ) as error:
        told = _error_report(error, asked, is_open=is_open)
        sys.stderr.write(json.dumps(told) + "\n")
        sys.stderr.flush()
        return 1
    return 0


def _private_output() -> IO[bytes]:
    """Reserve standard output for the answer: prints of libraries go to standard error."""
    mine = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return os.fdopen(mine, "wb")


def _end_with_the_parent() -> None:
    """End the process when standard input closes: the parent holds it open."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def _bound(bounds: dict[str, int]) -> None:
    for what, most in (
        (resource.RLIMIT_AS, bounds["address_space"]),
        (resource.RLIMIT_CPU, bounds["cpu_seconds"]),
        (resource.RLIMIT_FSIZE, bounds["file_bytes"]),
        (resource.RLIMIT_NOFILE, bounds["open_files"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _opened(asked: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB that knows the result's files and cannot open others."""
    sizes = {"threads": "1", "memory_limit": f"{asked['bounds']['memory_bytes']}B"}
    connection = duckdb.connect(":memory:", config={**LOCKED_CONFIG, **sizes})
    connection.execute(asked["settings"])
    restrict_process(readable=asked["files"], writable=[asked["scratch"]])
    for statement in asked["views"]:
        connection.execute(statement)
    return connection


def _answer(
    connection: duckdb.DuckDBPyConnection, asked: dict[str, Any], sink: IO[bytes]
) -> None:
    sql: str = asked["sql"]
    hints: dict[str, str] = {}
    if asked["text"] is not None:
        sql, hints = _as_json_rows(connection, _one_reading(connection, asked["text"]))
    params = [_bindable(value) for value in asked["params"]]
    # Not `execute`, which holds the whole answer before the first row comes.
    reader: Any = connection.sql(sql, params=params).to_arrow_reader(ROWS)
    schema = reader.schema.with_metadata({b"hints": json.dumps(hints).encode()})
    with pa.ipc.new_stream(sink, schema) as stream:
        for batch in reader:
            for piece in _pieces(batch):
                stream.write_batch(piece)
            sink.flush()


def _one_reading(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    """Return the text if it is one read-only statement.

    DuckDB counts `WITH x AS (COPY … TO …) SELECT …` as a SELECT. It refuses to run one that is nested in
    another, and `_NESTED` is the only way in.
    """
    statements = connection.extract_statements(text)
    if len(statements) != 1:
        raise RefusedError("Write exactly one statement.")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise RefusedError(
            "Only a statement that reads can be carried out here: SELECT, WITH, FROM, VALUES, "
            "DESCRIBE, SUMMARIZE, UNPIVOT, or PIVOT with its values given."
        )
    if statements[0].named_parameters:
        raise RefusedError(
            "There is nothing to fill in for $1 or ?: write the value itself."
        )
    return _without_end(text)


def _without_end(text: str) -> str:
    """Remove semicolons and the comments after them, because the statement will be nested."""
    written = text.encode()
    end = len(written)
    for at, kind in reversed(duckdb.tokenize(text)):
        if kind == duckdb.token_type.operator and written[at : at + 1] == b";":
            end = at
        elif kind != duckdb.token_type.comment:
            break
    return written[:end].decode()


def _as_json_rows(
    connection: duckdb.DuckDBPyConnection, text: str
) -> tuple[str, dict[str, str]]:
    """Return the SQL that gives each row of the statement as one JSON text, and its columns."""
    shape = connection.execute(f"DESCRIBE {_NESTED.format(cells='*', text=text)}")
    columns = shape.fetchall()
    names, types = _unlike([c[0] for c in columns]), [str(c[1]) for c in columns]
    if len(names) > MAX_COLUMNS:
        raise RefusedError(f"The answer would have more than {MAX_COLUMNS:,} columns.")
    cells = ", ".join(
        f"{quote_path(name)}, {_cell(f'c{at}', kind)}"
        for at, (name, kind) in enumerate(zip(names, types, strict=True))
    )
    aliases = ", ".join(f"c{at}" for at in range(len(names)))
    sql = _NESTED.format(cells=f"json_object({cells})::VARCHAR AS row", text=text)
    times = {n: "timestamp" for n, k in zip(names, types, strict=True) if _is_time(k)}
    return f"{sql}({aliases})", times


def _unlike(names: Sequence[str]) -> list[str]:
    """Return names without duplicates."""
    found: dict[str, None] = {}
    for name in names:
        wanted, number = name, 1
        while wanted in found:
            number += 1
            wanted = f"{name}_{number}"
        found[wanted] = None
    return list(found)


def _cell(name: str, kind: str) -> str:
    """Return a cell as JSON can hold it: no NaN, and times as ISO 8601 in UTC to the nanosecond."""
    if kind in ("DOUBLE", "FLOAT"):
        return f"CASE WHEN isfinite({name}) THEN to_json({name}) ELSE to_json({name}::VARCHAR) END"
    if _is_time(kind):
        return f"CASE WHEN isfinite({name}::TIMESTAMP_NS) THEN strftime({name}::TIMESTAMP_NS, '{ISO_TIME}') || 'Z' END"
    return name


def _is_time(kind: str) -> bool:
    return kind.startswith("TIMESTAMP") and not kind.endswith("]")


def _bindable(value: Any) -> Any:
    """Convert {"time": ISO 8601}, because JSON has no times."""
    return datetime.fromisoformat(value["time"]) if isinstance(value, dict) else value


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Split the batch into messages the reader can hold. Raises RefusedError for a row that is too large."""
    if batch.get_total_buffer_size() <= BATCH_BYTES or batch.num_rows == 0:
        yield batch
        return
    if batch.num_rows == 1:
        # A slice shares its buffers; only the sum over its own texts says how large it is.
        if batch.nbytes > ROW_BYTES:
            raise RefusedError(
                f"A row of the answer is larger than {ROW_BYTES >> 20} MB."
            )
        yield batch
        return
    half = batch.num_rows // 2
    for part in (batch.slice(0, half), batch.slice(half)):
        if part.nbytes <= BATCH_BYTES:
            yield part
        else:
            yield from _pieces(part)


def _error_report(
    error: BaseException, asked: dict[str, Any], *, is_open: bool
) -> dict[str, Any]:
    """Describe an error: a kind the parent knows, the text, and its position in the statement."""
    text, kind = str(error), _kind(error, asked, is_open=is_open)
    if kind != "statement":
        return {"kind": kind, "message": text}
    # Only its syntax is read alone; after that it stands on the second line of ours.
    above = 0 if isinstance(error, duckdb.ParserException) else 1
    return {"kind": kind, **_placed(text, above)}


def _kind(error: BaseException, asked: dict[str, Any], *, is_open: bool) -> str:
    out_of_memory = (duckdb.OutOfMemoryException, MemoryError)
    # Once rows flow, Arrow passes on what DuckDB raised as an error of its own.
    raised = (duckdb.Error, OSError, pa.ArrowException)
    typed = asked["text"] is not None and isinstance(error, raised)
    found = {
        "memory": isinstance(error, out_of_memory) or "Out of Memory" in str(error),
        "closed": isinstance(error, duckdb.PermissionException),
        "missing": not all(os.path.exists(file) for file in asked["files"]),  # noqa: PTH110
        "damaged": not is_open,  # nothing of the statement has been looked at yet
        "full": _NO_ROOM.search(str(error)) is not None,
        "refused": isinstance(error, RefusedError),
        "statement": typed,
    }
    return next((kind for kind, is_so in found.items() if is_so), "other")


def _placed(text: str, above: int) -> dict[str, Any]:
    """Return DuckDB's message without its drawing, and the position that the drawing points at."""
    found = _PLACE.search(text)
    words = _PLACE.sub("", text).strip()
    words = _OWN_TABLE.sub(r"\1 The rows are the table rows.", words)
    if found is None:
        return {"message": words}
    line = int(found[1])
    column = len(found[3]) - len(f"LINE {line}: ") + 1
    cut = found[2].startswith("...")
    place = {"line": max(1, line - above), "column": 1 if cut else max(1, column)}
    return {"message": words, **place}


if __name__ == "__main__":
    os._exit(main())  # at once: a thread still waits for the parent
