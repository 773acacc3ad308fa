"""What a served job used, what that costs and how long it takes. Spells nothing."""

from typing import Any

from mockserver.contract import tokens
from mockserver.contract.asof import AsOf
from mockserver.core.cache import Shelf
from mockserver.engine.context import Context
from mockserver.engine.job import Job

# Answers asked for again are not counted again.
USAGE = Shelf[tuple[dict[str, Any], float | None]](4_096, lambda _: 1)


def usage(job: Job, context: Context) -> tuple[dict[str, Any] | None, float | None]:
    """The usage block of a served job and its price in US dollars, each None where the model has none."""
    if not job.capability.row["usage"]:
        return None, None
    partials = job.parameters["partial_images"] if job.stream else 0
    key = (job.digest, job.endpoint, job.resolved, context.as_of.label)
    return USAGE.get(key, lambda: _counted(job, context.as_of, partials))


def _counted(job: Job, as_of: AsOf, partials: int) -> tuple[dict[str, Any], float | None]:
    used = tokens.compute_usage(
        job.capability,
        as_of,
        endpoint=job.endpoint,
        prompt=job.prompt,
        images=[picture.facts.size for picture in job.images],
        size=job.sheet,
        parameters=job.parameters,
        partials=partials,
    )
    return used, tokens.compute_price(job.capability, used)


def latency(job: Job, context: Context) -> float:
    """How many seconds the API would take: drawn, by seed, from what was recorded of the model and quality."""
    low, high = job.capability.row["latency"][job.parameters["quality"]]
    return context.randint("latency", round(low * 1000), round(high * 1000)) / 1000
