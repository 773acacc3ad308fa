"""curl: a client without a word of its own for anything."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from talk import ASKED, HOUSE, Session, families, fields, fills, refusing


@pytest.fixture
def house(tmp_path: Path) -> Path:
    file = tmp_path / "house.png"
    file.write_bytes(HOUSE)
    return file


def curl(url: str, *options: str) -> subprocess.CompletedProcess[str]:
    asked = [word for name, value in ASKED.items() for word in ("--form", f"{name}={value}")]
    command = ["curl", "--silent", "--show-error", "--header", "Authorization: Bearer sk-test", *asked, *options]
    return subprocess.run([*command, f"{url}/images/edits"], capture_output=True, text=True, timeout=30)


def test_plain(house: Path) -> None:
    talk = Session("curl-plain")
    answer: Any = json.loads(curl(talk.url, "--form", f"image=@{house}").stdout)
    assert answer["data"][0]["b64_json"].startswith("iVBOR")
    assert talk.files == [("image", "image/png")]


def test_several_and_mask(house: Path) -> None:
    talk = Session("curl-several")
    pictures = ["--form", f"image[]=@{house}", "--form", f"image[]=@{house}", "--form", f"mask=@{house}"]
    assert json.loads(curl(talk.url, *pictures).stdout)["data"]
    assert talk.files == [("image[]", "image/png")] * 2 + [("mask", "image/png")]


def test_stream(house: Path) -> None:
    options = ["--no-buffer", "--form", "stream=true", "--form", "partial_images=2", "--form", f"image=@{house}"]
    found = curl(Session("curl-stream").url, *options).stdout
    names = [line.removeprefix("event: ") for line in found.splitlines() if line.startswith("event: ")]
    assert names == ["image_edit.partial_image"] * 2 + ["image_edit.completed"]


@pytest.mark.parametrize("family", families(stream=False))
def test_refusal(family: str, house: Path) -> None:
    talk = refusing("curl", family)
    done = curl(talk.url, "--fail-with-body", "--write-out", "\n%{http_code}", "--form", f"image=@{house}")
    row, (body, _, status) = talk.row(family), done.stdout.rpartition("\n")
    assert (done.returncode, int(status)) == (22, row["status"])
    error = json.loads(body)["error"] if body else None
    if isinstance(error, dict):
        assert {name: error[name] for name in fields(row) if not fills(fields(row)[name], error[name])} == {}
    else:
        assert (row["wire"], bool(error)) in (("empty", False), ("string", True))


def test_flaky(house: Path) -> None:
    talk = Session("curl-flaky", "flaky")
    done = curl(talk.url, "--fail", "--retry", "3", "--retry-delay", "1", "--form", f"image=@{house}")
    assert (done.returncode, talk.statuses) == (0, [429, 429, 500, 200])


def test_truncated(house: Path) -> None:
    done = curl(Session("curl-truncated", "truncated_stream").url, "--form", f"image=@{house}")
    assert done.returncode in (18, 56)
