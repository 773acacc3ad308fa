"""The cache that is limited by the size of its values."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mockserver.core.cache import Cache


def test_value_is_built_once() -> None:
    built: list[str] = []

    def build(name: str) -> str:
        built.append(name)
        return name

    cache = Cache[str](5, len)
    for name in ["ab", "cd", "ab", "ef", "ab", "cd", "too long", "too long"]:
        assert cache.get_or_build(name, lambda name=name: build(name)) == name  # type: ignore[misc]
    # "cd" was the least recently used when "ef" came; a value larger than the limit is never cached.
    assert built == ["ab", "cd", "ef", "cd", "too long", "too long"]


def test_threads_wait_for_the_one_that_builds() -> None:
    # The first attempt fails, so the next thread builds the value.
    cache, begun, go, built = Cache[str](5, len), threading.Event(), threading.Event(), []

    def slow() -> str:
        begun.set()
        assert go.wait(30)
        built.append("k")
        if len(built) == 1:
            raise OSError("no")
        return "k"

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(cache.get_or_build, "k", slow)
        assert begun.wait(30)
        others = [pool.submit(cache.get_or_build, "k", slow) for _ in range(2)]
        go.set()
        with pytest.raises(OSError, match="no"):
            first.result(30)
        assert [other.result(30) for other in others] == ["k", "k"]
    assert built == ["k", "k"]


def test_value_cached_while_it_is_built_counts_once() -> None:
    cache = Cache[str](5, len)

    def slow() -> str:
        cache.get_or_build("k", lambda: "one")
        return "one"

    assert cache.get_or_build("k", slow) == "one"
    assert cache.get_or_build("l", lambda: "two") == "two"
    assert cache.get_or_build("k", lambda: "new") == "new"
