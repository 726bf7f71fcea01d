"""A disk that is full, for as long as a test wants it to be."""

from __future__ import annotations

import contextlib
import resource
import signal


@contextlib.contextmanager
def files_no_larger_than(size):
    """Every write beyond `size` bytes fails, as it would on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
