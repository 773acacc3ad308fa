"""What JSON responses and stream events have in common."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from mockserver.contract.asof import AsOf
from mockserver.core import data_files
from mockserver.engine.context import Context
from mockserver.engine.job import Job
from mockserver.engine.output_images import OutputImage


def build_key(job: Job, images: tuple[OutputImage, ...], context: Context) -> tuple[str, ...]:
    digests = [image.digest for image in images]
    return job.digest, job.endpoint, job.resolved, job.dialect, context.as_of.label, *digests


def echo_job(job: Job) -> dict[str, Any]:
    # The end user's identifier, by its new name or its old one (SDK types, 2026-10-16).
    names = (job.parameters.get(key) for key in ("safety_identifier", "user"))
    echoed = {key: job.parameters.get(key) for key in ("background", "output_format", "quality", "size")}
    return {**echoed, "safety_identifier": next((name for name in names if name and isinstance(name, str)), None)}


@cache
def find_shape(kind: str, as_of: AsOf) -> Mapping[str, Any]:
    rows: list[Mapping[str, Any]] = data_files.contract("answers.yaml")[kind]
    return next(row for row in rows if as_of.holds(row.get("since"), row.get("until")))
