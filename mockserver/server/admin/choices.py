"""What the page offers: the built-in scenarios, and the models that edit images as of the server's date."""

from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import Capability, table
from mockserver.scenario import loader

ENDPOINT = "images/edits"


def choices(as_of: AsOf) -> dict[str, Any]:
    return {
        "scenarios": [
            {"name": name, "about": loader.load(name).about, "yaml": loader.read_built_in(name)}
            for name in loader.built_in_names()
        ],
        "models": [_model(capability) for capability in table().values() if capability.is_served(as_of, ENDPOINT)],
    }


def _model(capability: Capability) -> dict[str, Any]:
    return {
        "model": capability.model,
        "sizes": _values(capability, "size"),
        "qualities": _values(capability, "quality"),
    }


def _values(capability: Capability, name: str) -> list[str]:
    schema = capability.parameter_schema(name)
    return list(schema.get("enum", ())) if schema else []
