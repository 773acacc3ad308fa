"""What the JSON of an answer and the events of a stream have in common. Sends nothing."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.core import data_files
from mockserver.engine.context import Context
from mockserver.engine.job import Job
from mockserver.engine.output_images import OutputImage


def key(job: Job, sent: tuple[OutputImage, ...], context: Context) -> tuple[str, ...]:
    """All that an answer depends on but for when it was made."""
    return job.digest, job.endpoint, job.resolved, job.dialect, context.as_of.label, *[one.digest for one in sent]


def echo(job: Job) -> dict[str, Any]:
    """What an answer repeats of the job: values as they were resolved, never `auto`.

    The identifier is that of the end user, by its new name or its old one (SDK types, 2026-10-16).
    """
    names = (job.parameters.get(key) for key in ("safety_identifier", "user"))
    echoed = {key: job.parameters.get(key) for key in ("background", "output_format", "quality", "size")}
    return {**echoed, "safety_identifier": next((name for name in names if name and isinstance(name, str)), None)}


@cache
def shape(kind: str, as_of: AsOf) -> Mapping[str, Any]:
    """The row of contracts/answers.yaml that holds on a day."""
    rows: list[Mapping[str, Any]] = data_files.contract("answers.yaml")[kind]
    return next(row for row in rows if as_of.holds(row.get("since"), row.get("until")))
