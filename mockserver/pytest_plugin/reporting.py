"""What the fixtures add to a run: reasons to fail, warnings, and the calls of a failed test with their images."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from PIL import Image

    from mockserver.testing.images_mock import Call, ImagesMock


class ShutdownWarning(UserWarning):
    """A test used a model whose shutdown date is known."""


class Recording(NamedTuple):
    """The calls of a test, and those of their images that the server still holds, by SHA-256."""

    calls: list[Call]
    images: dict[str, Image.Image]


# A function, as the report of a failed call must show what was recorded until then.
RECORDING = pytest.StashKey[Callable[[], Recording]]()


class CrashLog(logging.Handler):
    """Collects the tracebacks that the server logs when it crashes."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.tracebacks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.tracebacks.append(self.format(record))


def record_calls(mock: ImagesMock, artifacts: str | None) -> Recording:
    """The calls so far. Images are decoded only if there is a folder to save them to."""
    calls, images = mock.calls, dict[str, "Image.Image"]()
    received = [file["sha256"] for call in calls for file in call.entry["request"]["files"]]
    sent = [sha256 for call in calls for sha256 in call.entry["answer"]["pictures"]]
    for sha256 in {*received, *sent} - {None} if artifacts else ():
        try:
            images[sha256] = mock.picture(sha256)
        except (LookupError, OSError):
            continue
    return Recording(calls, images)


def fail_if_unexpected(
    journal: list[Mapping[str, Any]], unreached: list[int], tracebacks: list[str], *, strict: bool
) -> None:
    """Fail the test if the server crashed; with `strict` also for errors and steps that nobody expected."""
    if tracebacks:
        pytest.fail("the server crashed:\n" + "\n".join(tracebacks), pytrace=False)
    if not strict:
        return
    reasons = [
        f"{entry['id']} was rejected with {entry['answer']['status']} {entry['answer']['code']}: {entry['hints'][0]}"
        for entry in journal
        if entry["answer"]["outcome"] == "refused" and not _is_requested(entry)
    ]
    if unreached:
        reasons.append(f"steps that were never reached: {', '.join(map(str, unreached))}")
    if reasons:
        pytest.fail("images_mock is strict:\n" + "\n".join(reasons), pytrace=False)


def _is_requested(entry: Mapping[str, Any]) -> bool:
    return any("Requested by scenario" in hint for hint in entry["hints"])


def warn_about_shutdowns(item: pytest.Item, journal: list[Mapping[str, Any]]) -> None:
    """Warn at the test that used a model with a shutdown date; fail it where warnings are errors."""
    from mockserver.contract.capabilities import table

    for model in sorted({entry["job"]["model"] for entry in journal if entry["job"]}):
        date = table()[model].shutdown
        try:
            if date:
                item.warn(ShutdownWarning(f"{model} is shut down from {date} on"))
        except ShutdownWarning as warning:
            raise pytest.fail.Exception(f"ShutdownWarning: {warning}", pytrace=False) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report: Any = yield
    if report.failed and RECORDING in item.stash:
        recording = item.stash[RECORDING]()
        lines = [f"{call!r}\n  {' '.join(call.hints)}" for call in recording.calls]
        report.sections.append(("images_mock", "\n".join(lines) or "no calls"))
        folder = item.config.getoption("images_mock_artifacts")
        if folder:
            _save(recording, Path(folder, item.nodeid.replace("/", "_").replace("::", ".")))
    if report.when == "teardown" and RECORDING in item.stash:
        del item.stash[RECORDING]
    return report


def _save(recording: Recording, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "journal.json").write_text(json.dumps([call.entry for call in recording.calls], indent=2))
    for sha256, image in recording.images.items():
        image.save(folder / f"{sha256}.{str(image.format).lower()}")
