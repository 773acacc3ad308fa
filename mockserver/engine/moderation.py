"""The safety system: words in a prompt that a scenario wants rejected."""

from collections.abc import Mapping, Sequence
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.contract.catalogue import Problem
from mockserver.engine.job import Job


def moderate(job: Job, rules: Sequence[Mapping[str, Any]], as_of: AsOf) -> Problem | None:
    prompt = job.prompt.casefold()
    for rule in rules:
        if any(_contains_words(prompt, words.strip().casefold()) for words in rule["words"]):
            category = ", ".join(rule.get("categories", ["sexual"]))
            family = job.capability.substitute_family("moderation-blocked", "", as_of)
            return Problem(family, category=category, stage=rule.get("stage", "input"), model=job.model)
    return None


def _contains_words(prompt: str, words: str) -> bool:
    start = prompt.find(words)
    while start >= 0:
        end = start + len(words)
        if not prompt[max(0, start - 1) : start].isalnum() and not prompt[end : end + 1].isalnum():
            return True
        start = prompt.find(words, start + 1)
    return False
