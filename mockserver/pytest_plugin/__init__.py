"""The pytest plugin: fixtures, their options, and what they add to the report of a failed test.

It imports the rest of the package only when a fixture is used, so it costs other test suites nothing.

PYTEST_DONT_REWRITE: a warning filter that names ShutdownWarning imports this package before pytest rewrites it, and
pytest would warn about that.
"""

from mockserver.pytest_plugin.fixtures import (
    images_mock,
    images_mock_async_client,
    images_mock_client,
    images_mock_env,
    images_mock_server,
    images_mock_settings,
)
from mockserver.pytest_plugin.reporting import ShutdownWarning, pytest_runtest_makereport
from mockserver.pytest_plugin.settings import pytest_addoption, pytest_configure

__all__ = [
    "ShutdownWarning",
    "images_mock",
    "images_mock_async_client",
    "images_mock_client",
    "images_mock_env",
    "images_mock_server",
    "images_mock_settings",
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_makereport",
]
