"""Remembers what was found out about results: parts never change, so it never goes stale.

The next page of a sorted result must feel instant, and finding the order is most of the work;
the same facets and timelines are asked for by everybody who opens a result.
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
    """A bounded, thread-safe memory of answers; the least recently used go first.

    `room` is how much they may weigh together, `weight` what one does.
    """

    def __init__(self, room: int, weight: Callable[[Found], int]) -> None:
        self._room = room
        self._weight = weight
        self.clear()
        os.register_at_fork(after_in_child=self.clear)

    def clear(self) -> None:
        """Start empty, with a new lock: after a fork the old one may be held by nobody."""
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, Found] = OrderedDict()

    def get(self, key: Hashable, find: Callable[[], Found]) -> Found:
        """The remembered answer, or the one that `find` gives."""
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


# Row numbers in the order of a sort and filter: eight bytes a row.
ORDERS: Final[LRUCache[pa.Int64Array]] = LRUCache(64 * 2**20, _bytes)
# Rows around a page that was shown: the next page is often wanted next.
BLOCKS: Final[LRUCache[pa.Table]] = LRUCache(32 * 2**20, _bytes)
# Statistics, presences and timelines: some kilobytes each.
ANSWERS: Final[LRUCache[Any]] = LRUCache(500, _one)
