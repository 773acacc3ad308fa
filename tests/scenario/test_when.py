"""Which requests match a `when`, live and from the journal; patterns that could hang are rejected."""

import re
from typing import Any

import pytest

from mockserver.scenario import patterns
from mockserver.scenario.matching import RequestFacts, facts_of_entry
from mockserver.scenario.when import find_mismatches, matches

ASKED = RequestFacts(
    endpoint="images/edits",
    model="gpt-image-2",
    stream=True,
    prompt="Make it night",
    images=2,
    mask=True,
    fields={"n": "2", "quality": "high", "user": "", "size": ["a", "b"], "rate": 1.5, "flag": True, "map": {"k": 1}},
    headers={"x-foo": "Bar", "x-stainless-retry-count": "1"},
    retry=1,
    attempt=3,
)


@pytest.mark.parametrize(
    "when",
    [
        {},
        {"endpoint": "images/edits", "model": "gpt-image-2", "stream": True, "images": 2, "mask": True},
        {"model": {"regex": "^gpt-image-[12]$"}},
        {"prompt": "Make it night"},
        {"prompt": {"contains": "night"}},
        {"prompt": {"contains": "night", "regex": "(?i)MAKE"}},
        {"images": {"minimum": 2}},
        {"images": {"minimum": 1, "maximum": 2}},
        {"images": 2.0},
        {"fields": {"n": 2, "quality": "high", "user": ""}},
        {"fields": {"n": 2.0}},
        {"fields": {"n": {"minimum": 2, "maximum": 2.5}}},
        {"fields": {"rate": 1.5, "flag": True, "map": '{"k": 1}'}},
        {"fields": {"flag": "true"}},
        {"fields": {"size": "b"}},
        {"fields": {"size": {"contains": "a"}}},
        {"fields": {"background": None}},
        {"headers": {"X-Foo": "Bar", "x-bar": None}},
        {"headers": {"x-foo": {"regex": "^B"}}},
        {"attempt": 3, "retry": 1},
        {"attempt": {"minimum": 2}, "retry": {"maximum": 1}},
    ],
    ids=str,
)
def test_matches(when: dict[str, Any]) -> None:
    assert matches(when, ASKED)
    assert find_mismatches(when, ASKED) == []


@pytest.mark.parametrize(
    ("when", "failed"),
    [
        ({"endpoint": "images/generations"}, "endpoint: expected 'images/generations', was 'images/edits'"),
        ({"stream": False, "mask": True}, "stream: expected False, was True"),
        ({"prompt": "night"}, "prompt: expected 'night', was 'Make it night'"),
        ({"prompt": {"contains": "Night"}}, "prompt: expected {'contains': 'Night'}, was 'Make it night'"),
        (
            {"prompt": {"contains": "night", "regex": "^it"}},
            "prompt: expected {'contains': 'night', 'regex': '^it'}, was",
        ),
        ({"images": {"minimum": 3}}, "images: expected {'minimum': 3}, was 2"),
        ({"images": {"maximum": 1}}, "images: expected {'maximum': 1}, was 2"),
        ({"fields": {"n": 3}}, "fields.n: expected 3, was '2'"),
        ({"fields": {"n": None}}, "fields.n: expected None, was '2'"),
        ({"fields": {"quality": {"minimum": 0}}}, "fields.quality: expected {'minimum': 0}, was 'high'"),
        ({"fields": {"flag": {"minimum": 0}}}, "fields.flag: expected {'minimum': 0}, was True"),
        ({"fields": {"N": "2"}}, "fields.N: expected '2', was None"),
        ({"fields": {"size": "c"}}, "fields.size: expected 'c', was ['a', 'b']"),
        ({"headers": {"x-bar": {"contains": "b"}}}, "headers.x-bar: expected {'contains': 'b'}, was None"),
        ({"retry": 0}, "retry: expected 0, was 1"),
    ],
    ids=str,
)
def test_mismatches(when: dict[str, Any], failed: str) -> None:
    assert not matches(when, ASKED)
    (said,) = find_mismatches(when, ASKED)
    assert said.startswith(failed)


