"""Scenario files: valid ones are read; errors in others name the line and what was expected."""

import errno
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.contract import catalogue
from mockserver.core import data_files
from mockserver.scenario import lint
from mockserver.scenario.document import read_document
from mockserver.scenario.loader import ScenarioError, built_in_names, load, parse, parse_part
from mockserver.scenario.loader import find_errors as faults_of
from mockserver.scenario.loader import read_built_in as spelled
from mockserver.scenario.machine import Scenario, Step
from mockserver.scenario.matching import RequestFacts

GOOD = "scenario: mine\nsteps:\n  - {ok: {}}\n"
KEYS = ", ".join(data_files.contract("schemas/scenario.json")["properties"])


BOMB = "\n".join(["a: &a [x]"] + [f"{c}: &{c} [{','.join([f'*{chr(ord(c) - 1)}'] * 9)}]" for c in "bcdefghij"])


def refusal(text: str | bytes) -> str:
    with pytest.raises(ScenarioError) as caught:
        parse(text.encode() if isinstance(text, str) else text, "mine.yaml")
    return str(caught.value)


def error(name: str) -> str:
    return f"scenario: mine\nsteps:\n  - ok: {{}}\n  - times: 2\n    error: {name}\n"


def faults(text: str) -> str:
    return f"scenario: mine\nsteps:\n  - ok: {{}}\n    faults: {text}\n"


def test_faults() -> None:
    text = faults("[{reset: {}}, {latency: 0.5}, {status: {code: 502.0, body: json}}, {missing: [usage]}]")
    found = parse(text.encode(), "x").steps[0].faults
    assert [(one.name, dict(one.parameters)) for one in found] == [
        ("reset", {"at": "start"}),
        ("latency", {"seconds": 0.5, "sigma": 0.5}),
        ("status", {"code": 502, "body": "json"}),
        ("missing", {"path": ["usage"]}),
    ]
    assert type(found[2].parameters["code"]) is int


def test_all_keys() -> None:
    text = """
scenario: mine
about: Ordnung, 日本
seed: 7
as_of: 2026-04-21
accept: [size-ratio, images.modes]
steps:
  - {error: rate-input-images, times: 2, retry_after: 0.5}
  - {ok: {}, times: 3}
  - {error: server_error}
then: hold
"""
    steps = (Step(1, "rate-input-images", 2, 0.5), Step(2, None, 3), Step(3, "server-error"))
    accept = frozenset({"size-ratio", "images.modes"})
    assert parse(text.encode(), "x") == Scenario("mine", steps, "hold", "Ordnung, 日本", 7, "2026-04-21", accept)


def test_defaults() -> None:
    assert parse(GOOD.encode(), "x") == Scenario("mine", (Step(1),), "repeat", "", 0)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"scenario": "mine", "steps": [{"ok": {}}]}),
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        "# about\n---\n" + GOOD + "...\n",
        GOOD + "seed: 0.0\nthen: repeat\n",
        "scenario: mine\nsteps: [&a {ok: {}}]\n",
        "<<: {scenario: other, seed: 0}\nscenario: mine\nsteps: [{<<: {ok: {}}}]\n",
    ],
)
def test_equivalent_notations(text: str) -> None:
    scenario = parse(text.encode(), "x")
    assert scenario == Scenario("mine", (Step(1),))
    assert type(scenario.seed) is int


