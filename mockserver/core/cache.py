"""Finished things kept at hand, up to so many bytes. A shortcut only: what it returns is what would be made anew."""

import contextlib
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cachetools import LRUCache

T = TypeVar("T")


class Shelf(Generic[T]):
    """Things by what determines them; those asked for longest ago go when all of them weigh more than `limit` bytes.

    `weigh` tells the weight of one. With a `limit` of 0 nothing is kept.
    """

    def __init__(self, limit: int, weigh: Callable[[T], float]) -> None:
        self._held = LRUCache[Hashable, T](limit, getsizeof=weigh)
        self._making: dict[Hashable, threading.RLock] = {}
        self._lock = threading.Lock()

    def holds(self, key: Hashable) -> bool:
        """Is the thing of that key there?"""
        return key in self._held

    def find(self, key: Hashable) -> T | None:
        """The thing of that key, if it is there."""
        with self._lock:
            return self._held.get(key)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The thing of that key, made if it is not there. A thread that asks while another makes it waits for that."""
        thing = self.find(key)
        if thing is not None:
            return thing
        with self._lock:
            making = self._making.setdefault(key, threading.RLock())
        try:
            with making:
                thing = self.find(key)
                if thing is None:
                    thing = make()
                    self._keep(key, thing)
                return thing
        finally:
            with self._lock:
                self._making.pop(key, None)

    def _keep(self, key: Hashable, thing: T) -> None:
        # ValueError: it is heavier than the limit.
        with self._lock, contextlib.suppress(ValueError):
            self._held[key] = thing
