"""A file inside a .zip, streamed: nothing waits for the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from queries.formats.outbox import LEVEL, Outbox

EXTENSION = "zip"
MEDIA_TYPE = "application/zip"


def zipped(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The bytes as the one file `name` of an archive. Its size is not known before the end, hence ZIP64."""
    outbox = Outbox()
    entry = ZipInfo(name, date_time=time.localtime()[:6])
    entry.compress_type = ZIP_DEFLATED
    # Public under the name compress_level from Python 3.13 on, where this name still works.
    entry._compresslevel = LEVEL  # type: ignore[attr-defined]  # noqa: SLF001
    with (
        ZipFile(outbox, "w") as archive,
        archive.open(entry, "w", force_zip64=True) as file,
    ):
        for chunk in chunks:
            file.write(chunk)
            yield outbox.take()
    yield outbox.take()
