"""Decompress a response in small chunks.

A hostile or unlucky response of 200 kB can unpack to 200 MB. Bounded chunks let the reader stop at its limit.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from queries.providers.errors import TruncatedStreamError, UnexpectedResponseError

CHUNK_BYTES = 65_536
_GZIP_WINDOW = 31  # zlib's number for "gzip, any window"


def decompress(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Return an answer's bytes without their content encoding.

    Raises UnexpectedResponseError for an encoding that was not asked for or is damaged, TruncatedStreamError if the
    compressed data ends early.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return (chunk for chunk in chunks if chunk)
    if name in {"gzip", "x-gzip"}:
        return _gunzipped(chunks)
    raise UnexpectedResponseError(
        "The answer is compressed in a way that was not asked for.", code="encoding"
    )


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = None
    for chunk in chunks:
        waiting = chunk
        while waiting:
            unpacker = unpacker or zlib.decompressobj(_GZIP_WINDOW)
            yield from _drained(unpacker, waiting)
            waiting = unpacker.unused_data  # another member may follow the first
            if unpacker.eof:
                unpacker = None
    if unpacker is not None:
        raise TruncatedStreamError("The compressed answer ends before its end.")


def _drained(unpacker: zlib._Decompress, waiting: bytes) -> Iterator[bytes]:
    while True:
        try:
            piece = unpacker.decompress(waiting, CHUNK_BYTES)
        except zlib.error:
            raise UnexpectedResponseError(
                "The compressed answer is damaged.", code="encoding"
            ) from None
        if piece:
            yield piece
        waiting = unpacker.unconsumed_tail
        if unpacker.eof or (not waiting and len(piece) < CHUNK_BYTES):
            return
