"""Remembers which rows a sort and filter selected, in which order.

The next page of a sorted result must feel instant, and finding the order is most of the work.
An order is eight bytes a row; parts never change, so what is remembered never goes stale.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

import pyarrow as pa

MAX_BYTES: Final = 64 * 2**20


class Orders:
    """A bounded, thread-safe memory of row numbers; the least recently used go first."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self.forget()

    def forget(self) -> None:
        """Start empty, with a new lock: after a fork the old one may be held by nobody."""
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, pa.Int64Array] = OrderedDict()

    def get(self, key: Hashable, find: Callable[[], pa.Int64Array]) -> pa.Int64Array:
        """The remembered row numbers, or those that `find` returns."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = find()
        with self._lock:
            self._known[key] = found
            while sum(order.nbytes for order in self._known.values()) > self._max_bytes:
                self._known.popitem(last=False)
        return found


ORDERS: Final = Orders()
os.register_at_fork(after_in_child=ORDERS.forget)
