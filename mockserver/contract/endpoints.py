"""Paths, methods and request bodies of the endpoints, by date. Read from contracts/endpoints.yaml."""

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
    """An endpoint that a path leads to, under one of the API's roots.

    `about` is `models` or `files` for endpoints that make no images. `names` are the path segments that name a model
    or a file. `since` is the first api-version with the endpoint, if the root requires an api-version.
    """

    endpoint: str
    methods: tuple[str, ...]
    provider: str
    about: str | None
    names: Mapping[str, str]
    since: str | None
    hint: str | None


def rows() -> Mapping[str, Mapping[str, Any]]:
    endpoints: Mapping[str, Mapping[str, Any]] = data_files.contract("endpoints.yaml")["endpoints"]
    return endpoints


def route(path: str, as_of: AsOf) -> Route | None:
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
    schemas = {body["schema"] for row in rows().values() for body in row.get("bodies", ())}
    properties = [data_files.contract(f"schemas/{schema}.json")["properties"] for schema in schemas]
    return frozenset(name for group in properties for name in group if group[name].get("format") != "binary")


def body_schema(
    endpoint: str, media_type: str, as_of: AsOf, group: str = "gpt-image", own: Mapping[str, Any] | None = None
) -> str:
    """The schema of a body with that media type, at an endpoint on a date, for a group of models.

    `own` are a dialect's bodies, which replace the API's. Raises Problem `content-type` for an unsupported type.
    """
    if own and endpoint in own:
        if media_type not in own[endpoint]:
            raise Problem("content-type", content_type=media_type, accepted=join_quoted(own[endpoint], "or"))
        own_schema: str = own[endpoint][media_type]
        return own_schema
    accepted = [
        row
        for row in rows()[endpoint]["bodies"]
        if as_of.holds(row.get("since"), row.get("until")) and group in row.get("groups", (group,))
    ]
    for row in accepted:
        if row["type"] == media_type:
            schema: str = row["schema"]
            return schema
    raise Problem(
        "content-type", content_type=media_type, accepted=join_quoted([row["type"] for row in accepted], "or")
    )
