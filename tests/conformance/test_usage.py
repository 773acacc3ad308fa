"""Token usage: every recording is a case or is excluded with a reason, and the cases hold in memory."""

import re

import pytest

from mockserver.contract.asof import as_of
from mockserver.core import data_files
from mockserver.engine.values import Settings
from mockserver.harness.conformance.cases import Case, build_call, load
from mockserver.harness.conformance.compare import compare
from mockserver.harness.conformance.in_process import respond_to

# The number of recordings in usage-observed.json.
RECORDINGS = 48
CASES = [case for case in load() if case.file == "usage"]


def count_recordings(case: Case) -> int:
    match = re.search(r"Covers (\d+) recordings?\.$", case.about)
    assert match, case.id
    return int(match[1])


def test_recordings_are_complete() -> None:
    excluded = data_files.contract("usage-left-out.yaml")["left_out"]
    assert all(row["why"] and row["what"] for row in excluded)
    assert sum(map(count_recordings, CASES)) + sum(row["recordings"] for row in excluded) == RECORDINGS


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_usage(case: Case) -> None:
    last = [case.last_day] if case.until else ["latest"]
    for day in {str(case.since), case.label, *last, *(["any"] if case.any else [])}:
        reply = respond_to(case, build_call(case, "sk-usage"), Settings(as_of(day), "open", paint="flat"))
        assert compare(case, *reply) == [], day
