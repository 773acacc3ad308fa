"""What a scenario gets to know of a request before it takes its turn. Pure; matches nothing itself."""

from dataclasses import replace

from mockserver.contract import catalogue
from mockserver.engine.entry import arrived
from mockserver.engine.values import Settings, Understood
from mockserver.moment import Moment
from mockserver.render import bodies
from mockserver.scenario.asked import Asked, asked
from mockserver.wire.request import Request


def asking(request: Request, understood: Understood, settings: Settings, now: float) -> Asked:
    """What a request asks for, as its journal entry will tell it, at a time in seconds since 1970."""
    told = asked(arrived(request, understood))
    return replace(told, now=now, digest=understood.digest, needs=_needs(understood, settings, now))


def _needs(understood: Understood, settings: Settings, now: float) -> dict[str, int]:
    """What it takes from the limits per minute. What is refused at the door, or only tells of models, takes nothing."""
    problem, job = understood.problem, understood.job
    if not settings.limits:
        return {}
    if problem:
        row = catalogue.find(problem.family, settings.as_of, understood.group, understood.provider)
        return {} if row.at == "admit" else {"requests": 1}
    if job is None:
        return {}
    needs = {"requests": 1, "images": int(job.parameters.get("n", 1))}
    if "tokens" in settings.limits:
        used = bodies.usage(job, Moment(now, "", 0, 0, settings.as_of))
        needs["tokens"] = used["total_tokens"] if used else 0
    return needs
