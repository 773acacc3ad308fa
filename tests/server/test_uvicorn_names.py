"""A release of uvicorn in which a private name is gone: the server starts, and reports what is off."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from uvicorn.protocols.http import flow_control, httptools_impl

from mockserver.server.uvicorn_protocol import PRIVATE_NAMES, find_missing_names
from tests.support import renamed_uvicorn
from tests.support.images import png
from tests.support.renamed_uvicorn import rename

NAMES = [f"{owner}.{name}" for owner, names in PRIVATE_NAMES.items() for name in names]

SCENARIO = "scenario: own\nsteps:\n  - {ok: {}}\n  - {ok: {}, faults: [{reset: start}]}\n"
# An edit, then one on which the scenario requests a fault that needs the connection.
CLIENT = """
import sys
from openai import InternalServerError, OpenAI

def edit():
    return OpenAI(max_retries=0).images.edit(model="gpt-image-2", prompt="x", image=open(sys.argv[1], "rb"))

assert edit().data[0].b64_json
try:
    edit()
except InternalServerError as error:
    print("status", error.status_code)
"""


def load_renamed(name: str) -> ModuleType:
    """uvicorn's httptools protocol in which a name is renamed."""
    namespaces = []
    for module in (flow_control, httptools_impl):
        changed = ModuleType(module.__name__)
        exec(rename(name, Path(module.__file__).read_text()), changed.__dict__)
        namespaces.append(changed)
    namespaces[1].__dict__["FlowControl"] = namespaces[0].__dict__["FlowControl"]
    return namespaces[1]


def test_no_name_is_missing_today() -> None:
    assert find_missing_names(httptools_impl) == []


@pytest.mark.parametrize("name", NAMES)
def test_each_missing_name_is_found(name: str) -> None:
    attribute = name.partition(".")[2]
    missing = find_missing_names(load_renamed(attribute))
    assert name in missing
    assert all(other.endswith(f".{attribute}") for other in missing)


def test_a_missing_class_is_found() -> None:
    assert find_missing_names(load_renamed("RequestResponseCycle")) == ["RequestResponseCycle"]


@pytest.mark.parametrize("name", ["RequestResponseCycle", "more_body"])
def test_the_server_works_without_a_name(name: str, tmp_path: Path) -> None:
    image = tmp_path / "house.png"
    image.write_bytes(png())
    scenario = tmp_path / "own.yaml"
    scenario.write_text(SCENARIO)
    client = [sys.executable, "-c", CLIENT, str(image)]
    server = [sys.executable, renamed_uvicorn.__file__, name, "--scenario", str(scenario), "--paint", "flat"]
    home = str(Path(__file__).parents[2])
    done = subprocess.run([*server, "--", *client], capture_output=True, text=True, timeout=120, cwd=home)
    assert (done.returncode, done.stdout) == (0, "status 500\n"), done.stderr
    first = done.stderr.splitlines()[0]
    assert first.startswith("mockserver: uvicorn ")
    assert name in first
    assert "these features are off: wire faults" in first
    assert "WireFaultNeedsSocket" in done.stderr
