"""The contract as one OpenAPI document for a date: contracts/openapi.yaml with all schemas inlined."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import PurePosixPath
from typing import Any

from mockserver.contract import endpoints
from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import default_model, table
from mockserver.core import data_files


@cache
def bundle(as_of: AsOf) -> Any:
    """The whole document, with the models, parameters and bodies of that date. Shared: do not modify it."""
    names = data_files.names("contracts/schemas", ".json")
    document = _localize_refs(data_files.contract("openapi.yaml"), None)
    schemas = {name: _localize_refs(data_files.contract(f"schemas/{name}.json"), name) for name in names}
    document["components"]["schemas"] = schemas
    for endpoint, row in endpoints.rows().items():
        path = f"/v1{row['path']}"
        if not as_of.is_any and not as_of.holds(None, row.get("until")):
            del document["paths"][path]
            continue
        for body in row.get("bodies", ()):
            content = document["paths"][path]["post"]["requestBody"]["content"]
            if as_of.holds(body.get("since"), body.get("until")):
                if "model" in schemas[body["schema"]]["properties"]:
                    _restrict_schema(schemas[body["schema"]], endpoint, as_of)
            else:
                del content[body["type"]]
    return document


def _restrict_schema(schema: dict[str, Any], endpoint: str, as_of: AsOf) -> None:
    properties = schema["properties"]
    for name in list(properties):
        since = properties[name].get("x-since")
        if since and not as_of.holds(date.fromisoformat(since), None):
            del properties[name]
    served = {name for name, capability in table().items() if capability.is_served(as_of, endpoint)}
    properties["model"]["enum"] = [name for name in properties["model"]["enum"] if name in served]
    default = default_model(endpoint, as_of, {})
    schema["anyOf"] = [group for group in schema["anyOf"] if _restrict_group(group, served, default, as_of, schema)]
    if default is None:
        schema["required"] = ["model", *schema["required"]]


def _restrict_group(
    group: dict[str, Any], served: set[str], default: str | None, as_of: AsOf, schema: Mapping[str, Any]
) -> bool:
    model = group["properties"]["model"]
    if model is False:  # bodies without a model get the default
        return default is not None
    available = [name for name in model.get("enum", [model.get("const")]) if name in served]
    group["properties"]["model"] = {"enum": available}
    other = [parameter for parameter in group.get("required", []) if parameter != "model"]
    group["required"] = other if default in available else ["model", *other]
    for name in available:
        for _, rule in table()[name].rules(as_of):
            if "forbids" not in rule:
                _exclude_value(group["properties"], name, rule["when"], schema["properties"])
    return bool(available)


def _exclude_value(group: dict[str, Any], model: str, conditions: Mapping[str, Any], base: Mapping[str, Any]) -> None:
    ((param, value), *more) = conditions.items()
    if more or not isinstance(value, str) or value == "any" or param not in base:
        return
    values = [item for item in table()[model].parameter_schema(param)["enum"] if item != value]
    group[param] = {"enum": [*values, *([None] if "null" in base[param]["type"] else [])]}


def _localize_refs(value: Any, home: str | None) -> Any:
    if isinstance(value, dict):
        copied = {key: _localize_refs(item, home) for key, item in value.items() if key not in ("$schema", "$id")}
        if "$ref" in value:
            file, _, place = value["$ref"].partition("#")
            name = PurePosixPath(file).stem or home
            copied["$ref"] = f"#/components/schemas/{name}{place}" if name else value["$ref"]
        return copied
    if isinstance(value, list):
        return [_localize_refs(item, home) for item in value]
    return value
