"""Verdicts on files as the pictures of an edit: the engine's own, with their price, or with why and what mends it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mockserver.contract import catalogue
from mockserver.contract.asof import AsOf
from mockserver.contract.catalogue import Problem, Row
from mockserver.core.request import Part, Request
from mockserver.engine import usage
from mockserver.engine.context import Context
from mockserver.engine.job import Job
from mockserver.engine.understand import understand
from mockserver.engine.values import Settings
from mockserver.harness.check.files import File, read
from mockserver.harness.check.fixes import Mend, mend
from mockserver.scenario.lint import RULES

PATH = "/v1/images/edits"
FORM = (("content-type", "multipart/form-data"),)

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the API would say to one edit: `usage` and `price` in US dollars, or `status`, `error` and why.

    `guess` names the guess of ours on which a refusal rests, as `accept` in a scenario spells it.
    """

    files: tuple[str, ...]
    accepted: bool
    model: str | None
    status: int = 200
    usage: Mapping[str, Any] | None = None
    price: float | None = None
    error: Mapping[str, Any] | None = None
    hint: str | None = None
    guess: str | None = None
    mend: Mend | None = None
    hints: tuple[str, ...] = ()

    def described(self) -> dict[str, Any]:
        """The verdict as JSON shows it."""
        return asdict(self)


def check(
    paths: Sequence[Path], beside: Mapping[str, Path], fields: Fields, as_of: AsOf, together: bool = False
) -> list[Verdict]:
    """A verdict on each picture as an edit of its own, or one on an edit of all of them.

    `beside` may hold a `mask` and a `markup`, `fields` are the other parameters. Raises ValueError for a file that
    cannot be read.
    """
    images = [read("image[]" if together else "image", path) for path in paths]
    others = [read(name, path) for name, path in beside.items()]
    edits = [images] if together else [[image] for image in images]
    return [judged(edit, others, fields, as_of) for edit in edits]


def judged(images: Sequence[File], others: Sequence[File], fields: Fields, as_of: AsOf) -> Verdict:
    """The verdict on one edit."""
    files, names = (*images, *others), tuple(image.name for image in images)
    texts = (Part(name, None, None, value.encode("utf-8", "surrogateescape"), "") for name, value in fields)
    request = Request("POST", PATH, FORM, parts=(*texts, *(file.part for file in files)))
    understood = understand(request, Settings(as_of, "open"))
    if understood.problem is None:
        assert understood.job is not None
        return accepted(names, understood.job, as_of)
    problem, group = understood.problem, understood.group
    row = catalogue.find_row(problem.family, as_of, group)
    known = {**context_on(as_of).ids(), **problem.facts}
    return Verdict(
        names,
        False,
        problem.facts.get("model"),
        row.status,
        error=row.error(known),
        hint=row.render_hint(known),
        guess=guess(row, request, problem, as_of),
        mend=mend(problem, group, files),
    )


def accepted(names: tuple[str, ...], job: Job, as_of: AsOf) -> Verdict:
    """The verdict on a job that is served."""
    used, price = usage.usage(job, context_on(as_of))
    return Verdict(names, True, job.model, usage=used, price=price, hints=job.hints)


def context_on(as_of: AsOf) -> Context:
    """When and for whom it is judged: always the same, and so are the ids in texts."""
    return Context(0, "check", 0, 0, as_of)


def guess(row: Row, request: Request, problem: Problem, as_of: AsOf) -> str | None:
    """The guess of ours without which there would not be this problem, or None."""
    if row.confidence == "guess":
        return row.family
    for rule in RULES:
        other = understand(request, Settings(as_of, "open", accept=frozenset({rule}))).problem
        if other is None or (other.family, other.facts) != (problem.family, problem.facts):
            return rule
    return None
