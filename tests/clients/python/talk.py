"""The server that `mockserver -- pytest` started, and its catalogue, as the tests see them. It knows no client."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import yaml

ROOT = os.environ["MOCKSERVER_URL"]
CONTRACTS = Path(os.environ.get("CONTRACTS") or Path(__file__).parents[3] / "contracts")
ROWS = {row["id"]: row for row in yaml.safe_load((CONTRACTS / "errors.yaml").read_text("utf-8"))["rows"]}
SIZE = {"quality": "low", "size": "1024x1024"}
MODEL = {"model": "gpt-image-2", "prompt": "Make it night"}
ASKED: dict[str, Any] = MODEL | SIZE
with urlopen(f"{ROOT}/__mock/sample.png") as answer:
    # A picture of 256 by 256 pixels with an alpha channel, so that it does for a mask too.
    HOUSE: bytes = answer.read()


def families(stream: bool) -> list[str]:
    """Those that a scenario can order, in a stream or outside of one; Azure has some of its own."""
    rows = [row for row in ROWS.values() if "provider" not in row and (row["at"] == "stream") == stream]
    return list(dict.fromkeys(row["family"] for row in rows))


class Session:
    """A session of its own, which plays steps, or a built-in scenario by its name."""

    def __init__(self, name: str, scenario: str | list[Any] = "ok") -> None:
        played = {"extends": scenario} if isinstance(scenario, str) else {"steps": scenario, "then": "hold"}
        body = json.dumps({"scenario": name, **played}).encode()
        with urlopen(Request(f"{ROOT}/__mock/scenario?session={name}", body, method="PUT")):
            self.name, self.url = name, f"{ROOT}/__mock/s/{name}/v1"

    @property
    def entries(self) -> list[Any]:
        with urlopen(f"{ROOT}/__mock/journal?session={self.name}") as answer:
            found: list[Any] = json.load(answer)["entries"]
        return found

    @property
    def statuses(self) -> list[int]:
        return [entry["answer"]["status"] for entry in self.entries]

    @property
    def files(self) -> list[tuple[str, str]]:
        """The field and the type of each file of the last request."""
        return sorted((file["field"], file["declared_type"]) for file in self.entries[-1]["request"]["files"])

    def row(self, family: str) -> Any:
        """The row of the catalogue that answered last; it must be one of the family that was ordered."""
        row = ROWS[self.entries[-1]["answer"]["row"]]
        assert row["family"] == family
        return row


def refusing(client: str, family: str) -> Session:
    """A session that answers all with one family of the catalogue."""
    return Session(f"{client}-{family}", [{"error": family, "times": "forever"}])


def fields(row: Any) -> dict[str, Any]:
    """What a client can know of a refusal: nothing where the body is empty or its error is but a text."""
    bare = row.get("wire") in ("empty", "string")
    return {name: None if bare else row[name] for name in ("type", "param", "code")}


def fills(template: str | None, value: Any) -> bool:
    """Does a value fill a template of the catalogue, in which {name} stands for any text?"""
    if template is None:
        return value is None
    pattern = ".*".join(map(re.escape, re.split(r"\{\w+\}", template)))
    return re.fullmatch(pattern, str(value), re.DOTALL) is not None


def taken(name: str, edit: Callable[[str], object]) -> list[str]:
    """The faults of the scenario `hostile` whose answers are taken for a success; the last one only stalls."""
    played, found = Session(name, "hostile"), []
    for _ in range(27):
        try:
            edit(played.url)
        except Exception:  # of any kind: that they are not always the client's own is another matter
            continue
        turn = played.entries[-1]["turn"]
        # A fault of streams finds nothing to do in a JSON answer. Which byte is garbled is a matter of chance.
        if turn["hostile"] and turn["faults"] != ["garble"]:
            found += turn["faults"]
    return found
