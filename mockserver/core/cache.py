"""Finished things kept at hand, up to so many bytes. A shortcut only: what it returns is what would be made anew."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """Things by what determines them; those asked for longest ago go when all of them weigh more than `limit` bytes.

    `weigh` tells the weight of one. With a `limit` of 0 nothing is kept.
    """

    def __init__(self, limit: int, weigh: Callable[[T], float]) -> None:
        self.limit, self.weigh = limit, weigh
        self._held: dict[Hashable, T] = {}
        self._weight: float = 0
        self._making: dict[Hashable, threading.RLock] = {}
        self._lock = threading.Lock()

    def holds(self, key: Hashable) -> bool:
        """Is the thing of that key there?"""
        return key in self._held

    def find(self, key: Hashable) -> T | None:
        """The thing of that key, if it is there."""
        with self._lock:
            thing = self._held.pop(key, None)
            if thing is not None:
                self._held[key] = thing
            return thing

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
        with self._lock:
            if key not in self._held and self.weigh(thing) <= self.limit:
                self._held[key] = thing
                self._weight += self.weigh(thing)
            while self._weight > self.limit:
                self._weight -= self.weigh(self._held.pop(next(iter(self._held))))
