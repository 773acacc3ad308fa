"""`/v1/models`: the list of the models that are served as of a date, and one of them."""

from datetime import UTC, datetime, time
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.contract.capabilities import Capability, table
from mockserver.contract.catalogue import Problem


def understand_models(model: str | None, as_of: AsOf) -> dict[str, Any]:
    served = {
        name: capability
        for name, capability in table().items()
        if any(capability.is_served(as_of, endpoint) for endpoint in capability.row["endpoints"])
    }
    if model is None:
        return {"object": "list", "data": [_describe(capability) for capability in served.values()]}
    if model not in served:
        raise Problem("model-unknown", model=model)
    return _describe(served[model])


def _describe(capability: Capability) -> dict[str, Any]:
    created = datetime.combine(capability.released, time(), UTC).timestamp()
    return {"id": capability.model, "object": "model", "created": int(created), "owned_by": "system"}
