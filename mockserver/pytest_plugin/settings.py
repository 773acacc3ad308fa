"""What a test wants of its mock: markers, command-line options and ini settings."""

from __future__ import annotations

from typing import Any

import pytest

# Each can be set by a marker, on the command line or in the ini file. The closest marker wins, the ini file comes last.
SETTINGS = {
    "scenario": "the scenario that each test plays: a built-in name or a file",
    "as_of": "the date of the API to emulate: any, latest, or a date",
    "seed": "the seed of everything that a scenario leaves to chance",
    "strict": "fail a test on errors that its scenario did not request, and on steps that were never reached",
}
BOOLEANS = dict.fromkeys(("true", "1", "yes", "on"), True) | dict.fromkeys(("false", "0", "no", "off", "none"), False)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("images_mock", "the mocked OpenAI Images API")
    for name, description in SETTINGS.items():
        action = {"action": "store_const", "const": "true"} if name == "strict" else {}
        group.addoption(f"--images-mock-{name.replace('_', '-')}", default=None, help=description, **action)
        parser.addini(f"images_mock_{name}", description)
    group.addoption("--images-mock-artifacts", metavar="DIR", help="where the images of failed tests are saved")


def pytest_configure(config: pytest.Config) -> None:
    keywords = ", ".join(f"{name}=..." for name in SETTINGS)
    config.addinivalue_line("markers", f"images_mock({keywords}): settings of the fixture images_mock for a test")


def read_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The settings that apply to a test. Raises pytest.UsageError for an invalid one."""
    node = request.node
    settings = {name: _option_or_ini(request.config, name) for name in SETTINGS}
    for marker in reversed(list(node.iter_markers("images_mock"))):
        unknown = ", ".join(name for name in marker.kwargs if name not in SETTINGS)
        if unknown or marker.args:
            message = f"the marker images_mock takes {', '.join(SETTINGS)} by name, not {unknown or marker.args}"
            raise pytest.UsageError(f"{node.nodeid}: {message}")
        settings |= marker.kwargs
    strict = str(settings["strict"]).lower()
    if strict not in BOOLEANS:
        raise pytest.UsageError(f"{node.nodeid}: strict: expected true or false, got {settings['strict']!r}")
    return settings | {"strict": BOOLEANS[strict], "seed": _parse_seed(node.nodeid, settings["seed"])}


def _option_or_ini(config: pytest.Config, name: str) -> Any:
    option = config.getoption(f"images_mock_{name}")
    return (config.getini(f"images_mock_{name}") or None) if option is None else option


def _parse_seed(nodeid: str, seed: Any) -> int | None:
    from mockserver.core.number import is_plain_number

    try:
        if seed is not None and (isinstance(seed, bool | float) or not is_plain_number(str(seed))):
            raise ValueError
        return None if seed is None else int(seed)
    except (ValueError, TypeError):
        raise pytest.UsageError(f"{nodeid}: seed: expected an integer, got {seed!r}") from None
