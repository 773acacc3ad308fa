"""The OpenAI Images API on your own machine: a server, an ASGI application and pytest fixtures."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mockserver.pytest_plugin.reporting import ShutdownWarning as ShutdownWarning
    from mockserver.scenario.document import ScenarioError as ScenarioError
    from mockserver.server.send import WireFaultNeedsSocket as WireFaultNeedsSocket
    from mockserver.testing.images_mock import Call as Call
    from mockserver.testing.images_mock import ImagesMock as ImagesMock
    from mockserver.testing.serve import create_app as create_app
    from mockserver.testing.serve import serve as serve

__all__ = [
    "Call",
    "ImagesMock",
    "ScenarioError",
    "ShutdownWarning",
    "WireFaultNeedsSocket",
    "__version__",
    "create_app",
    "serve",
]

__version__ = "0.1.0"
# Imported on first use, so that `import mockserver` loads neither the server nor pytest.
MODULES = {
    "Call": "mockserver.testing.images_mock",
    "ImagesMock": "mockserver.testing.images_mock",
    "ScenarioError": "mockserver.scenario.document",
    "ShutdownWarning": "mockserver.pytest_plugin.reporting",
    "WireFaultNeedsSocket": "mockserver.server.send",
    "create_app": "mockserver.testing.serve",
    "serve": "mockserver.testing.serve",
}


def __getattr__(name: str) -> Any:
    if name not in MODULES:
        raise AttributeError(f"module 'mockserver' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(MODULES[name]), name)
