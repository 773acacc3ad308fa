"""What a scenario gets to know of a request before it takes its turn. Pure; matches nothing itself."""

from collections.abc import Mapping

from mockserver.contract import catalogue
from mockserver.engine import usage
from mockserver.engine.context import Context
from mockserver.engine.meaning import Meaning
from mockserver.engine.values import Settings, Understood
from mockserver.scenario.matching import RequestFacts, retry_count


def asking(meant: Meaning, headers: Mapping[str, str], settings: Settings, now: float) -> RequestFacts:
    """What a request of these (lower-case) headers asks for, at a time in seconds since 1970."""
    takes = needs(meant.understood, settings, now)
    digest = meant.understood.digest
    return meant.asked._replace(headers=headers, retry=retry_count(headers), now=now, digest=digest, needs=takes)


def needs(understood: Understood, settings: Settings, now: float) -> dict[str, int]:
    """What it takes from the limits per minute. What is refused at the door, or only tells of models, takes nothing."""
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
        used, _ = usage.usage(job, Context(now, "", 0, 0, settings.as_of))
        needs["tokens"] = used["total_tokens"] if used else 0
    return needs
