"""The calls and parameters that the contract allows for a model on a date."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import xxhash

from mockserver.contract.asof import as_of
from mockserver.contract.openapi import bundle
from mockserver.core.request import Part, Request
from mockserver.engine.understand import understand
from mockserver.engine.values import Settings
from mockserver.harness.fuzz.case import KEY, Case, File

# Fields of a case itself, and those that are not plain parameters of a form.
EXCLUDED = ("model", "prompt", "image", "mask", "markup", "stream")
SIZES = ("auto", "1024x1024", "1024x1536", "1536x1024", "2048x1152", "256x256")


def load_parameters(model: str, day: str) -> dict[str, Any]:
    """The JSON Schemas of a model's parameters, besides prompt and files, by name.

    Raises ValueError for a model that has no edits on that date.
    """
    form = bundle(as_of(day))["components"]["schemas"]["edit-form"]
    group = next((one for one in form["anyOf"] if model in _models(one)), None)
    if group is None:
        raise ValueError(
            f"{model} has no edits as of {day}: expected one of {', '.join(dict.fromkeys(_all_models(form)))}"
        )
    parameters = {}
    for name, schema in form["properties"].items():
        own = group["properties"].get(name, {})
        if name not in EXCLUDED and "[" not in name and own is not False:
            parameters[name] = {**schema, **(own if isinstance(own, Mapping) else {})}
    sizes = [size for size in SIZES if is_allowed(Case(options={"size": size}), model, day)]
    return parameters | ({"size": {"enum": sizes}} if "size" in parameters else {})


def _models(group: Mapping[str, Any]) -> list[str]:
    rule = group["properties"].get("model")
    return list(rule.get("enum", [rule.get("const")])) if isinstance(rule, Mapping) else []


def _all_models(form: Mapping[str, Any]) -> list[str]:
    return [model for group in form["anyOf"] for model in _models(group) if model]


def is_allowed(case: Case, model: str, day: str) -> bool:
    """Whether the server responds to the call with images if the client sends it correctly."""
    fields = {"model": model, "prompt": case.prompt, **case.options} | ({"stream": True} if case.stream else {})
    parts = [_build_part(name, None, None, _encode(value)) for name, value in fields.items()]
    name = "image[]" if len(case.images) > 1 else "image"
    files = [(name, file) for file in case.images] + ([("mask", case.mask)] if case.mask else [])
    parts += [_build_file_part(field, file) for field, file in files]
    headers = (("authorization", f"Bearer {KEY}"), ("content-type", "multipart/form-data; boundary=x"))
    request = Request("POST", "/v1/images/edits", headers, parts=tuple(parts))
    return understand(request, Settings(as_of(day))).job is not None


def _build_file_part(field: str, file: File) -> Part:
    return _build_part(field, "a", file.media_type, file.data)


def _build_part(name: str, filename: str | None, kind: str | None, data: bytes) -> Part:
    return Part(name, filename, kind, data, xxhash.xxh3_128_hexdigest(data))


def _encode(value: Any) -> bytes:
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def normalize_numbers(case: Case) -> Case:
    """Turn whole floats into integers: JSON Schema does not distinguish them, but a form does."""
    return replace(case, options=_normalize(case.options))


def _normalize(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _normalize(item) for name, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value
