"""Stream downloads: rows to bytes to the browser, without a file on disk.

A stream cannot report an error once its first byte is sent; it can only break. So it breaks visibly: exceptions
pass through the server, which cuts the connection without the last chunk that HTTP/1.1 demands, and browsers and
curl report a failed download. A short file never looks complete.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing
from itertools import chain

import structlog
from django.conf import settings

from queries.exports import manifest as manifests
from queries.exports.formats import Report, stream
from queries.exports.selection import ExportRequest, open_rows
from queries.models import ResultSet, User

#: Handed to the server at once: small enough that a slow reader takes it within the time for one write.
CHUNK_BYTES = 256 * 1024
log = structlog.get_logger(__name__)


class NoSlotError(Exception):
    """All download slots are in use, in all or of this user; ``str()`` is safe to show."""


class TooSlowError(Exception):
    """A stream exceeded its time limit."""


class DownloadSlots:
    """Counts the downloads of this process: each holds a thread of the web server.

    One user has at most half of the slots, rounded up.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Counter[int] = Counter()

    @property
    def in_use(self) -> int:
        """Number of slots in use, of all users."""
        return self._held.total()

    def acquire(self, owner: User) -> None:
        """Take a slot for a user. Raises NoSlotError."""
        share = (settings.DOWNLOADS + 1) // 2
        with self._lock:
            if self.in_use >= settings.DOWNLOADS:
                raise NoSlotError(
                    f"All {settings.DOWNLOADS} download slots are in use."
                )
            if self._held[owner.pk] >= share:
                raise NoSlotError(
                    f"You have {share} downloads running, the limit per user."
                )
            self._held[owner.pk] += 1

    def release(self, owner: User) -> None:
        """Release a slot."""
        with self._lock:
            self._held[owner.pk] -= 1
            self._held += Counter()  # removes zero counts


slots = DownloadSlots()


class Download:
    """The bytes of a file, made while they are sent. Must be closed, read to its end or not.

    The first rows are read at once, so that unreadable rows give an error page. Raises NoSlotError, ResultError
    and FormatError then, and any of the writers' errors later.
    """

    def __init__(self, request: ExportRequest, result_set: ResultSet) -> None:
        slots.acquire(request.owner)
        self.report = Report()
        self._ends_at = time.monotonic() + settings.DOWNLOAD_SECONDS
        self._run = str(request.run.pk)
        self._is_complete = False
        self._open = ExitStack()
        self._open.callback(slots.release, request.owner)
        try:
            self._chunks = self._start(request, result_set)
        except BaseException:
            self._open.close()
            raise

    def _start(self, request: ExportRequest, result_set: ResultSet) -> Generator[bytes]:
        rows = self._open.enter_context(open_rows(request, result_set))
        first = next(rows.batches, None)
        batches = rows.batches if first is None else chain([first], rows.batches)
        chunks = stream(
            request.format,
            rows.columns,
            batches,
            options=manifests.options_with_manifest(request, result_set),
            report=self.report,
        )
        self._open.enter_context(closing(chunks))
        return chunks

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if time.monotonic() > self._ends_at:
                raise TooSlowError(
                    f"The download took longer than {settings.DOWNLOAD_SECONDS} seconds."
                )
            yield from _split(chunk)
        self._is_complete = True

    def close(self) -> None:
        """Close the rows and release the slot; the server calls it however the response ends."""
        self._open.close()
        event = "download_sent" if self._is_complete else "download_broken"
        log.info(event, run=self._run, rows=self.report.rows, size=self.report.size)


def _split(chunk: bytes) -> Iterator[bytes]:
    view = memoryview(chunk)
    for start in range(0, len(chunk), CHUNK_BYTES):
        yield bytes(view[start : start + CHUNK_BYTES])
