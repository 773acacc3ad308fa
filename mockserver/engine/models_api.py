"""What the API tells of its models: the list of those that are served on a day, and one of them."""

from datetime import UTC, datetime, time
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import Capability, table
from mockserver.contract.catalogue import Problem


def told(model: str | None, as_of: AsOf) -> dict[str, Any]:
    """The body about one model, or about all. Raises Problem `model-unknown` for one that is not there."""
    there = {
        name: capability
        for name, capability in table().items()
        if any(capability.served(as_of, endpoint) for endpoint in capability.row["endpoints"])
    }
    if model is None:
        return {"object": "list", "data": [_described(capability) for capability in there.values()]}
    if model not in there:
        raise Problem("model-unknown", model=model)
    return _described(there[model])


def _described(capability: Capability) -> dict[str, Any]:
    created = datetime.combine(capability.released, time(), UTC).timestamp()
    return {"id": capability.model, "object": "model", "created": int(created), "owned_by": "system"}
