"""The API's verdict on files as the images of an edit: their price, or why they are rejected and how to fix them."""

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
from mockserver.harness.check.files import ImageFile, read_file
from mockserver.harness.check.fixes import Fix, find_fix
from mockserver.scenario.lint import RULES

PATH = "/v1/images/edits"
FORM = (("content-type", "multipart/form-data"),)

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The API's response to one edit: `usage` and `price` in US dollars, or `status`, `error` and an explanation.

    `guess` names the undocumented rule on which a rejection rests, as a scenario's `accept` lists it.
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
    fix: Fix | None = None
    hints: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        # Programs read the fix under `mend`.
        return {"mend" if name == "fix" else name: value for name, value in asdict(self).items()}


def check(
    paths: Sequence[Path], others: Mapping[str, Path], fields: Fields, as_of: AsOf, together: bool = False
) -> list[Verdict]:
    """Return a verdict for each image as an edit of its own, or one verdict for an edit of all of them.

    `others` may name a `mask` and a `markup`; `fields` are the other parameters. Raises ValueError for a file that
    cannot be read.
    """
    images = [read_file("image[]" if together else "image", path) for path in paths]
    other_files = [read_file(name, path) for name, path in others.items()]
    edits = [images] if together else [[image] for image in images]
    return [judge(edit, other_files, fields, as_of) for edit in edits]


def judge(images: Sequence[ImageFile], others: Sequence[ImageFile], fields: Fields, as_of: AsOf) -> Verdict:
    files, names = (*images, *others), tuple(image.name for image in images)
    texts = (Part(name, None, None, value.encode("utf-8", "surrogateescape"), "") for name, value in fields)
    request = Request("POST", PATH, FORM, parts=(*texts, *(file.part for file in files)))
    understood = understand(request, Settings(as_of, "open"))
    if understood.problem is None:
        assert understood.job is not None
        return accept(names, understood.job, as_of)
    problem, group = understood.problem, understood.group
    row = catalogue.find_row(problem.family, as_of, group)
    facts = {**build_context(as_of).ids(), **problem.facts}
    return Verdict(
        names,
        False,
        problem.facts.get("model"),
        row.status,
        error=row.error(facts),
        hint=row.render_hint(facts),
        guess=find_guess(row, request, problem, as_of),
        fix=find_fix(problem, group, files),
    )


def accept(names: tuple[str, ...], job: Job, as_of: AsOf) -> Verdict:
    used, price = usage.count_usage(job, as_of)
    return Verdict(names, True, job.model, usage=used, price=price, hints=job.hints)


def build_context(as_of: AsOf) -> Context:
    # Always the same, so that ids in error texts are too.
    return Context(0, "check", 0, 0, as_of)


def find_guess(row: Row, request: Request, problem: Problem, as_of: AsOf) -> str | None:
    """The undocumented rule without which the API would respond differently, or None."""
    if row.confidence == "guess":
        return row.family
    for rule in RULES:
        other = understand(request, Settings(as_of, "open", accept=frozenset({rule}))).problem
        if other is None or (other.family, other.facts) != (problem.family, problem.facts):
            return rule
    return None
