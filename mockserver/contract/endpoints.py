"""The endpoints: paths, methods and bodies by date. Reads contracts/endpoints.yaml; names no endpoint."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.contract.catalogue import Problem, join_quoted
from mockserver.core import data_files


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path leads: an endpoint, by way of one of the API's roots.

    `about` says what it speaks of where it makes no pictures: models or files. `names` are the segments of the path
    that name a model or a file. `since` is the first api-version that has the endpoint, where the root asks for one.
    """

    endpoint: str
    methods: tuple[str, ...]
    provider: str
    about: str | None
    names: Mapping[str, str]
    since: str | None
    hint: str | None


def rows() -> Mapping[str, Mapping[str, Any]]:
    """The endpoints' rows, by name."""
    found: Mapping[str, Mapping[str, Any]] = data_files.contract("endpoints.yaml")["endpoints"]
    return found


def route(path: str, as_of: AsOf) -> Route | None:
    """Where a path leads on a day, or None."""
    for pattern, root, endpoint in _patterns():
        match = pattern.fullmatch(path)
        row = rows()[endpoint]
        if match and (as_of.is_any or as_of.holds(None, row.get("until"))):
            since, methods = root.get("versions", {}).get(endpoint), tuple(row["methods"])
            return Route(
                endpoint, methods, root["provider"], row.get("about"), match.groupdict(), since, root.get("hint")
            )
    return None


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Mapping[str, Any], str], ...]:
    roots = data_files.contract("endpoints.yaml")["roots"]
    return tuple(
        (re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", root["path"] + row["path"])), root, name)
        for root in roots
        for name, row in rows().items()
        if "{model}" not in root["path"] or (name in root["versions"])
    )


@cache
def known_fields() -> frozenset[str]:
    """The names of all fields, other than files, that the API has had in any body."""
    schemas = {body["schema"] for row in rows().values() for body in row.get("bodies", ())}
    properties = [data_files.contract(f"schemas/{schema}.json")["properties"] for schema in schemas]
    return frozenset(name for one in properties for name in one if one[name].get("format") != "binary")


def body_schema(
    endpoint: str, media_type: str, as_of: AsOf, group: str = "gpt-image", own: Mapping[str, Any] | None = None
) -> str:
    """The schema of a body of that type, there and then, for a group of models.

    `own` are the bodies of a dialect, which count in place of the API's. Raises Problem `content-type` where none is
    taken.
    """
    if own and endpoint in own:
        if media_type not in own[endpoint]:
            raise Problem("content-type", content_type=media_type, accepted=join_quoted(own[endpoint], "or"))
        found: str = own[endpoint][media_type]
        return found
    taken = [
        row
        for row in rows()[endpoint]["bodies"]
        if as_of.holds(row.get("since"), row.get("until")) and group in row.get("groups", (group,))
    ]
    for row in taken:
        if row["type"] == media_type:
            schema: str = row["schema"]
            return schema
    raise Problem("content-type", content_type=media_type, accepted=join_quoted([row["type"] for row in taken], "or"))