def test_aliased_step() -> None:
    scenario = parse(b"scenario: a\nsteps: [&a {error: rate_limit_exceeded, times: 2.0}, *a]\n", "x")
    assert scenario.steps == (Step(1, "rate-input-images", 2), Step(2, "rate-input-images", 2))
    assert [type(step.times) for step in scenario.steps] == [int, int]


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        # Not text, or not YAML.
        (b"scenario: \xff\n", 1, ["UTF-8", "byte 10"]),
        (GOOD.encode("utf-16"), 1, ["UTF-8"]),
        ("scenario: [\n", 2, ["is not YAML"]),
        ("scenario: mine\n\tsteps: x\n", 2, ["is not YAML"]),
        ("scenario: \x00", 1, ["is not YAML"]),
        ("a: *nothing\n", 1, ["is not YAML"]),
        (GOOD + "---\n" + GOOD, 4, ["is not YAML"]),
        (GOOD + 'about: "\\ud800"\n', 4, ["is not YAML"]),
        (GOOD + "<<: 5\n", 4, ["is not YAML"]),
        # Top level.
        ("", 1, ["mine.yaml:1: is empty; expected object"]),
        ("# nothing\n", 1, ["is empty; expected object"]),
        ("5\n", 1, ["5", "expected object"]),
        ("\n\njust words\n", 3, ["'just words'", "expected object"]),
        ("- scenario: mine\n", 1, ["expected object"]),
        ("null\n", 1, ["None", "expected object"]),
        ("{}", 1, ["'scenario' is missing", KEYS]),
        ("scenario: mine\n", 1, ["'steps' or 'extends' is missing", KEYS]),
        # Keys.
        (GOOD + "sceanrio: x\n", 4, ["'sceanrio': unknown key (did you mean 'scenario'?); ", KEYS]),
        (GOOD + "b: 1\na: 1\n", 4, ["'b': unknown key"]),
        ("<<: {b: 1}\n" + GOOD, 1, ["'b': unknown key"]),
        (GOOD + "5: x\n", 4, ["'5': unknown key", KEYS]),
        (GOOD + "~: x\n", 4, ["'~': unknown key"]),
        (GOOD + "true: x\n", 4, ["'true': unknown key"]),
        (GOOD + "? [a]\n: x\n", 4, ["plain word"]),
        (GOOD + "? {a: b}\n: x\n", 4, ["plain word"]),
        (GOOD + "seed: 1\nseed: 2\n", 5, ["'seed': repeated key; expected it once"]),
        (GOOD + 'seed: 1\n"seed": 2\n', 5, ["once"]),
        ("scenario: mine\nsteps:\n  - ok: {}\n    ok: {}\n", 4, ["once"]),
        (
            "scenario: mine\nsteps:\n  - ok: {status: 200}\n",
            3,
            ["steps[0].ok: 'status': unknown key; expected partials, pictures, usage"],
        ),
        (
            "scenario: mine\nsteps:\n  - ok: {}\n    tims: 2\n",
            4,
            ["steps[0]: 'tims'", "when, ok, error, reply, times, chance, retry_after"],
        ),
        # Types and values.
        ("scenario: 5\nsteps: [{ok: {}}]\n", 1, ["scenario: 5", "expected string"]),
        ("scenario: Bad Name\nsteps: [{ok: {}}]\n", 1, ["scenario: 'Bad Name'", "expected pattern"]),
        (GOOD + "about: [x]\n", 4, ["about: ['x']", "expected string"]),
        (GOOD + "seed: x\n", 4, ["seed: 'x'", "expected integer"]),
        (GOOD + "seed: 1.5\n", 4, ["seed: 1.5", "expected integer"]),
        (GOOD + "seed: true\n", 4, ["seed: True", "expected integer"]),
        (GOOD + "then: never\n", 4, ["then: 'never'", "expected one of repeat, hold, ok"]),
        (GOOD + "then:\n", 4, ["then: None", "expected one of repeat, hold, ok"]),
        ("scenario: mine\nsteps: {ok: {}}\n", 2, ["steps: {'ok': {}}", "expected array"]),
        ("scenario: mine\nsteps: []\n", 2, ["steps: []", "expected minItems 1"]),
        ("scenario: mine\nsteps:\n  - ok: {}\n  - 5\n", 4, ["steps[1]: 5", "expected object"]),
        ("scenario: mine\nsteps:\n  - ok: {}\n  -\n", 4, ["steps[1]: None", "expected object"]),
        ("scenario: mine\nsteps:\n  - ok: true\n", 3, ["steps[0].ok: True", "expected object"]),
        ("scenario: mine\nsteps:\n  - ok: {}\n    times: 0\n", 4, ["steps[0].times: 0", "expected minimum 1"]),
        ("scenario: mine\nsteps:\n  - ok: {}\n    times: 1000001\n", 4, ["expected maximum 1000000"]),
        ("scenario: mine\nsteps:\n  - ok: {}\n    times: many\n", 4, ["'many'", "expected pattern ^forever$"]),
        (error("server-error\n    retry_after: -1"), 6, ["steps[1].retry_after: -1", "expected minimum 0"]),
        (error("x\n    retry_after: .nan"), 6, ["'.nan'", "expected float"]),
        (error("x\n    retry_after: -.inf"), 6, ["'-.inf'", "expected float"]),
        # The kind of a step.
        ("scenario: mine\nsteps:\n  - times: 2\n", 3, ["steps[0]: expected exactly one of 'ok', 'error', 'reply'"]),
        ("scenario: mine\nsteps:\n  - {}\n", 3, ["steps[0]: expected exactly one of 'ok', 'error', 'reply'"]),
        (
            "scenario: mine\nsteps:\n  - {ok: {}, error: server-error}\n",
            3,
            ["expected exactly one of 'ok', 'error', 'reply'"],
        ),
        ("scenario: mine\nsteps:\n  - {ok: {}, retry_after: 1}\n", 3, ["retry_after", "expected dependentRequired"]),
        # Faults.
        (
            faults("[{lateny: 1}]"),
            4,
            ["faults[0]: 'lateny': unknown key (did you mean 'latency'?); expected latency"],
        ),
        (faults("\n    - {reset: {}}\n    - {latency: slow}"), 6, ["faults[1].latency: 'slow'", "expected number"]),
        (
            faults("[{latency: {secs: 1}}]"),
            4,
            ["'secs': unknown key (did you mean 'seconds'?); expected seconds"],
        ),
        (faults("[{status: 200}]"), 4, ["faults[0].status: 200", "expected minimum 400"]),
        (faults("[{reset: now}]"), 4, ["expected one of start, inside_headers, headers, body"]),
        (faults("[reset]"), 4, ["'reset' has the wrong type; expected object"]),
        (faults("{reset: {}}"), 4, ["expected array"]),
        (faults("[{}]"), 4, ["expected minProperties 1"]),
        (faults("[{reset: {}, close: {}}]"), 4, ["expected maxProperties 1"]),
        (faults("[{redirect: {code: '301'}}]"), 4, ["redirect.code: '301' is unknown; expected one of 301, 302"]),
        (faults('[{redirect: "/a\\n"}]'), 4, ["'/a\\n' is invalid"]),
        (faults('[{content_type: "a\\n"}]'), 4, ["'a\\n' is invalid"]),
        (faults('[{comments: "a\\n"}]'), 4, ["'a\\n' is invalid"]),
        # Errors of the catalogue.
        (error("server-eror"), 5, ["no error 'server-eror'", "expected a family such as", "server-error"]),
        (error("429"), 5, ["steps[1].error: 429", "expected string"]),
        (error("''"), 5, ["steps[1].error: ''", "expected minLength 1"]),
        (
            error("invalid_type"),
            5,
            ["'invalid_type' belongs to several", "expected one of invalid-type, not-convertible"],
        ),
        (error("RateLimitReached"), 5, ["no error 'RateLimitReached'"]),
        # What YAML can say and JSON cannot.
        (GOOD + "seed: 2026-12-05\n", 4, ["seed: '2026-12-05'", "expected integer"]),
        (GOOD + "seed: !!timestamp x\n", 4, ["seed: 'x'", "expected integer"]),
        (GOOD + "as_of: 2026-02-30\n", 4, ["as-of: expected 'any', 'latest' or a date such as", "'2026-02-30'"]),
        (GOOD + "as_of: 2022-11-02\n", 4, ["as_of: as-of 2022-11-02 is before 2022-11-03, when the first model was"]),
        (GOOD + "as_of: 2026-2-3\n", 4, ["as_of: '2026-2-3'", "expected pattern"]),
        (GOOD + "as_of: yesterday\n", 4, ["as_of: 'yesterday'", "expected pattern"]),
        (GOOD + "accept: size-ratio\n", 4, ["accept: 'size-ratio'", "expected array"]),
        (GOOD + "accept:\n  - size-ratio\n  - 5\n", 6, ["accept[1]: 5", "expected string"]),
        (GOOD + "about: !!binary aGk=\n", 4, ["binary"]),
        (GOOD + "about: !own x\n", 4, ["!own"]),
        (GOOD + "about: !!python/object/apply:os.getcwd []\n", 4, ["python/object"]),
        (GOOD + "about: !!str {=: x}\n", 4, ["the YAML type str is not supported"]),
        (GOOD + "about: =\n", 4, ["the YAML type value is not supported"]),
        (GOOD + "seed: !!int x\n", 4, ["'x' cannot be read; expected int"]),
        (GOOD + "seed: !!int ''\n", 4, ["expected int"]),
        (GOOD + "seed: !!float x\n", 4, ["expected float"]),
        (GOOD + "seed: !!bool x\n", 4, ["expected bool"]),
        (GOOD + "seed: " + "9" * 5000 + "\n", 4, ["expected int"]),
        (GOOD + "then: 0x" + "f" * 5000 + "\n", 4, ["expected int"]),
        ("!!set {scenario, steps}\n", 1, ["the YAML type set is not supported"]),
        ("scenario: mine\nsteps: !!omap [ok: {}]\n", 2, ["the YAML type omap is not supported"]),
        # Beyond the limits.
        ("[" * 100_000, 1, ["is nested too deeply", "expected at most 50"]),
        ("- " * 100_000, 1, ["is nested too deeply", "expected at most 50"]),
        ("\n" + "{a: " * 60 + "}" * 60, 2, ["is nested too deeply"]),
        ("[\n" * 2_000, 51, ["is nested too deeply"]),
        ('about: "' + "[" * 60 + '"\nx: @', 2, ["is not YAML"]),
        ("&a [*a]", 1, ["has too many values", "expected"]),
        ("&a {steps: *a}", 1, ["has too many values"]),
        ("&a {<<: *a}", 1, ["has too many values"]),
        (BOMB, None, ["has too many values"]),
        ("".join(f"k{i}: 1\n" for i in range(60_000)), None, ["has too many values"]),
        (GOOD + "#" * 1_048_576, 1, ["expected at most 1048576 bytes"]),
        # Merged keys come before the mapping's own; the last one wins.
        ("<<: {steps: 5}\nscenario: mine\nsteps:\n  - {ok: 1}\n", 4, ["steps[0].ok: 1", "expected object"]),
        ("<<: {seed: x}\n" + GOOD, 1, ["seed: 'x'", "expected integer"]),
    ],
)
def test_invalid_files(text: str | bytes, line: int | None, expected: list[str]) -> None:
    message = refusal(text)
    place = "mine.yaml:" if line is None else f"mine.yaml:{line}: "
    assert message.startswith(place)
    for words in expected:
        assert words in message