def test_every_mismatch_is_reported() -> None:
    assert len(find_mismatches({"model": "x", "images": 0, "fields": {"n": 1, "quality": "high"}}, ASKED)) == 3


def told(path: str = "/v1/images/edits", fields: Any = (), files: Any = (), headers: Any = ()) -> RequestFacts:
    request = {"path": path, "fields": dict(fields), "headers": list(headers), "files": [{"field": f} for f in files]}
    return facts_of_entry({"request": request, "job": None})


def test_facts_of_rejected_requests() -> None:
    assert (told().endpoint, told().model) == ("images/edits", None)
    assert told("/v1/nothing").endpoint is None
    model = told("/v1/models/gpt-image-2")
    assert (model.endpoint, model.model) == ("model", "gpt-image-2")
    form = told(fields={"model": "m", "stream": "true", "prompt": "p"}, files=["image[]", "image[]", "mask"])
    assert (form.model, form.stream, form.prompt, form.images, form.mask) == ("m", True, "p", 2, True)
    odd = told(fields={"model": 5, "stream": "yes", "prompt": ["a"], "images": 3})
    assert (odd.model, odd.stream, odd.prompt, odd.images, odd.mask) == (None, False, None, 0, False)
    body = told(fields={"stream": True, "images": [{}, {}], "mask": {}})
    assert (body.stream, body.images, body.mask) == (True, 2, True)


@pytest.mark.parametrize(
    ("text", "count"), [("2", 2), ("9" * 5000, 0), ("\u0663", 0), ("-1", 0)], ids=["2", "9", "3", "-"]
)
def test_retry_count(text: str, count: int) -> None:
    assert told(headers=[["X-Stainless-Retry-Count", text]]).retry == count


@pytest.mark.parametrize(
    ("pattern", "cost"),
    [
        ("night", 1_000),
        ("^a|b$", 2_000),
        ("cats?", 2_000),
        (r"[0-9]{4}-\d\d", 4_000),
        ("foo.*bar", 1_000_000),
        ("(?i)(foo).*?bar", 1_000_000),
        ("(?:ab)*", 1_000_000),
        ("(?:[0-9]{4}-)?", 8_000),
        (r"\w*\w*!", 1_000_000_000),
        ("a{0}", 1_000),
    ],
)
def test_cost(pattern: str, cost: int) -> None:
    assert patterns.search_cost(pattern) == cost


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "is not a regular expression"),
        ("a{99999999999}", "is not a regular expression"),
        ("[[a]", "is not a regular expression"),
        ("(a+)+", "expected no nested repeats"),
        ("(a|aa)*", "expected no nested repeats"),
        ("(?:a?b){1000}", "expected no nested repeats"),
        ("(?:){1000}", "expected at least one character in each"),
        (r"(a)\1", "uses groupref"),
        ("(?=a)", "uses assert"),
        ("(?>a)", "uses atomic_group"),
    ],
)
def test_rejected_patterns(pattern: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        patterns.search_cost(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(?i)\bкот\b", "рыжий КОТ спит"),
        (r"^\w+$", "café"),
        (r"night$", "Make it night\n"),
        (r"\Aa{,2}b\Z", "aab"),
        ("cat", "\ud800 cat"),
    ],
    ids=["word-boundary", "letters", "final-newline", "at-most", "lone-surrogate"],
)
def test_syntax(pattern: str, text: str) -> None:
    """Patterns have the meaning of Python's documentation, in any script."""
    assert patterns.search_cost(pattern) <= patterns.STEPS
    assert patterns.search(pattern, text)


def test_text_is_limited() -> None:
    assert patterns.search("x", "a" * 999 + "x")
    assert not patterns.search("x", "a" * 1000 + "x")


def test_most_expensive_pattern_ends() -> None:
    """The worst pattern that lint accepts is searched in seconds, not hours."""
    assert patterns.search_cost(r"\w*?\w*?!") <= patterns.STEPS
    assert not patterns.search(r"\w*?\w*?!", "a" * 5_000)
