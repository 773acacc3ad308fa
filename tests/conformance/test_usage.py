"""Usage to the token: every recording is a case, or is left out for a reason; and the cases hold, in memory."""

import re

import pytest

from mockserver.contract.asof import as_of
from mockserver.core import data_files
from mockserver.engine.values import Settings
from mockserver.harness.conformance.cases import Case, build, load
from mockserver.harness.conformance.compare import compare
from mockserver.harness.conformance.in_process import replied

# What was collected: usage-observed.json has so many.
RECORDINGS = 48
CASES = [case for case in load() if case.file == "usage"]


def stands_for(case: Case) -> int:
    """The number of recordings that a case says it stands for."""
    match = re.search(r"Stands for (\d+) recordings?\.$", case.about)
    assert match, case.id
    return int(match[1])


def test_every_recording_is_accounted_for() -> None:
    left = data_files.contract("usage-left-out.yaml")["left_out"]
    assert all(row["why"] and row["what"] for row in left)
    assert sum(map(stands_for, CASES)) + sum(row["recordings"] for row in left) == RECORDINGS


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_to_the_token(case: Case) -> None:
    last = [case.last()] if case.until else ["latest"]
    for day in {str(case.since), case.label(), *last, *(["any"] if case.any else [])}:
        reply = replied(case, build(case, "sk-usage"), Settings(as_of(day), "open", paint="flat"))
        assert compare(case, *reply) == [], day
