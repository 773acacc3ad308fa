"""The endpoints: paths, methods and bodies by date. Reads contracts/endpoints.yaml; names no endpoint."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from mockserver import resources
from mockserver.contract.asof import AsOf
from mockserver.contract.catalogue import Problem, listed


@cache
def routes() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Path to endpoint and methods."""
    data: Mapping[str, Mapping[str, Any]] = resources.contract("endpoints.yaml")
    return {row["path"]: (name, tuple(row["methods"])) for name, row in data.items()}


def body(endpoint: str, media_type: str, as_of: AsOf, group: str = "gpt-image") -> str:
    """The schema of a body of that type, there and then, for a group of models.

    Raises Problem `content-type` where none is taken.
    """
    rows = [
        row
        for row in resources.contract("endpoints.yaml")[endpoint]["bodies"]
        if as_of.holds(row.get("since"), row.get("until")) and group in row.get("groups", (group,))
    ]
    for row in rows:
        if row["type"] == media_type:
            schema: str = row["schema"]
            return schema
    raise Problem("content-type", content_type=media_type, accepted=listed([row["type"] for row in rows], "or"))