@pytest.mark.parametrize(
    ("when", "said"),
    [
        (
            "{prompt: {contians: x}}",
            "when.prompt: 'contians': unknown key (did you mean 'contains'?); expected contains",
        ),
        ("{fields: {n: {minimun: 1}}}", "when.fields.n: 'minimun': unknown key (did you mean 'minimum'?); expected "),
        ("{fields: {1: {2: x}}}", "when.fields.1: '2': unknown key; expected contains, regex, minimum, maximum"),
        ("{headers: {404: {regx: x}}}", "when.headers.404: 'regx': unknown key (did you mean 'regex'?); expected "),
        (
            "{endpoint: images/edit}",
            "when.endpoint: 'images/edit' is unknown (did you mean 'images/edits'?); expected",
        ),
    ],
)
def test_misspelled_conditions(when: str, said: str) -> None:
    """The same message in a file, in a one-shot step and in a query of the journal."""
    texts = {"scenario": f"scenario: x\nsteps: [{{ok: {{}}, when: {when}}}]", "step": f"{{ok: {{}}, when: {when}}}"}
    for part, text in {**texts, "verify": f"when: {when}"}.items():
        with pytest.raises(ScenarioError) as caught:
            parse(text.encode(), "x") if part == "scenario" else parse_part(text.encode(), "x", part)
        assert said in str(caught.value)


