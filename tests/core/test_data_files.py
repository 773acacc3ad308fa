"""The data files: next to the package in a checkout, inside it when installed."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from mockserver.contract import capabilities, catalogue
from mockserver.contract.asof import latest_date
from mockserver.core import data_files

ROOT = Path(__file__).parents[2]
PROBE = """
import json, sys
from mockserver.core import data_files
from mockserver.contract import capabilities, catalogue
from mockserver.contract.asof import latest_date
from mockserver.contract.tokens import count_text_tokens
from mockserver.scenario.loader import load
print(json.dumps({
    "where": str(data_files.folder("contracts")),
    "latest": str(latest_date()),
    "models": list(capabilities.table()),
    "rows": len(catalogue.rows()),
    "page": len(data_files.page()),
    "tokens": count_text_tokens("a siamese cat"),
    "scenarios": {name: load(name).name for name in data_files.names("scenarios", ".yaml")},
}))
"""


@pytest.mark.parametrize("name", ["contracts", "scenarios"])
def test_checkout(name: str) -> None:
    assert Path(str(data_files.folder(name))).resolve() == ROOT / name


@pytest.mark.parametrize(
    ("folder", "suffix", "some"),
    [
        ("scenarios", ".yaml", {"ok", "flaky"}),
        ("contracts", ".yaml", {"errors", "models", "openapi"}),
        ("contracts/schemas", ".json", {"edit-form", "scenario", "journal"}),
        ("contracts/schemas", ".yaml", set()),
    ],
)
def test_names(folder: str, suffix: str, some: set[str]) -> None:
    found = list(data_files.names(folder, suffix))
    assert some <= set(found)
    assert found == sorted(path.name.removesuffix(suffix) for path in (ROOT / folder).glob(f"*{suffix}"))


@pytest.mark.parametrize(
    "path",
    sorted(
        path.relative_to(ROOT / "contracts").as_posix() for path in (ROOT / "contracts").rglob("*.[jy][sa][om][nl]")
    ),
)
def test_contract(path: str) -> None:
    """Every file is read once, with the same result as a plain parser's."""
    data = data_files.contract(path)
    assert data
    assert data_files.contract(path) is data
    if path.endswith(".json"):
        assert data == json.loads((ROOT / "contracts" / path).read_text("utf-8"))


def test_unknown_contract() -> None:
    with pytest.raises(FileNotFoundError):
        data_files.contract("nothing.yaml")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as the wheel lays it out, by pyproject.toml's own table."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    site = tmp_path_factory.mktemp("site")
    for package in wheel["packages"]:
        shutil.copytree(ROOT / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    for source, target in wheel["force-include"].items():
        shutil.copytree(ROOT / source, site / target)
    return site


@pytest.mark.parametrize("packed", [False, True])
def test_installed(installed: Path, tmp_path: Path, packed: bool) -> None:
    """All data is inside the package, also if it is imported from a zip archive."""
    site = installed
    if packed:
        site = tmp_path / "site.zip"
        with zipfile.ZipFile(site, "w") as archive:
            for path in installed.rglob("*"):
                archive.write(path, path.relative_to(installed))
    environment = os.environ | {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    said = json.loads(run.stdout)
    assert said.pop("where").startswith(str(site / "mockserver" / "data" / "contracts"))
    assert said == {
        "latest": str(latest_date()),
        "models": list(capabilities.table()),
        "rows": len(catalogue.rows()),
        "page": len(data_files.page()),
        "tokens": 4,
        "scenarios": {name: name for name in data_files.names("scenarios", ".yaml")},
    }


@pytest.mark.parametrize("name", sorted(str(one.relative_to(ROOT)) for one in (ROOT / "contracts").rglob("*.yaml")))
def test_loaders_agree(name: str) -> None:
    """PyYAML without libyaml reads the same."""
    text = (ROOT / name).read_text("utf-8")
    assert yaml.load(text, Loader=yaml.SafeLoader) == yaml.load(text, Loader=data_files.LOADER)
