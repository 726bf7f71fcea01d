"""Landlock: restrict a process, for good, to some files and no network.

Linux since 5.13 (files) and 6.7 (TCP); elsewhere, or where a container forbids the call, no
restriction applies, and the other barriers stand alone. Source: kernel docs, userspace-api/landlock.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from typing import Final

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # system calls, the same on every architecture
_VERSION: Final = 1
_BENEATH: Final = 1
_NO_NEW_PRIVILEGES: Final = 38

_WRITE, _READ, _LIST = 1 << 1, 1 << 2, 1 << 3
_FILES: Final = (
    1 << 13
) - 1  # what the first version knows: execute, read, write, make, remove
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_TCP: Final = 0b11  # bind and connect
_TRUNCATES_SINCE, _NETWORK_SINCE = 3, 4


def restrict_process(*, readable: Iterable[str], writable: Iterable[str]) -> bool:
    """Restrict this process to `readable` files and `writable` directories; return whether it worked.

    Only the calling thread and those it starts later are bound. It cannot be undone.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        return False
    files = _FILES | (_REFER if version > 1 else 0)
    files |= _TRUNCATE if version >= _TRUNCATES_SINCE else 0
    network = _TCP if version >= _NETWORK_SINCE else 0
    rules = struct.pack("QQ", files, network)[: 16 if network else 8]
    ruleset = libc.syscall(_CREATE, rules, ctypes.c_size_t(len(rules)), 0)
    if ruleset < 0:
        return False
    try:
        for path in readable:
            _allow(libc, ruleset, path, _READ)
        for path in writable:
            _allow(libc, ruleset, path, files & ~1)
        if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
            return False
        return libc.syscall(_RESTRICT, ruleset, 0) == 0  # type: ignore[no-any-return]
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", rights, handle)
        libc.syscall(_ADD, ruleset, _BENEATH, rule, 0)
    finally:
        os.close(handle)
