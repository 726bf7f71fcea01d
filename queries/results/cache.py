"""Caches of answers about results. Parts never change, so entries never go stale.

The next page of a sorted result must be instant, and computing the order is most of the work. All
readers of a result request the same facets and timelines.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final, Generic, TypeVar

import pyarrow as pa

Found = TypeVar("Found")


class LRUCache(Generic[Found]):
    """A bounded, thread-safe cache; the least recently used entries are evicted first.

    `room` is the total weight that entries may have, `weight` returns the weight of one.
    """

    def __init__(self, room: int, weight: Callable[[Found], int]) -> None:
        self._room = room
        self._weight = weight
        self.clear()
        os.register_at_fork(after_in_child=self.clear)

    def clear(self) -> None:
        """Remove all entries, with a new lock: after a fork the old one may be locked for ever."""
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, Found] = OrderedDict()

    def get(self, key: Hashable, find: Callable[[], Found]) -> Found:
        """Return the cached answer, or compute it with `find`."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = find()
        with self._lock:
            self._known[key] = found
            while sum(map(self._weight, self._known.values())) > self._room:
                self._known.popitem(last=False)
        return found


def _bytes(held: pa.Int64Array | pa.Table) -> int:
    return int(held.nbytes)


def _one(_answer: object) -> int:
    return 1


# Row numbers in sort and filter order: eight bytes a row.
ORDERS: Final[LRUCache[pa.Int64Array]] = LRUCache(64 * 2**20, _bytes)
# Rows around a shown page: the next request is often the next page.
BLOCKS: Final[LRUCache[pa.Table]] = LRUCache(32 * 2**20, _bytes)
# Statistics, presences and timelines: some kilobytes each.
ANSWERS: Final[LRUCache[Any]] = LRUCache(500, _one)
