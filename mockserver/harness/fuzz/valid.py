"""Which calls the contract allows, and what its parameters are, for a model and a day. Draws nothing."""

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

# What a case says by itself, and what is no plain parameter of a form.
APART = ("model", "prompt", "image", "mask", "markup", "stream")
SIZES = ("auto", "1024x1024", "1024x1536", "1536x1024", "2048x1152", "256x256")


def parameters(model: str, day: str) -> dict[str, Any]:
    """The JSON Schemas of the parameters that a model takes beside prompt and files, by name.

    Raises ValueError for a model that makes no edits on that day.
    """
    form = bundle(as_of(day))["components"]["schemas"]["edit-form"]
    group = next((one for one in form["anyOf"] if model in _models(one)), None)
    if group is None:
        raise ValueError(f"{model} makes no edits as of {day}: expected one of {', '.join(dict.fromkeys(_all(form)))}")
    found = {}
    for name, schema in form["properties"].items():
        own = group["properties"].get(name, {})
        if name not in APART and "[" not in name and own is not False:
            found[name] = {**schema, **(own if isinstance(own, Mapping) else {})}
    sizes = [size for size in SIZES if allowed(Case(options={"size": size}), model, day)]
    return found | ({"size": {"enum": sizes}} if "size" in found else {})


def _models(group: Mapping[str, Any]) -> list[str]:
    rule = group["properties"].get("model")
    return list(rule.get("enum", [rule.get("const")])) if isinstance(rule, Mapping) else []


def _all(form: Mapping[str, Any]) -> list[str]:
    return [model for group in form["anyOf"] for model in _models(group) if model]


def allowed(case: Case, model: str, day: str) -> bool:
    """Would the server serve the call of a case, put as it should be?"""
    fields = {"model": model, "prompt": case.prompt, **case.options} | ({"stream": True} if case.stream else {})
    parts = [_part(name, None, None, _text(value)) for name, value in fields.items()]
    name = "image[]" if len(case.images) > 1 else "image"
    files = [(name, file) for file in case.images] + ([("mask", case.mask)] if case.mask else [])
    parts += [_file(field, file) for field, file in files]
    headers = (("authorization", f"Bearer {KEY}"), ("content-type", "multipart/form-data; boundary=x"))
    request = Request("POST", "/v1/images/edits", headers, parts=tuple(parts))
    return understand(request, Settings(as_of(day))).job is not None


def _file(field: str, file: File) -> Part:
    return _part(field, "a", file.media_type, file.data)


def _part(name: str, filename: str | None, kind: str | None, data: bytes) -> Part:
    return Part(name, filename, kind, data, xxhash.xxh3_128_hexdigest(data))


def _text(value: Any) -> bytes:
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def integral(case: Case) -> Case:
    """The case with integers for whole numbers, which JSON Schema does not tell apart."""
    return replace(case, options=_integral(case.options))


def _integral(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _integral(item) for name, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value
