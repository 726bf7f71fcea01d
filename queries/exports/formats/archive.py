"""Compress a file as it is written: into a .zip, or as a .gz."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from types import MappingProxyType
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from queries.exports.formats.base import Report
from queries.exports.formats.stream_buffer import LEVEL, StreamBuffer

ZIP, GZIP = "zip", "gzip"
EXTENSIONS = MappingProxyType({ZIP: "zip", GZIP: "gz"})
MEDIA_TYPES = MappingProxyType({ZIP: "application/zip", GZIP: "application/gzip"})
MANIFEST_NAME = "manifest.json"
#: For `zlib`: the largest window, with the header and the trailer of gzip (RFC 1952); no name and no time in it.
_GZIP_WINDOW = 31


def zip_stream(
    chunks: Iterator[bytes], name: str, manifest: Callable[[], bytes] | None = None
) -> Iterator[bytes]:
    """Yield the bytes as the file ``name`` of an archive, followed by the manifest, which is computed last.

    The size is not known before the end, so ZIP64 is used.
    """
    buffer = StreamBuffer()
    with ZipFile(buffer, "w") as archive:
        with archive.open(_entry(name), "w", force_zip64=True) as file:
            for chunk in chunks:
                file.write(chunk)
                yield buffer.take()
        if manifest is not None:
            archive.writestr(_entry(_beside(name)), manifest())
    yield buffer.take()


def gzip_stream(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the bytes as a .gz. The same rows give the same file."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


def measure(chunks: Iterator[bytes], report: Report) -> Iterator[bytes]:
    """Pass the data file's bytes on; record size and hash in the report at the end."""
    digest = sha256()
    for chunk in chunks:
        digest.update(chunk)
        report.data_size += len(chunk)
        yield chunk
    report.data_sha256 = digest.hexdigest()


def _beside(name: str) -> str:
    """Return the manifest's name: of two files of one name, unpacking would leave only the last."""
    return f"{name}.{MANIFEST_NAME}" if name.lower() == MANIFEST_NAME else MANIFEST_NAME


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, date_time=time.localtime()[:6])
    entry.compress_type = ZIP_DEFLATED
    # Public under the name compress_level from Python 3.13 on, where this name still works.
    entry._compresslevel = LEVEL  # type: ignore[attr-defined]  # noqa: SLF001
    return entry