def test_keys_are_text() -> None:
    """As in JSON: no key becomes a number, a bool, a date or null."""
    step = parse_part(b"reply: {headers: {404: x}, body: {on: 1, ~: 2, 2026-01-01: 3, 1.0: 4}}", "step", "step")
    assert step["reply"] == {"headers": {"404": "x"}, "body": {"on": 1, "~": 2, "2026-01-01": 3, "1.0": 4}}


@pytest.mark.parametrize("ascii", [True, False])
def test_escaped_surrogates(ascii: bool) -> None:
    """Many programs escape a character beyond U+FFFF as two surrogates."""
    body = "a\U0001f98a\U00010000\U0010ffff\\ud83e\\udd8a"
    text = json.dumps({"reply": {"body": body}}, ensure_ascii=ascii)
    assert parse_part(text.encode(), "step", "step")["reply"]["body"] == body


BROKEN = """\
scenario: Mine
as_of: 2022-11-02
accept: [nothing]
colour: red
urls: {"https://x.test/a.png": none.png}
extends: none.yaml
steps:
  - {error: server-eror, tines: 2, when: {prompt: {regex: "("}, images: many}}
  - 5
  - {}
  - {ok: {pictures: [none.png]}, faults: [{nothing: 1}]}
  - {reply: {status: 204, body: x, headers: [a]}, chance: 2}
  - {ok: {}, when: {images: {minimum: 2, maximum: 1}}, times: [1, 2]}
"""


