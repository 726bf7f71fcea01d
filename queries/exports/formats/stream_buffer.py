"""Where a ZIP archive is written to and emptied from, so that it becomes a stream of bytes."""

from __future__ import annotations

import io
from typing import Any

#: Of compression. Measured on log rows: three times as fast as the default level, for a tenth more bytes.
LEVEL = 1


class StreamBuffer(io.RawIOBase):
    """As much of a file as `ZipFile` needs. It cannot seek: nothing that was written is changed later."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[bytes] = []

    def writable(self) -> bool:
        """Asked by Arrow before it writes."""
        return True

    def write(self, data: Any) -> int:
        """Keep the bytes for `take`."""
        self._kept.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """Everything written since the last time."""
        taken = b"".join(self._kept)
        self._kept.clear()
        return taken
