"""Split a stream of bytes into lines."""

from __future__ import annotations

from collections.abc import Iterator

from queries.providers.errors import LimitExceededError

MAX_LINE_BYTES = 64 * 1024**2


class LineSplitter:
    """Takes chunks, returns complete lines without their ends; `flush` returns the rest."""

    def __init__(self, max_bytes: int = MAX_LINE_BYTES) -> None:
        self._most = max_bytes
        self._waiting: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Return the lines that a chunk completes. Raises LimitExceededError if one is too long."""
        *ends, last = piece.split(b"\n")
        for end in ends:
            self._keep(end)
            yield self.flush()
        self._keep(last)

    def flush(self) -> bytes:
        """Return the incomplete last line, and clear it."""
        line = b"".join(self._waiting).strip()
        self._waiting.clear()
        self._size = 0
        return line

    def _keep(self, part: bytes) -> None:
        # Parts are joined once per line: adding to one growing text would take quadratic time.
        self._size += len(part)
        if self._size > self._most:
            raise LimitExceededError(
                f"A line of the answer is longer than {self._most:,} bytes, the most we accept."
            )
        if part:
            self._waiting.append(part)