def test_all_errors_are_reported(tmp_path: Path) -> None:
    """An error in one place does not hide errors in others."""
    file = tmp_path / "mine.yaml"
    file.write_text(BROKEN)
    assert [(fault.line, re.split("[:;,] (?!as-of)", fault.message)[0]) for fault in faults_of(file)] == [
        (1, "scenario"),
        (2, "as_of: as-of 2022-11-02 is before 2022-11-03"),
        (3, "accept[0]"),
        (4, "'colour'"),
        (5, "urls.https://x.test/a.png"),
        (6, "extends"),
        (8, "steps[0]"),
        (8, "steps[0].when.images"),
        (8, "steps[0].when.prompt.regex"),
        (8, "steps[0].error"),
        (9, "steps[1]"),
        (9, "steps[1]"),
        (10, "steps[2]"),
        (11, "steps[3].faults[0]"),
        (11, "steps[3].ok.pictures[0]"),
        (12, "steps[4].reply.headers"),
        (12, "steps[4].chance"),
        (12, "steps[4].reply.body"),
        (13, "steps[5].times"),
        (13, "steps[5].when.images"),
    ]


def test_aliased_errors_are_reported_twice(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("scenario: mine\nsteps: [&a {error: nope, times: 0}, *a]\n")
    told = [fault.message.split(":")[0] for fault in faults_of(tmp_path / "mine.yaml")]
    assert sorted(told) == ["steps[0].error", "steps[0].times", "steps[1].error", "steps[1].times"]


def test_unreachable_states_beside_other_errors(tmp_path: Path) -> None:
    """Unless the step that leads to the state may be the invalid one."""
    steps = "scenario: mine\nsteps:\n  - {error: nope}\n  - {ok: {}, state: far, when: {prompt: {regex: '('}}}\n"
    (tmp_path / "mine.yaml").write_text(steps)
    assert [fault.line for fault in faults_of(tmp_path / "mine.yaml")] == [3, 3, 4]
    (tmp_path / "mine.yaml").write_text(steps + "  - {ok: {}, then_sate: far}\n")
    assert [fault.line for fault in faults_of(tmp_path / "mine.yaml")] == [3, 4, 5]


def test_unknown_keys_by_line() -> None:
    with pytest.raises(ScenarioError) as caught:
        parse((GOOD + "thenn: hold\nseed: 1\nlimit: 1\n").encode(), "mine.yaml")
    assert [fault.partition(";")[0] for fault in caught.value.errors] == [
        "mine.yaml:4: 'thenn': unknown key (did you mean 'then'?)",
        "mine.yaml:6: 'limit': unknown key (did you mean 'limits'?)",
    ]


def test_errors_are_sorted_by_line() -> None:
    steps = "".join(f"  - {{ok: {{}}, times: {'x' if i in (2, 10) else 1}}}\n" for i in range(12))
    assert refusal(f"scenario: mine\nsteps:\n{steps}seed: x\n").startswith("mine.yaml:5: steps[2].times: ")


@pytest.mark.parametrize("text", [GOOD + f"then: {'x' * 100_000}", error("x" * 100_000), GOOD + f"{'x' * 1000}: 1"])
def test_messages_are_short(text: str) -> None:
    assert len(refusal(text)) < 5_000


def test_maximum_number_of_steps() -> None:
    steps = "\n  - {ok: {}}" * 10_000
    assert len(parse(f"scenario: mine\nsteps:{steps}".encode(), "x").steps) == 10_000
    assert "expected maxItems 10000" in refusal(f"scenario: mine\nsteps:{steps}\n  - {{ok: {{}}}}")


@pytest.mark.parametrize("family", sorted(catalogue.families()))
def test_families(family: str) -> None:
    """A step can request every family, and each code that only one family has."""
    assert parse(error(family).encode(), "x").steps[1].error == family
    for row in catalogue.families()[family]:
        if row.code and len(catalogue.find_families(row.code)) == 1:
            assert parse(error(row.code).encode(), "x").steps[1].error == family


@pytest.mark.parametrize("name", data_files.names("scenarios", ".yaml"))
def test_built_in(name: str) -> None:
    scenario = load(name)
    assert scenario.name == name
    assert scenario.about


@pytest.mark.parametrize("place", ["mine.yaml", "dir.d/mine", "mine", "wie geht's ü.yml"])
def test_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text(GOOD, "utf-8")
    assert load(place) == load(str(tmp_path / place)) == Scenario("mine", (Step(1),))
    (tmp_path / place).write_text("5", "utf-8")
    with pytest.raises(ScenarioError, match=r"^.*:1: 5 has the wrong type; expected object$") as caught:
        load(place)
    assert str(caught.value).startswith(place)


@pytest.mark.parametrize("name", ["", "nothing", "no/such.yaml", ".", "..", "/", "a\0b", "\ud800", "OK"])
def test_unknown_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError, match=r"there is no scenario .*; expected one of .*, or a file"):
        load(name)


