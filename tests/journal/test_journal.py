"""The journal and the pictures it keeps: bounded, by session, without secrets."""

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.journal.store import Journal, Pictures
from mockserver.limits import DEFAULT_LIMITS, Limits


def entry(session: str, **more: Any) -> dict[str, Any]:
    request, answer = {"method": "POST", "headers": [], "files": []}, {"pictures": [], "sent": []}
    return {"session": session, "request": request, "job": None, "answer": answer, "hints": []} | more


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_bounds() -> None:
    noted = Journal(limit=3)
    for number in range(5):
        noted.add(entry("a", number=number))
    assert [found["number"] for found in noted.entries()] == [2, 3, 4]
    assert noted.dropped == 2


def test_default_bounds() -> None:
    noted = Journal()
    for _ in range(DEFAULT_LIMITS.journal_entries + 1):
        noted.add(entry("a"))
    assert (len(noted.entries()), noted.dropped) == (1000, 1)
    assert noted.pictures.limit == 64 * 1024 * 1024


def test_ids() -> None:
    noted = Journal()
    assert [noted.next_id() for _ in range(3)] == ["e000001", "e000002", "e000003"]
    noted.clear()
    assert noted.next_id() == "e000004"
    noted.restart()
    assert noted.next_id() == "e000001"


def test_sessions() -> None:
    noted = Journal()
    for number, session in enumerate("abaab"):
        noted.add(entry(session, number=number))
    assert [found["number"] for found in noted.entries("a")] == [0, 2, 3]
    assert [found["number"] for found in noted.entries("b")] == [1, 4]
    assert noted.entries("c") == []
    assert [found["number"] for found in noted.entries()] == [0, 1, 2, 3, 4]


def test_clear() -> None:
    noted = Journal(limit=4)
    for number, session in enumerate("cabab"):
        noted.add(entry(session, number=number))
    noted.clear("a")
    assert [found["number"] for found in noted.entries()] == [2, 4]
    assert noted.dropped == 1
    noted.clear()
    assert (noted.entries(), noted.dropped) == ([], 0)


def test_restart() -> None:
    noted = Journal(limit=1)
    for _ in range(3):
        noted.add(entry("a", id=noted.next_id()))
    noted.restart()
    noted.add(entry("a", id=noted.next_id()))
    assert ([found["id"] for found in noted.entries()], noted.dropped) == (["e000001"], 0)


def test_entry_completed_later() -> None:
    """An entry is visible before the answer has left, and says more afterwards."""
    noted, taken = Journal(), entry("a", answer={"complete": False, "pictures": [], "sent": []})
    noted.add(taken)
    assert noted.entries()[0]["answer"]["complete"] is False
    taken["answer"]["complete"] = True
    assert noted.entries()[0]["answer"]["complete"] is True


def test_files_by_sha256() -> None:
    noted = Journal()
    noted.pictures.put("one", b"1", "image/png")
    noted.pictures.put("two", b"2", "image/png")
    request = {"files": [{"field": "image", "digest": "one"}, {"field": "x", "digest": "lost"}], "headers": []}
    noted.add(entry("a", request=request, job={"model": "m", "images": ["one", "lost"], "mask": "two"}))
    noted.add(entry("a", job={"model": "m", "images": [], "mask": None}))
    first, second = noted.entries()
    assert [file["sha256"] for file in first["request"]["files"]] == [sha(b"1"), None]
    assert first["job"] == {"model": "m", "images": [sha(b"1"), None], "mask": sha(b"2")}
    assert second["job"] == {"model": "m", "images": [], "mask": None}
    assert request["files"][0]["digest"] == "one"


def test_sha256_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is computed once, and only when somebody asks."""
    asked: list[bytes] = []
    plain = hashlib.sha256
    monkeypatch.setattr(hashlib, "sha256", lambda data: asked.append(data) or plain(data))
    pictures = Pictures()
    pictures.put("one", b"1", "image/png")
    assert asked == []
    assert pictures.sha256("one") == pictures.sha256("one") == plain(b"1").hexdigest()
    assert asked == [b"1"]
    assert pictures.sha256("never") is None


def test_find() -> None:
    pictures = Pictures()
    pictures.put("one", b"1", "image/png")
    pictures.put("two", b"2", "image/webp")
    assert pictures.find(sha(b"2")) == (b"2", "image/webp")
    assert pictures.find(sha(b"3")) is None
    assert not pictures.dropped(sha(b"3"))


def test_oldest_goes() -> None:
    """What was dropped is known to have been there, by the SHA-256 it always had."""
    pictures = Pictures(Limits(journal_image_bytes=10))
    for name in ("one", "two", "three"):
        pictures.put(name, name.encode(), "image/png")
    assert pictures.find(sha(b"one")) is None
    assert (pictures.dropped(sha(b"one")), pictures.sha256("one")) == (True, sha(b"one"))
    assert pictures.find(sha(b"two")) == (b"two", "image/png")
    assert pictures.weight == 8


def test_known_stays_longer() -> None:
    pictures = Pictures(Limits(journal_image_bytes=10))
    for name in ("one", "two", "one", "three"):
        pictures.put(name, name.encode(), "image/png")
    assert pictures.find(sha(b"two")) is None
    assert pictures.find(sha(b"one")) == (b"one", "image/png")
    assert pictures.weight == 8


@pytest.mark.parametrize(("size", "kept"), [(10, True), (11, False), (1000, False)])
def test_one_larger_than_the_limit(size: int, kept: bool) -> None:
    pictures = Pictures(Limits(journal_image_bytes=10))
    pictures.put("small", b"s", "image/png")
    pictures.put("large", bytes(size), "image/png")
    assert (pictures.find(sha(bytes(size))) is not None) == kept
    assert pictures.sha256("large") == sha(bytes(size))
    assert pictures.weight == (size if kept else 1)
    pictures.put("small", b"s", "image/png")
    assert pictures.find(sha(b"s")) == (b"s", "image/png")
    assert pictures.weight == 1


def test_no_room_at_all() -> None:
    pictures = Pictures(Limits(journal_image_bytes=0))
    pictures.put("empty", b"", "image/png")
    pictures.put("one", b"1", "image/png")
    assert (pictures.weight, pictures.find(sha(b"1")), pictures.dropped(sha(b"1"))) == (0, None, True)


def test_forgotten() -> None:
    """Digests of dropped pictures are bounded too: the oldest are forgotten."""
    pictures = Pictures(Limits(journal_image_bytes=1, remembered_digests=2))
    for name in "abcd":
        pictures.put(name, name.encode(), "image/png")
    assert pictures.sha256("a") is None
    assert [pictures.dropped(sha(name)) for name in (b"a", b"b", b"c")] == [False, True, True]
    assert pictures.find(sha(b"d"))


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.integers(0, 20), st.lists(st.binary(max_size=8), max_size=30))
def test_never_more_than_the_limit(limit: int, puts: list[bytes]) -> None:
    pictures = Pictures(Limits(journal_image_bytes=limit))
    for data in puts:
        pictures.put(data.hex(), data, "image/png")
        held = [one for one in set(puts) if pictures.find(sha(one))]
        assert pictures.weight == sum(map(len, held)) <= limit
