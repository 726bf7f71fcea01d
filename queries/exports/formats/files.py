"""Atomic files, and file names that are safe on every system."""

from __future__ import annotations

import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

#: Suffix of files being written. A killed process may leave one; any older than a running build can be removed.
TEMPORARY_SUFFIX = ".part"
MAX_NAME_CHARACTERS = 120
#: File systems count bytes, most allow 255.
MAX_NAME_BYTES = 240
FALLBACK = "result"
#: At the ends of a name these hide a file, look like an option, or are dropped by Windows.
_EDGES = " .-"

#: Separators of any system, and what Windows refuses in a name.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]+')
#: Controls, line ends, lone surrogates, and the marks that turn the direction of text ("fdp.exe" shown as "exe.pdf").
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+"
)
_RESERVED = re.compile(
    r"(CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|(COM|LPT)[0-9¹²³])", re.IGNORECASE
)


@contextmanager
def atomic_file(destination: Path) -> Iterator[IO[bytes]]:
    """Open a file that gets its name only when it is complete and on disk; on any exception none is left.

    OSError (for example a full disk) passes through.
    """
    temporary = destination.with_name(f".{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(destination)
        _sync_folder(destination.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def behind(*takers: Callable[[bytes], object]) -> Iterator[Callable[[bytes], None]]:
    """Pass each chunk to all consumers in a thread, while the next chunk is made.

    At most one chunk waits. A consumer's exception is raised with the next chunk, or at the end of the block.
    """
    given: Future[None] | None = None

    def take(chunk: bytes) -> None:
        for taker in takers:
            taker(chunk)

    def put(chunk: bytes) -> None:
        nonlocal given
        if given is not None:
            given.result()
        given = pool.submit(take, chunk)

    with ThreadPoolExecutor(1, "file") as pool:
        yield put
        if given is not None:
            given.result()


def safe_file_name(name: str, extension: str) -> str:
    """Return a name for a download or an archive member: one path segment, readable, at most 120 characters."""
    ending = f".{extension}"
    stem = unicodedata.normalize("NFC", _HIDDEN.sub("", name))
    stem = " ".join(_FORBIDDEN.sub("-", stem).split())
    for part in reversed(extension.split(".")):
        if stem.lower().endswith(f".{part}".lower()):
            stem = stem[: -len(part) - 1]
    stem = stem.lstrip(_EDGES)
    if _RESERVED.fullmatch(stem.partition(".")[0].strip()):
        stem = f"_{stem}"
    return f"{_cut(stem, len(ending)) or FALLBACK}{ending}"


def _cut(stem: str, reserved: int) -> str:
    """Truncate a name to what ``reserved`` characters of extension leave."""
    short = stem[: MAX_NAME_CHARACTERS - reserved].encode()[: MAX_NAME_BYTES - reserved]
    return short.decode(errors="ignore").rstrip(_EDGES)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
