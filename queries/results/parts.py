"""Parts: the files of a result's rows, complete or absent."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from queries.results.columns import ORIGINAL, PRESENT, ROW_NUMBER
from queries.results.errors import ResultsDamagedError, StorageError, StorageFullError

_NAME: Final = re.compile(r"(\d{12})-(\d{9})-[0-9a-f]{8}\.parquet")
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Part:
    """One durable file of rows: `rows` of them from `first_row` on (0-based), `size` in bytes.

    `name` alone is enough to read it back: it contains the rows' numbers.
    """

    name: str
    first_row: int
    rows: int
    size: int


def part_table(name: str) -> range:
    """Return the row numbers of the part of that name. Raises ResultsDamagedError for other names.

    Only a name that `storing_part` made passes, so no recorded name can leave the directory.
    """
    found = _NAME.fullmatch(name)
    if not found:
        raise ResultsDamagedError
    first, rows = int(found[1]), int(found[2])
    return range(first, first + rows)


@contextmanager
def storing_part(
    directory: Path, rows: range, schema: pa.Schema
) -> Iterator[StoredPart]:
    """Write a Parquet file that gets its name only when it is completely on disk.

    Raises StorageFullError or StorageError, and leaves no file then.
    """
    name = f"{rows.start:012d}-{len(rows):09d}-{secrets.token_hex(4)}.parquet"
    temporary = directory / f".{name}.tmp"
    try:
        with storage_errors():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _created(temporary) as sink:
                with parquet_writer(sink, schema) as writer:
                    pending = StoredPart(writer)
                    yield pending
                    pending.describe()
                sink.flush()
                os.fsync(sink.fileno())
                size = sink.tell()
            temporary.rename(directory / name)
            _sync(directory)
    finally:
        with suppress(OSError):  # renamed, or never made
            temporary.unlink()
    pending.part = Part(name, rows.start, len(rows), size)


class StoredPart:
    """What `storing_part` yields: write row groups to it; `part` is set after the block."""

    part: Part

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._present: Counter[str] = Counter()
        #: Metadata of the file's footer.
        self.facts: Mapping[bytes, bytes] = {}

    def write(self, table: pa.Table) -> None:
        """Add one row group."""
        for name in table.column_names:
            self._present[name] += len(table) - table[name].null_count
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))

    def describe(self) -> None:
        """Set metadata of the footer: `facts`, and the number of values per column."""
        present = {PRESENT: json.dumps(self._present).encode()}
        self._writer.add_key_value_metadata({**self.facts, **present})


def parquet_writer(sink: IO[bytes], schema: pa.Schema) -> pq.ParquetWriter:
    """Open a Parquet writer with our settings.

    Values that never repeat get no dictionary; bounds of texts are long and unused.
    """
    unique = (ROW_NUMBER, ORIGINAL)
    texts = (pa.string(), pa.binary())
    return pq.ParquetWriter(
        sink,
        schema.remove_metadata(),  # metadata of parts does not hold for their union
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name in schema.names if name not in unique],
        write_statistics=[field.name for field in schema if field.type not in texts],
        store_schema=False,
    )


def orphan_directories(
    directory: Path,
    known: Collection[str],
    *,
    min_age: float = 3600.0,
    now: float | None = None,
) -> list[Path]:
    """Return files, and directories of interrupted sorts, that no record names and no process uses.

    A part is on disk shortly before it is recorded, hence `min_age` (seconds since the last change).
    `now` is the time since 1970, for tests.
    """
    limit = (time.time() if now is None else now) - min_age
    if not directory.is_dir():
        return []
    return sorted(
        path
        for path in directory.iterdir()
        if path.name not in known and path.lstat().st_mtime <= limit
    )


def remove_result(directory: Path) -> None:
    """Delete everything below `directory`, and it; missing files are ignored.

    Raises StorageError when the system refuses.
    """
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError("The stored rows could not be deleted.") from error


def _created(path: Path) -> IO[bytes]:
    """Create a file that cannot be opened for writing again: parts never change."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb")


def _sync(directory: Path) -> None:
    """Sync the directory, which makes a rename durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise StorageFullError or StorageError for an OSError."""
    try:
        yield
    except OSError as error:
        raise (
            StorageFullError() if error.errno in _FULL else StorageError()
        ) from error
