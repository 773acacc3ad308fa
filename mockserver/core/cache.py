"""A cache of computed values, limited by their total size and shared between threads.

Caching is never visible: the key must contain everything that determines the value, and a value must not be modified
after it was built. What is evicted is built again, with the same bytes. Three rules follow from how the server uses it:

- Sizes, not counts: rendered images differ in size by a factor of a thousand. `size_of` measures a value once, when it
  is stored; the least recently used values are evicted until the rest fits. A value larger than the whole limit is
  returned but not stored.
- Build once: clients send the same request in parallel, and rendering takes long. A thread that needs a value which
  another thread is building waits for it. If building fails, the exception goes to the thread that built, and the
  next thread tries again.
- One lock per key: the global lock is held only for dictionary operations, never while a value is built. The lock of a
  key is reentrant, since building a value may need the same key again.

cachetools keeps track of sizes and recency; it is not safe for threads by itself.
"""

import contextlib
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from cachetools import LRUCache

T = TypeVar("T")


class Cache(Generic[T]):
    """Values by key, up to a total size of `limit`, in the unit of `size_of`. A limit of 0 disables the cache."""

    def __init__(self, limit: int, size_of: Callable[[T], float]) -> None:
        self._values = LRUCache[Hashable, T](limit, getsizeof=size_of)
        self._builders: dict[Hashable, threading.RLock] = {}
        self._lock = threading.Lock()

    def has(self, key: Hashable) -> bool:
        return key in self._values

    def find(self, key: Hashable) -> T | None:
        with self._lock:
            return self._values.get(key)

    def get_or_build(self, key: Hashable, build: Callable[[], T]) -> T:
        """The value of a key. If another thread is building it, waits for that thread."""
        value = self.find(key)
        if value is not None:
            return value
        with self._lock:
            builder = self._builders.setdefault(key, threading.RLock())
        try:
            with builder:
                value = self.find(key)
                if value is None:
                    value = build()
                    self._store(key, value)
                return value
        finally:
            with self._lock:
                self._builders.pop(key, None)

    def _store(self, key: Hashable, value: T) -> None:
        # ValueError: the value is larger than the limit.
        with self._lock, contextlib.suppress(ValueError):
            self._values[key] = value
