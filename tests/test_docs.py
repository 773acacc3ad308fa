"""The documents: what they say is run, and names everything there is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mockserver import pytest_plugin
from tests.plugin.test_fixtures import project, run

__all__ = ["project"]

DOCS = Path(__file__).parents[1] / "docs"
FIXTURES = (DOCS / "fixtures.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", FIXTURES, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_fixtures(pytester: pytest.Pytester, number: int) -> None:
    code = BLOCKS[number]
    if "def test_" in code:
        pytester.makepyfile(test_theirs=code)
        run(pytester).assert_outcomes(passed=1, warnings=1)
    else:
        done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_every_fixture_and_word() -> None:
    fixtures = [name for name in vars(pytest_plugin) if name.startswith("images_mock")]
    assert len(fixtures) > 5
    options = [f"--images-mock-{word.replace('_', '-')}" for word in pytest_plugin.WORDS]
    assert [name for name in [*fixtures, *options, *pytest_plugin.WORDS] if f"`{name}" not in FIXTURES] == []
