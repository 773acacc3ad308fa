"""A scenario as text for Redis: its data, and the files that it names."""

import base64
import json
from pathlib import Path

import xxhash

from mockserver.scenario.machine import Scenario, build


def pack(scenario: Scenario) -> str:
    files = dict(_files(scenario))
    held = {name: base64.b64encode(data).decode("ascii") for name, data in files.items()}
    folder = scenario.folder and str(scenario.folder)
    return json.dumps({"data": scenario.data, "files": held, "folder": folder}, sort_keys=True)


def unpack(text: str | bytes) -> Scenario:
    held = json.loads(text)
    files = {name: base64.b64decode(data) for name, data in held["files"].items()}
    return build(held["data"], files, held["folder"] and Path(held["folder"]))


def label(text: str) -> str:
    return xxhash.xxh3_128_hexdigest(text.encode())


def _files(scenario: Scenario) -> list[tuple[str, bytes]]:
    steps = zip(scenario.data["steps"], scenario.steps, strict=True)
    named = [(data.get("ok", {}).get("pictures", ()), step.pictures) for data, step in steps]
    pictures = [pair for names, files in named for pair in zip(names, files, strict=True)]
    return pictures + [(name, scenario.urls[url]) for url, name in scenario.data.get("urls", {}).items()]