def test_directory(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="there is no scenario"):
        load(str(tmp_path))


def test_unreadable_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreadable file, and a name that no file can have."""
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD, "utf-8")

    def denied(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(ScenarioError, match=rf"mine\.yaml: cannot be read: {os.strerror(errno.EACCES)}"):
        load(str(path))
    with pytest.raises(ScenarioError, match=r"cannot be read: File name too long|there is no scenario"):
        load("x" * 5_000)


WORDS = st.sampled_from(["scenario", "about", "seed", "steps", "then", "ok", "error", "times", "retry_after", "<<"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.binary(max_size=4)
    | WORDS
    | st.sampled_from(["mine", "server-error", "invalid_value", "hold", 10**400])
)
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(WORDS | SCALARS, v, max_size=4), max_leaves=12
)
NEAR = st.fixed_dictionaries(
    {"scenario": st.just("mine") | VALUES, "steps": st.lists(st.dictionaries(WORDS, VALUES, max_size=3), max_size=3)},
    optional={"seed": VALUES, "then": VALUES, "about": VALUES},
)


def reads(text: bytes) -> None:
    try:
        scenario = parse(text, "mine.yaml")
    except ScenarioError as caught:
        said = str(caught)
    else:
        assert scenario.take_turn({}, RequestFacts())[0].scenario == scenario.name
        return
    assert said.startswith("mine.yaml:")


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text(st.characters() | st.sampled_from("[]{}&*!|>'\"%@`#,:?- \n\t<=~"), max_size=60))
def test_any_text(text: str) -> None:
    reads(text.encode("utf-8", "surrogatepass"))
    reads(GOOD.encode() + text.encode("utf-8", "surrogatepass"))


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    reads(data)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(VALUES | NEAR, st.booleans())
def test_any_structure(value: Any, flow: bool) -> None:
    reads(yaml.dump(value, allow_unicode=True, default_flow_style=flow).encode("utf-8", "surrogatepass"))


TAGS = st.sampled_from(
    [
        "int",
        "float",
        "bool",
        "null",
        "str",
        "binary",
        "timestamp",
        "omap",
        "pairs",
        "set",
        "seq",
        "map",
        "merge",
        "value",
        "own",
    ]
)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(TAGS, st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=6) | st.just("{=: x}"))
def test_any_tag(tag: str, text: str) -> None:
    reads(f"{GOOD}seed: !!{tag} {text}\n".encode())
    reads(f"{GOOD}!!{tag} {text}: 1\n".encode())


def test_accept() -> None:
    scenario = parse(
        b"scenario: mine\nas_of: 2026-04-21\naccept: [size-ratio, images.modes]\nsteps: [{ok: {}}]\n", "mine.yaml"
    )
    assert scenario.accept == {"size-ratio", "images.modes"}
    assert scenario.as_of == "2026-04-21"


@pytest.mark.parametrize("name", ["nothing", "mask-size", "images.bytes"])
def test_accepts_only_guesses(name: str) -> None:
    text = f"scenario: mine\nsteps: [{{ok: {{}}}}]\naccept:\n  - {name}\n"
    with pytest.raises(
        ScenarioError, match=r"mine.yaml:4: accept\[0\]: '.*' is not a guess; expected one of .*size-ratio"
    ):
        parse(text.encode(), "mine.yaml")


def folder(tmp_path: Path, **files: str) -> str:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
    return str(tmp_path / "mine.yaml")


def test_extends(tmp_path: Path) -> None:
    """The base's settings are defaults; its steps follow the file's own."""
    base = "scenario: b\nseed: 3\nlimits: {images: 5}\nsteps: [{error: server_error, times: 2}]\nthen: hold\n"
    mine = "scenario: mine\nextends: base.yaml\nabout: m\nsteps: [{error: org-verify, then_state: down}]\n"
    scenario = load(folder(tmp_path, base=base, mine=mine))
    assert (scenario.name, scenario.about, scenario.seed, scenario.then) == ("mine", "m", 3, "hold")
    assert [step.error for step in scenario.steps] == ["org-verify", "server-error"]
    assert [step.number for step in scenario.steps] == [1, 2]
    assert scenario.limits == {"images": 5}
    assert parse(json.dumps(scenario.data).encode(), "x") == scenario
    over = load(folder(tmp_path, mine="scenario: mine\nextends: flaky\nthen: ok\n"))
    assert [step.error for step in over.steps] == [step.error for step in load("flaky").steps]
    assert (over.then, over.seed, over.about) == ("ok", 7, load("flaky").about)


@pytest.mark.parametrize(
    ("mine", "fault"),
    [
        ("extends: mine.yaml", "mine.yaml:2: extends: 'mine.yaml' extends itself"),
        ("extends: other.yaml", "other.yaml:2: extends: 'mine.yaml' extends itself"),
        ("extends: ../x.yaml", "mine.yaml:2: extends: '../x.yaml' is not a file in the folder"),
        ("extends: /etc/passwd", "mine.yaml:2: extends: '/etc/passwd' is not a file in the folder"),
        ("extends: nothing", "mine.yaml:2: extends: 'nothing' is not a file in the folder"),
        ("extends: broken.yaml", "broken.yaml:1: "),
        ("steps: [{ok: {pictures: [x.png]}}]", "mine.yaml:2: steps[0].ok.pictures[0]: 'x.png' is not a file"),
        (
            "steps: [{ok: {}, state: dwon}]",
            "mine.yaml:2: steps: no step leads to the state 'dwon'; expected one of start",
        ),
        ("steps: [{reply: {headers: {Content-Length: '5'}}}]", "the server sets this header itself"),
        ("steps: [{reply: {status: 204, body: x}}]", "a response with status 204 has no body"),
        ("steps: [{ok: {}, when: {images: {minimum: 2, maximum: 1}}}]", "steps[0].when.images: the minimum is above"),
        ("steps: [{ok: {}, when: {fields: {n: {regex: '('}}}}]", "steps[0].when.fields.n.regex: '(' is not a regular"),
        (f"steps: [{', '.join(['{ok: {}, when: {prompt: {regex: x*y*z}}}'] * 2)}]", "could take too long"),
        ("about: x", "mine.yaml:1: the key 'steps' or 'extends' is missing"),
    ],
)
def test_invalid_combinations(tmp_path: Path, mine: str, fault: str) -> None:
    path = folder(
        tmp_path,
        mine=f"scenario: mine\n{mine}\n",
        other="scenario: other\nextends: mine.yaml\n",
        broken="scenario: Broken\nsteps: []\n",
    )
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert fault in str(caught.value)


def test_long_chain_of_extends(tmp_path: Path) -> None:
    files = {f"f{number}": f"scenario: f\nextends: f{number + 1}.yaml\n" for number in range(9)}
    with pytest.raises(ScenarioError, match="is file 9 of a chain of `extends`; expected at most 8"):
        load(folder(tmp_path, mine="scenario: mine\nextends: f0.yaml\n", **files))


def test_too_many_steps_together(tmp_path: Path) -> None:
    steps = "steps:" + "\n  - {ok: {}}" * 6000
    path = folder(tmp_path, base=f"scenario: b\n{steps}\n", mine=f"scenario: mine\nextends: base.yaml\n{steps}\n")
    with pytest.raises(ScenarioError, match="there are 12000 steps, including"):
        load(path)


def test_too_large_image_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.scenario.loader.PICTURE_BYTES", 5)
    (tmp_path / "a.png").write_bytes(b"123456")
    with pytest.raises(ScenarioError, match="image files together are too large"):
        load(folder(tmp_path, mine="scenario: mine\nsteps: [{ok: {pictures: [a.png]}}]\n"))


def test_without_a_folder() -> None:
    for line in ("extends: other.yaml", "steps: [{ok: {pictures: [a.png]}}]"):
        with pytest.raises(ScenarioError, match="a scenario without a file has no folder"):
            parse(f"scenario: mine\n{line}\n".encode(), "x")


@pytest.mark.parametrize("name", built_in_names())
def test_built_in_scenarios_satisfy_the_schema(name: str) -> None:
    """Loading a built-in scenario skips the schema for this reason."""
    assert lint.find_errors(read_document(spelled(name).encode(), name)) == []


@pytest.mark.parametrize("text", ["a: \x1f", "a: \x00", "\ufffe"])
def test_invalid_characters_give_one_line(text: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(text.encode(), "mine")
    (fault,) = caught.value.errors
    assert fault.startswith("mine:1: is not YAML: ")
    assert "\n" not in fault
