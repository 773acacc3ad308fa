"""What a job uses: tokens, their price, the time that the API would take, and its share of the limits per minute."""

from typing import Any

from mockserver.contract import catalogue, tokens
from mockserver.contract.asof import AsOf
from mockserver.core.cache import Cache
from mockserver.engine.context import Context
from mockserver.engine.job import Job
from mockserver.engine.values import Settings, Understood

# Counting takes 25 of about 200 µs of CPU time that a repeated request takes.
USAGE = Cache[tuple[dict[str, Any], float | None]](4_096, lambda _: 1)


def count_usage(job: Job, as_of: AsOf) -> tuple[dict[str, Any] | None, float | None]:
    if not job.capability.row["usage"]:
        return None, None
    partials = job.parameters["partial_images"] if job.stream else 0
    key = (job.digest, job.endpoint, job.resolved, as_of.label)
    return USAGE.get_or_build(key, lambda: _count(job, as_of, partials))


def _count(job: Job, as_of: AsOf, partials: int) -> tuple[dict[str, Any], float | None]:
    used = tokens.compute_usage(
        job.capability,
        as_of,
        endpoint=job.endpoint,
        prompt=job.prompt,
        images=[image.facts.size for image in job.images],
        size=job.sheet,
        parameters=job.parameters,
        partials=partials,
    )
    return used, tokens.compute_price(job.capability, used)


def draw_latency(job: Job, context: Context) -> float:
    """The seconds that the API would take: drawn from what was recorded of the model and quality."""
    low, high = job.capability.row["latency"][job.parameters["quality"]]
    return context.randint("latency", round(low * 1000), round(high * 1000)) / 1000


def count_needs(understood: Understood, settings: Settings) -> dict[str, int]:
    """What a request takes from each limit per minute: nothing if it is not admitted or asks for no images."""
    problem, job = understood.problem, understood.job
    if not settings.limits:
        return {}
    if problem:
        row = catalogue.find_row(problem.family, settings.as_of, understood.group, understood.provider)
        return {} if row.at == "admit" else {"requests": 1}
    if job is None:
        return {}
    needs = {"requests": 1, "images": int(job.parameters.get("n", 1))}
    if "tokens" in settings.limits:
        used, _ = count_usage(job, settings.as_of)
        needs["tokens"] = used["total_tokens"] if used else 0
    return needs
