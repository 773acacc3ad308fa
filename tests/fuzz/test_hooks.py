"""`schemathesis run` with the project's schemathesis.toml, against a running server."""

import subprocess
import sys
from pathlib import Path

import pytest

import mockserver
from tests.cli.test_cli import serving

HOME = Path(mockserver.__file__).parents[1]


@pytest.mark.slow
@pytest.mark.usefixtures("unmeasured")
def test_run() -> None:
    """No check fails, on any path, in any order that the links allow."""
    with serving("--auth", "exact", "--key", "sk-schemathesis") as started:
        call = [sys.executable, "-m", "schemathesis.cli", "run", f"{started.root}/__mock/openapi.json", "--no-color"]
        options = ["--max-examples", "3", "--seed", "1", "--phases", "fuzzing,stateful"]
        done = subprocess.run([*call, *options], capture_output=True, text=True, cwd=HOME, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "Stateful" in done.stdout
