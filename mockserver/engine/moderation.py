"""The safety system of a scenario: words in a prompt that are refused. Pure; knows no text of a refusal."""

from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.contract.catalogue import Problem
from mockserver.engine.job import Job


def moderate(job: Job, rules: Sequence[Mapping[str, Any]], as_of: AsOf) -> Problem | None:
    """The problem with a job's prompt on a day, by rules as a scenario file says them, or None."""
    prompt = job.prompt.casefold()
    for rule in rules:
        if any(_said(word.strip().casefold(), prompt) for word in rule["words"]):
            category = ", ".join(rule.get("categories", ["sexual"]))
            family = job.capability.substitute_family("moderation-blocked", "", as_of)
            return Problem(family, category=category, stage=rule.get("stage", "input"), model=job.model)
    return None


def _said(word: str, prompt: str) -> bool:
    """Does a word, or several in a row, stand in a prompt by itself?"""
    start = prompt.find(word)
    while start >= 0:
        end = start + len(word)
        if not prompt[max(0, start - 1) : start].isalnum() and not prompt[end : end + 1].isalnum():
            return True
        start = prompt.find(word, start + 1)
    return False
