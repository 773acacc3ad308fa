"""How long a client may keep a connection waiting, without a connection or a clock."""

from mockserver.server.timeouts import NOTHING, Awaited, Timeout

HEAD = Awaited("head", 0, 60, 1)


def body(progress: int) -> Awaited:
    """An upload of which so many bytes have arrived; at least 3,000 are due every 30 s."""
    return Awaited("body", progress, 30, 3_000)


def test_a_wait_ends_after_its_seconds() -> None:
    timeout = Timeout(HEAD, 5.0)
    assert [timeout.is_over(HEAD, now) for now in (6.0, 64.9, 65.0)] == [False, False, True]


def test_another_wait_starts_again() -> None:
    timeout = Timeout(HEAD, 0.0)
    assert not timeout.is_over(body(0), 59.0)
    assert (timeout.since, timeout.is_over(body(0), 88.0), timeout.is_over(body(0), 89.0)) == (59.0, False, True)


def test_enough_progress_starts_the_next_window() -> None:
    timeout = Timeout(body(0), 0.0)
    assert not timeout.is_over(body(3_000), 30.0)
    assert not timeout.is_over(body(6_000), 60.0)
    assert timeout.is_over(body(8_999), 90.0)


def test_nothing_is_due_while_the_server_delays_the_response() -> None:
    timeout = Timeout(NOTHING, 0.0)
    assert not timeout.is_over(NOTHING, 1e9)
