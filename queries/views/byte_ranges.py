"""Serve files in single byte ranges (RFC 9110, section 14), so that a broken download can be resumed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from django.http import (
    FileResponse,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.utils.http import content_disposition_header

CHUNK_BYTES = 256 * 1024
_SINGLE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*")


class FileSlice:
    """A range of an open file; the server closes it when it is sent."""

    def __init__(self, file: IO[bytes], start: int, length: int) -> None:
        file.seek(start)
        self._file = file
        self._left = length

    def __iter__(self) -> Iterator[bytes]:
        while self._left and (piece := self._file.read(min(self._left, CHUNK_BYTES))):
            self._left -= len(piece)
            yield piece
        if self._left:
            # The length is already sent: only a broken connection can report the error.
            raise OSError("the file is shorter than it was")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def file_response(
    request: HttpRequest, path: Path, *, name: str, content_type: str, etag: str
) -> HttpResponseBase:
    """Return the file or the requested range as an attachment; `etag` is the hash of its content.

    Several ranges at once, and a range of another version (If-Range), get the whole file, as the standard allows.
    Raises FileNotFoundError.
    """
    size = path.stat().st_size
    headers = _headers(name, content_type, etag)
    if request.method == "HEAD":
        return HttpResponse(headers={**headers, "Content-Length": str(size)})
    part = _range_of(request, size, headers.get("ETag", ""))
    if part is None:
        return FileResponse(
            path.open("rb"), as_attachment=True, filename=name, headers=headers
        )
    if not part:
        return HttpResponse(
            status=416, headers={**headers, "Content-Range": f"bytes */{size}"}
        )
    headers["Content-Length"] = str(len(part))
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    found = FileSlice(path.open("rb"), part.start, len(part))
    return StreamingHttpResponse(found, status=206, headers=headers)


def stream_headers(name: str, content_type: str) -> dict[str, str]:
    """Return the headers of an attachment that cannot be resumed."""
    headers = _headers(name, content_type)
    # nginx would otherwise take all of a stream to its own disk first.
    return {**headers, "Accept-Ranges": "none", "X-Accel-Buffering": "no"}


def _headers(name: str, content_type: str, etag: str = "") -> dict[str, str]:
    headers = {
        "Content-Type": content_type,
        "Content-Disposition": content_disposition_header(True, name) or "",  # noqa: FBT003 - Django's own signature
        "Accept-Ranges": "bytes",
    }
    return {**headers, "ETag": f'"{etag}"'} if etag else headers


def _range_of(request: HttpRequest, size: int, etag: str) -> range | None:
    """Return the requested range: None for the whole file, an empty range if it cannot be satisfied."""
    asked = _SINGLE.fullmatch(request.headers.get("Range", ""))
    condition = request.headers.get("If-Range")
    if asked is None or (condition is not None and condition != etag):
        return None
    first, last = asked.groups()
    if not first and not last:
        return None
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last), size - 1) + 1 if last else size)
